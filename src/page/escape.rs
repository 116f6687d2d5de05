//! What holds a slot, hence how bytes there are read: escaping for it, and what must not be laid in.
//!
//! In: text or bytes. Out: escaped text, or a refusal. It must not know slots or pages.

use std::borrow::Cow;

use super::Context;
use super::charset::Beyond;

/// `text` so that a browser shows it as it is in `context`. `RawText` has no escapes: there it comes back unchanged, and
/// whether it can be laid in is judged when it is.
pub fn escape(text: &str, context: Context) -> Cow<'_, str> {
    let special: &[char] = match context {
        Context::Html | Context::EscapableText => &['&', '<', '>'],
        Context::Attribute => &['&', '"'],
        Context::RawText => &[],
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        escaped.push_str(&rest[..at]);
        escaped.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    escaped.push_str(rest);
    Cow::Owned(escaped)
}

/// What directly holds a slot's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Other elements.
    Markup,
    /// An attribute's double quotes.
    Value,
    Script,
    /// `style` and the like, by name: ends at its end tag, nothing is decoded.
    Raw(&'static str),
    /// `title`, `textarea`: ends at its end tag, entities are decoded.
    Escapable(&'static str),
    /// Markup to browsers without scripts, raw text to all others.
    Noscript,
}

impl Holder {
    /// What an element of this name (in any case) is to its content. Only HTML elements are special: in SVG, `style` holds
    /// markup. (`title` in SVG passes for HTML's, as lol_html has it: it is shown as text anyway.)
    pub fn inside(name: &[u8], html: bool) -> Self {
        const SPECIAL: [(&str, Holder); 9] = [
            ("script", Holder::Script),
            ("style", Holder::Raw("style")),
            ("title", Holder::Escapable("title")),
            ("textarea", Holder::Escapable("textarea")),
            ("noscript", Holder::Noscript),
            ("iframe", Holder::Raw("iframe")),
            ("xmp", Holder::Raw("xmp")),
            ("noembed", Holder::Raw("noembed")),
            ("noframes", Holder::Raw("noframes")),
        ];
        let special = SPECIAL.iter().find(|(special, _)| name.eq_ignore_ascii_case(special.as_bytes()));
        special.filter(|_| html).map_or(Self::Markup, |(_, holder)| *holder)
    }

    pub fn context(self) -> Context {
        match self {
            Self::Markup | Self::Noscript => Context::Html,
            Self::Value => Context::Attribute,
            Self::Script | Self::Raw(_) => Context::RawText,
            Self::Escapable(_) => Context::EscapableText,
        }
    }

    /// Whether these bytes would end what holds them, or make it swallow what follows. In a script, `<!--` and `<script`
    /// are as dangerous as the end tag: together they hide it.
    pub fn refuses(self, content: &[u8]) -> bool {
        let ends = |name: &str| has_tag(content, b"</", name);
        match self {
            Self::Markup => false,
            Self::Value => content.contains(&b'"'),
            Self::Script => ends("script") || has_tag(content, b"<", "script") || has_tag(content, b"<", "!--"),
            Self::Raw(name) | Self::Escapable(name) => ends(name),
            Self::Noscript => ends("noscript"),
        }
    }

    pub fn beyond(self) -> Beyond {
        match self {
            Self::Script | Self::Raw(_) => Beyond::Refuse,
            Self::Markup | Self::Value | Self::Escapable(_) | Self::Noscript => Beyond::Reference,
        }
    }
}

/// Whether `opening` followed by `name`, in any case, occurs.
fn has_tag(content: &[u8], opening: &[u8], name: &str) -> bool {
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[at..];
        let named = rest.strip_prefix(opening).and_then(|after| after.get(..name.len()));
        if named.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_the_place_reads() {
        assert_eq!(escape("a<b>&\"'", Context::Html), "a&lt;b&gt;&amp;\"'");
        assert_eq!(escape("a<b>&\"'", Context::Attribute), "a<b>&amp;&quot;'");
        assert_eq!(escape("</title>", Context::EscapableText), "&lt;/title&gt;");
        assert_eq!(escape("a<b", Context::RawText), "a<b");
        assert!(matches!(escape("plain é", Context::Html), Cow::Borrowed(_)));
    }

    #[test]
    fn refuses_what_would_end_its_holder() {
        let script = Holder::inside(b"script", true);
        for bad in ["</script>", "x</SCRIPT ", "</script", "<!-- x", "<<script>"] {
            assert!(script.refuses(bad.as_bytes()), "{bad}");
        }
        for good in ["</style>", "if (a<b) c()", "<\\/script>", "</ script>", ""] {
            assert!(!script.refuses(good.as_bytes()), "{good}");
        }
        assert!(Holder::inside(b"style", true).refuses(b"a{}</Style>"));
        assert!(Holder::inside(b"title", true).refuses(b"</title>"));
        assert!(Holder::inside(b"noscript", true).refuses(b"</noscript>"));
        assert!(!Holder::inside(b"title", false).refuses(b"</title>"));
        assert!(Holder::Value.refuses(b"\""));
    }

    proptest::proptest! {
        #[test]
        fn escaped_text_reads_as_it_was(text in "\\PC{0,30}") {
            let html = escape(&text, Context::Html);
            proptest::prop_assert!(!html.contains(['<', '>']));
            proptest::prop_assert_eq!(&htmlize::unescape(html.into_owned()), &text);
            let value = escape(&text, Context::Attribute);
            proptest::prop_assert!(!Holder::Value.refuses(value.as_bytes()));
            proptest::prop_assert_eq!(&htmlize::unescape_attribute(value.into_owned()), &text);
        }
    }
}
