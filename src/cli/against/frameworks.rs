//! Elements that a framework takes over in the browser: what is laid into them it compares with what it expects, and reverts.
//!
//! In: a page. Out: such elements, with the framework's name. It must not guess: each is known by a mark that the framework itself
//! leaves.

use std::ops::Range;

use crate::page::{Charset, Findings, FoundElement, Place, Target};

/// Marks, and who leaves them.
const MARKS: [(&str, &str); 12] = [
    ("#__next", "Next.js"),
    ("#__nuxt", "Nuxt"),
    ("#___gatsby", "Gatsby"),
    ("[data-reactroot]", "React"),
    ("[data-server-rendered]", "Vue"),
    ("[data-v-app]", "Vue"),
    ("astro-island", "Astro"),
    ("[ng-version]", "Angular"),
    ("[ng-server-context]", "Angular"),
    ("[data-hk]", "Solid"),
    ("[q\\:container]", "Qwik"),
    ("[data-sveltekit-hydrate]", "SvelteKit"),
];

/// Scripts by which a framework takes over the whole document.
const WHOLE: [(&[u8], &str); 2] = [(b"self.__next_f", "Next.js"), (b"window.__remixContext", "Remix")];

/// An element that a framework takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub selector: &'static str,
    pub framework: &'static str,
    outer: Range<usize>,
    inner: Range<usize>,
}

impl Root {
    /// Whether what is done to an element lies inside.
    pub fn reverts(&self, element: &FoundElement, target: &Target) -> bool {
        let itself = element.outer == self.outer;
        match target {
            Target::Place(Place::Before | Place::After | Place::Replace | Place::Remove) if itself => false,
            _ => itself || self.holds(element),
        }
    }

    /// Whether an element lies inside.
    pub fn holds(&self, element: &FoundElement) -> bool {
        self.inner.start <= element.outer.start && element.outer.end <= self.inner.end
    }
}

/// The elements of a page that frameworks take over.
pub fn roots(page: &[u8], charset: Charset) -> Vec<Root> {
    let marks: Vec<&str> = MARKS.iter().map(|(mark, _)| *mark).collect();
    let found = Findings::of(page, charset, &marks).unwrap_or_default();
    let known = MARKS.iter().zip(found.elements).flat_map(|((selector, framework), elements)| {
        let root = |element: FoundElement| Root { selector, framework, outer: element.outer, inner: element.inner };
        elements.into_iter().map(root)
    });
    let whole = WHOLE.iter().filter(|(mark, _)| memchr::memmem::find(page, mark).is_some());
    let whole = whole.map(|(_, framework)| {
        let all = 0..page.len();
        Root { selector: "html", framework, outer: all.clone(), inner: all }
    });
    known.chain(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_known() {
        for (page, framework) in [
            ("<div id=__next><main></main></div>", "Next.js"),
            ("<div id='app' data-v-app><main></main></div>", "Vue"),
            ("<astro-island uid=1><main></main></astro-island>", "Astro"),
            ("<app-root ng-version='17'><main></main></app-root>", "Angular"),
            ("<html q:container=paused><main></main></html>", "Qwik"),
            ("<main></main><script>self.__next_f.push([0])</script>", "Next.js"),
        ] {
            let charset = Charset::Unknown;
            let roots = roots(page.as_bytes(), charset);
            let main = &Findings::of(page.as_bytes(), charset, &["main"]).expect("a selector").elements[0][0];
            let inside = Target::Place(Place::Prepend);
            assert!(
                roots.iter().any(|root| root.framework == framework && root.reverts(main, &inside)),
                "{page}: {roots:?}"
            );
        }
        assert_eq!(roots(b"<div id=app><main></main></div>", Charset::Unknown), []);
    }

    #[test]
    fn beside_a_root_nothing_is_reverted() {
        let page = b"<div id=__next><p></p></div>";
        let roots = roots(page, Charset::Unknown);
        let element = &Findings::of(page, Charset::Unknown, &["#__next"]).expect("a selector").elements[0][0];
        assert!(!roots[0].reverts(element, &Target::Place(Place::Before)));
        assert!(roots[0].reverts(element, &Target::Place(Place::Append)));
    }
}
