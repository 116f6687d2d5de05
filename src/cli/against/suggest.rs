//! Selectors worth using: few, stable, each with how often it matches.
//!
//! In: a page, and what frameworks take over in it. Out: at most [`SUGGESTED_SELECTORS`]. It must not name what a build makes up anew:
//! class names with hashes, numbered ids.

use std::collections::BTreeMap;

use serde::Serialize;

use super::frameworks::Root;
use crate::limits::SUGGESTED_SELECTORS;
use crate::page::{Charset, Findings, FoundElement, check_selector};

/// A selector worth using.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    pub selector: String,
    /// Elements that it finds.
    pub found: usize,
    /// The first of them, by tag.
    pub element: String,
    /// Why it is likely to stay.
    pub because: &'static str,
}

/// Elements by which authors structure every page.
const LANDMARKS: [&str; 8] = ["main", "h1", "header", "nav", "footer", "aside", "article", "form"];
/// Elements that nothing is laid into, or that hold no content of their own.
const SKIPPED: [&str; 16] = [
    "html", "head", "meta", "link", "script", "style", "title", "base", "noscript", "template", "br", "hr", "path",
    "svg", "use", "g",
];

struct Candidate {
    suggestion: Suggestion,
    rank: u32,
    at: usize,
}

/// The selectors that are most likely to stay, best first.
pub fn suggest(page: &[u8], charset: Charset, roots: &[Root]) -> Vec<Suggestion> {
    let elements = Findings::of(page, charset, &["*"]).unwrap_or_default().elements.pop().unwrap_or_default();
    let elements: Vec<FoundElement> =
        elements.into_iter().filter(|element| !SKIPPED.contains(&element.tag.as_str())).collect();
    let mut groups: BTreeMap<(String, &'static str, u32), Vec<&FoundElement>> = BTreeMap::new();
    for element in &elements {
        for named in names(element) {
            groups.entry(named).or_default().push(element);
        }
    }
    let mut candidates: Vec<Candidate> = groups
        .into_iter()
        .filter(|((selector, because, _), found)| fits(because, found.len()) && check_selector(selector).is_ok())
        .map(|((selector, because, rank), found)| {
            let inside = roots.iter().any(|root| root.holds(found[0]));
            let suggestion = Suggestion { selector, found: found.len(), element: found[0].tag.clone(), because };
            // What a framework takes over is a last resort.
            Candidate { suggestion, rank: if inside { rank + 100 } else { rank }, at: found[0].outer.start }
        })
        .collect();
    candidates.sort_by_key(|candidate| (candidate.rank, candidate.at));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        // One selector for one place.
        if kept.len() < SUGGESTED_SELECTORS && !kept.iter().any(|other| other.at == candidate.at) {
            kept.push(candidate);
        }
    }
    kept.into_iter().map(|candidate| candidate.suggestion).collect()
}

const ONCE: &str = "once in the page, and every page has one";
const ID: &str = "an id, which scripts and styles count on";
const DATA: &str = "an attribute for programs; good for `each`";
const CLASS: &str = "a class that only this element has";

fn fits(because: &str, found: usize) -> bool {
    if because == DATA { found < 500 } else { found == 1 }
}

/// The selectors that an element could be found by, each with its reason and rank.
fn names(element: &FoundElement) -> Vec<(String, &'static str, u32)> {
    let mut names = Vec::new();
    if LANDMARKS.contains(&element.tag.as_str()) {
        names.push((element.tag.clone(), ONCE, 10));
    }
    if let Some(id) = element.attribute("id").filter(|id| is_stable(id)) {
        names.push((format!("#{id}"), ID, 20));
    }
    for (name, value) in &element.attributes {
        if name == "itemprop" && is_stable(value) {
            names.push((format!("[itemprop={value}]"), DATA, 31));
        }
        let made = ["data-v-", "data-react", "data-hk", "data-astro", "data-svelte", "data-n-"];
        if name.starts_with("data-") && is_stable(name) && !made.iter().any(|made| name.starts_with(made)) {
            names.push((format!("[{name}]"), DATA, 30));
        }
    }
    let classes = element.attribute("class").unwrap_or_default().split_ascii_whitespace();
    names.extend(classes.filter(|class| is_stable(class)).map(|class| (format!(".{class}"), CLASS, 40)));
    names
}

/// Whether a person wrote it: an identifier of words, not a hash, a number or a utility class.
fn is_stable(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let made = ["css-", "sc-", "jsx-", "svelte-", "chakra-", "Mui", "emotion-", "styled__"];
    let mixed = |part: &str| {
        let (digits, upper) = (part.chars().any(|c| c.is_ascii_digit()), part.chars().any(|c| c.is_ascii_uppercase()));
        let lower = part.chars().any(|c| c.is_ascii_lowercase());
        part.len() >= 5 && digits && (upper || lower)
    };
    let parts = || name.split(['-', '_']);
    begins
        && (3..=40).contains(&name.len())
        && name.chars().all(word)
        && digits <= 2
        && !parts().any(mixed)
        && !made.iter().any(|made| name.starts_with(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_names_come_first_and_hashes_never() {
        let page = "<html><body><header></header><main id=content><div class='css-1q2w3e x7kf9Q2a hero'></div>\
            <ul><li data-sku=1>a</li><li data-sku=2>b</li></ul><p id=post-918273 class=css-abc></p></main></body></html>";
        let found = suggest(page.as_bytes(), Charset::Unknown, &[]);
        let selectors: Vec<(&str, usize)> = found.iter().map(|one| (one.selector.as_str(), one.found)).collect();
        assert_eq!(selectors, [("header", 1), ("main", 1), ("[data-sku]", 2), (".hero", 1)]);
    }

    #[test]
    fn what_a_framework_takes_over_comes_last() {
        let page = "<div id=__next><main></main></div><p class=notice></p>";
        let roots = super::super::frameworks::roots(page.as_bytes(), Charset::Unknown);
        let found = suggest(page.as_bytes(), Charset::Unknown, &roots);
        let last = found.last().expect("a suggestion");
        assert_eq!(last.selector, "main");
    }
}
