//! Selectors: which can be looked for while a page streams by, and for the others the reason and the way out.
//!
//! In: the text of a selector as the author wrote it. Out: a compiled selector, or a [`SelectorError`] in words for the
//! author. It must not know markers or pages.

use lol_html::Selector;
use thiserror::Error;

/// Why a selector, attribute name or class can't be used, in words for the author of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectorError {
    #[error("the selector is empty; name an element, as in `main`, `#id` or `.class`")]
    Empty,
    #[error("`{part}` can't be matched while a page streams by: {why}")]
    Unsupported { part: String, why: &'static str },
    #[error("`{selector}` is not a selector: {source}")]
    Malformed { selector: String, source: lol_html::errors::SelectorError },
    #[error(
        "`{0}` can't be an attribute's name; use letters, digits and `- _ . :`, beginning with a letter, `_` or `:`"
    )]
    AttributeName(String),
    #[error("`{0}` can't be a class; one token without white space is needed")]
    ClassToken(String),
}

const FOLLOWS: &str = "what comes after an element is not known when it passes; give the element a class or an id, or \
     count from the start with `:nth-child` or `:nth-of-type`";
const INSIDE: &str = "what is inside an element is not known when it passes; select what is inside, and name the outer \
     element in `each` where it is needed";
const SIBLINGS: &str = "elements before it are forgotten; use a class, an id, an attribute, or a parent with `>`";
const ALTERNATIVES: &str = "write the alternatives as a list: `h1, h2`";
const STATE: &str = "it is a state of the browser, not of the page; select an attribute, as in `[checked]`";
const NO_ELEMENT: &str =
    "it is not an element of the page; select the element itself, and use the place `prepend` or `append`";
const NAMESPACE: &str = "namespaces are not supported; leave out the part up to `|`";
const NEGATION: &str = "inside `:not()` only single conditions work; `:not(.a.b)` can't be said, `:not(.a):not(.b)` and \
     `:not(.a, .b)` mean neither";
const NTH_OF: &str = "`of` is not supported inside it; use `:nth-of-type`, or a class";
const NOT_KNOWN: &str = "of the pseudo-classes only `:not`, `:first-child`, `:nth-child`, `:first-of-type` and `:nth-of-type` are supported";

/// Whether `selector` can be matched while a page streams by. For `select` and for `each`; lists are allowed.
pub fn check_selector(selector: &str) -> Result<(), SelectorError> {
    parse(selector).map(drop)
}

/// Whether `name` may stand in `attribute: NAME`.
pub fn check_attribute(name: &str) -> Result<(), SelectorError> {
    let begins = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':');
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    match name.as_bytes().first().is_some_and(begins) && name.bytes().all(goes_on) {
        true => Ok(()),
        false => Err(SelectorError::AttributeName(name.to_owned())),
    }
}

/// Whether `token` may stand in the lists of `class`.
pub fn check_class(token: &str) -> Result<(), SelectorError> {
    match token.is_empty() || token.contains(|c: char| c.is_ascii_whitespace() || c == '\0') {
        true => Err(SelectorError::ClassToken(token.to_owned())),
        false => Ok(()),
    }
}

/// The selector compiled, or the reason why not.
pub(super) fn parse(selector: &str) -> Result<Selector, SelectorError> {
    if selector.trim().is_empty() {
        return Err(SelectorError::Empty);
    }
    if let Some((part, why)) = unsupported(selector) {
        return Err(SelectorError::Unsupported { part, why });
    }
    selector.parse().map_err(|source| SelectorError::Malformed { selector: selector.to_owned(), source })
}

/// `select` below `each`, both possibly lists: every pair of their alternatives.
pub(super) fn below(each: &str, select: &str) -> String {
    let inner = alternatives(select);
    let pairs = alternatives(each).into_iter().flat_map(|outer| {
        let pair = move |alternative: &&str| format!("{} {}", outer.trim(), alternative.trim());
        inner.iter().map(pair).collect::<Vec<_>>()
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// A list's alternatives: cut at the commas that stand in no bracket, string or comment.
fn alternatives(selector: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = selector.as_bytes().get(at) {
        let next = skip(selector, at);
        if *byte == b',' {
            found.push(&selector[from..at]);
            from = next;
        }
        at = next;
    }
    found.push(&selector[from..]);
    found
}

/// Where the unit at `at` ends: a bracketed group, a string, a comment, an escape, or one byte.
fn skip(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    let length = match rest[0] {
        b'\\' => 2,
        b'"' | b'\'' => {
            let mut escaped = false;
            let ends = |&byte: &u8| {
                let end = byte == rest[0] && !escaped;
                escaped = byte == b'\\' && !escaped;
                end
            };
            rest[1..].iter().position(ends).map_or(rest.len(), |end| end + 2)
        }
        b'/' if rest.get(1) == Some(&b'*') => text[at + 2..].find("*/").map_or(rest.len(), |end| end + 4),
        b'(' | b'[' => {
            let close = if rest[0] == b'(' { b')' } else { b']' };
            let mut end = at + 1;
            while end < text.len() && text.as_bytes()[end] != close {
                end = skip(text, end);
            }
            end + 1 - at
        }
        _ => 1,
    };
    let mut end = (at + length).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

/// The first part that lol_html can't match, or matches in another sense than CSS gives it, with the reason.
fn unsupported(selector: &str) -> Option<(String, &'static str)> {
    let mut at = 0;
    while let Some(byte) = selector.as_bytes().get(at) {
        match byte {
            b'+' | b'~' => return Some(((*byte as char).into(), SIBLINGS)),
            b'|' => return Some(("|".into(), NAMESPACE)),
            b':' => {
                let end = pseudo_end(selector, at);
                if let Some(why) = unsupported_pseudo(&selector[at..end]) {
                    return Some((selector[at..end].to_owned(), why));
                }
                at = end;
            }
            _ => at = skip(selector, at),
        }
    }
    None
}

/// The end of the pseudo-class or pseudo-element that begins at `at`, its arguments included.
fn pseudo_end(selector: &str, at: usize) -> usize {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
    let name = selector.as_bytes()[at..].iter().take_while(|byte| named(byte)).count();
    let end = at + name;
    match selector.as_bytes().get(end) {
        Some(b'(') => skip(selector, end),
        _ => end,
    }
}

fn unsupported_pseudo(pseudo: &str) -> Option<&'static str> {
    let (name, arguments) = pseudo.split_once('(').unwrap_or((pseudo, ""));
    match name.to_ascii_lowercase().as_str() {
        ":first-child" | ":first-of-type" => None,
        ":nth-child" | ":nth-of-type" => arguments.to_ascii_lowercase().contains(" of ").then_some(NTH_OF),
        ":not" => {
            let inside = arguments.strip_suffix(')').unwrap_or(arguments);
            let compound = |alternative: &str| conditions(alternative.trim()) > 1;
            let several = alternatives(inside).into_iter().any(compound);
            several.then_some(NEGATION).or_else(|| unsupported(inside).map(|(_, why)| why))
        }
        ":has" => Some(INSIDE),
        ":empty" | ":last-child" | ":nth-last-child" | ":last-of-type" | ":nth-last-of-type" | ":only-child"
        | ":only-of-type" => Some(FOLLOWS),
        ":is" | ":where" | ":matches" | ":any" => Some(ALTERNATIVES),
        ":root" => Some("write `html`"),
        ":before" | ":after" | ":first-line" | ":first-letter" => Some(NO_ELEMENT),
        ":hover" | ":focus" | ":focus-within" | ":focus-visible" | ":active" | ":visited" | ":link" | ":any-link"
        | ":target" | ":checked" | ":disabled" | ":enabled" | ":required" | ":optional" | ":valid" | ":invalid" => {
            Some(STATE)
        }
        name if name.starts_with("::") => Some(NO_ELEMENT),
        _ => Some(NOT_KNOWN),
    }
}

/// How many conditions a compound selector joins: `.a` is one, `p.a` two; a combinator counts as one more.
fn conditions(compound: &str) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(&byte) = compound.as_bytes().get(at) {
        let begins = matches!(byte, b'.' | b'#' | b'[' | b'*' | b' ' | b'>') || byte == b':' || at == 0;
        count += usize::from(begins);
        at = if byte == b':' { pseudo_end(compound, at) } else { skip(compound, at) };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_streams_is_accepted() {
        for selector in [
            "main",
            "*",
            "#a",
            ".b",
            "p.b#a[c]",
            "a > b c",
            "[data-sku='a, b ~ c']",
            "[lang|=en]",
            "[a~=b i]",
            "li:nth-child(2n + 1)",
            "li:first-of-type",
            "p:not(.a, #b)",
            ".a\\:b",
            ".größe",
            "h1, h2 > a",
        ] {
            assert_eq!(check_selector(selector), Ok(()), "{selector}");
        }
    }

    #[test]
    fn what_does_not_is_named_with_the_way_out() {
        for (selector, part, word) in [
            ("div:has(> p)", ":has(> p)", "each"),
            ("h1 + p", "+", "class"),
            ("h1 ~ p", "~", "class"),
            ("p::before", "::before", "prepend"),
            ("li:nth-last-child(2)", ":nth-last-child(2)", "nth-child"),
            (":is(h1, h2)", ":is(h1, h2)", "list"),
            ("p:not(.a.b)", ":not(.a.b)", "single"),
            ("p:not(div .b)", ":not(div .b)", "single"),
            ("p:not(:hover)", ":not(:hover)", "state"),
            ("input:checked", ":checked", "[checked]"),
            ("svg|a", "|", "namespaces"),
            ("li:nth-child(2 of .a)", ":nth-child(2 of .a)", "nth-of-type"),
            ("p:contains('x')", ":contains('x')", "only"),
        ] {
            let error = check_selector(selector).unwrap_err();
            let SelectorError::Unsupported { part: named, why } = &error else {
                panic!("{selector}: {error}");
            };
            assert_eq!(named, part);
            assert!(why.contains(word), "{selector}: {error}");
        }
        assert_eq!(check_selector("  "), Err(SelectorError::Empty));
        for malformed in ["p >", "> p", "p..a", "[", "p,", "#", "a{", "5"] {
            let error = check_selector(malformed).unwrap_err();
            assert!(matches!(error, SelectorError::Malformed { .. }), "{malformed}: {error}");
        }
    }

    #[test]
    fn each_is_distributed_over_lists() {
        assert_eq!(below("li, [a=',']", ".x, .y"), "li .x, li .y, [a=','] .x, [a=','] .y");
        assert_eq!(below("li:not(.a, .b)", "p"), "li:not(.a, .b) p");
    }

    #[test]
    fn names_are_checked() {
        assert!(check_attribute("data-sku").is_ok() && check_attribute("xlink:href").is_ok());
        for name in ["", "a b", "a=b", "a/b", "a>b", "\"", "ä", "-a"] {
            assert!(check_attribute(name).is_err(), "{name}");
        }
        assert!(check_class("is-gold").is_ok() && check_class("md:flex").is_ok());
        assert!(check_class("a b").is_err() && check_class("").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_check_panic(selector in ".{0,40}", each in ".{0,10}") {
            let _ = check_selector(&selector);
            let _ = check_selector(&below(&each, &selector));
        }
    }
}
