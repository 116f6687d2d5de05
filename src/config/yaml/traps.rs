//! What stopped the YAML parser, in words for an author, for the traps that rules and settings lead into.
//!
//! In: a text and the parser's error. Out: the place, what it is and what to do, and what to mask so that the
//! parser can go on. It must not read YAML itself.

use std::ops::Range;

use super::build::Stop;
use super::flow;

/// An explained error.
#[derive(Debug)]
pub struct Trap {
    /// Bytes to point at.
    pub at: Range<usize>,
    pub what: String,
    pub remedy: String,
    /// Bytes to read as text without a meaning instead.
    pub mask: Option<Range<usize>>,
}

/// Explains an error.
pub fn explain(text: &str, stop: &Stop) -> Trap {
    let at = (0..=stop.at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    if stop.ours {
        let (what, remedy) = stop.info.split_once("; ").unwrap_or((&stop.info, ""));
        return trap(at..word_end(text, at), what, remedy, None);
    }
    if let Some(fault) = flow::fault(text, at) {
        let (what, remedy) = fault.words(text);
        return trap(fault.at, what, remedy, Some(fault.value));
    }
    template(text, at)
        .or_else(|| alias(text, at, &stop.info))
        .or_else(|| reserved(text, at, &stop.info))
        .or_else(|| tab(text, at))
        .or_else(|| colon(text, at, &stop.info))
        .unwrap_or_else(|| other(text, at, &stop.info))
}

fn trap(at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>, mask: Option<Range<usize>>) -> Trap {
    Trap { at, what: what.into(), remedy: remedy.into(), mask }
}

/// The line around `at`: where it begins, and its text.
fn line(text: &str, at: usize) -> (usize, &str) {
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    (begin, &text[begin..end])
}

fn word_end(text: &str, at: usize) -> usize {
    let stop = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}');
    let end = text[at..].find(stop).map_or(text.len(), |length| at + length);
    end.max(text[at..].chars().next().map_or(at, |c| at + c.len_utf8()))
}

/// `key: {{ x }} left` and `key: {% if … %}` without quotes.
fn template(text: &str, at: usize) -> Option<Trap> {
    let (begin, line) = line(text, at);
    let opened = ["{{", "{%"].iter().filter_map(|open| line.find(open)).min()?;
    let before = line[..opened].trim_end();
    let begins_value = before.ends_with([':', '-', '[', ',']) || before.is_empty();
    begins_value.then(|| {
        let start = begin + opened;
        let what = format!("`{}` without quotes is a map for YAML", &line[opened..opened + 2]);
        trap(
            start..start + 2,
            what,
            "put the whole text in quotes, or on lines of its own below `|`",
            Some(start..start + 1),
        )
    })
}

/// `*.shop.be`, or `*` alone.
fn alias(text: &str, at: usize, info: &str) -> Option<Trap> {
    let at = [Some(at), at.checked_sub(1)].into_iter().flatten().find(|at| text.as_bytes().get(*at) == Some(&b'*'))?;
    (info.contains("anchor") || info.contains("alias")).then(|| {
        let end = word_end(text, at);
        let word = &text[at..end];
        let what = format!("`{word}` is an alias for YAML, and no anchor has that name");
        trap(at..end, what, format!("put it in quotes: \"{word}\""), Some(at..at + 1))
    })
}

/// `@`, `%` and `` ` `` may not begin a plain scalar.
fn reserved(text: &str, at: usize, info: &str) -> Option<Trap> {
    let c = text[at..].chars().next().filter(|c| matches!(c, '@' | '%' | '`'))?;
    (info.contains("unexpected character") || text[..at].ends_with('\n') || at == 0).then(|| {
        let what = match c {
            '`' => "text cannot begin with a backtick without quotes".to_owned(),
            c => format!("text cannot begin with `{c}` without quotes"),
        };
        trap(at..word_end(text, at), what, "put the whole text in quotes", Some(at..at + 1))
    })
}

/// A tab where only spaces may be.
fn tab(text: &str, at: usize) -> Option<Trap> {
    let (begin, line) = line(text, at);
    let indentation = line.len() - line.trim_start().len();
    let tab = begin + line[..indentation].find('\t')?;
    Some(trap(tab..tab + 1, "a tab in the indentation", "indent with spaces", None))
}

/// `when: a: b`.
fn colon(text: &str, at: usize, info: &str) -> Option<Trap> {
    if !info.contains("mapping value") {
        return None;
    }
    let (begin, line) = line(text, at);
    let colon = match text.as_bytes().get(at) == Some(&b':') {
        true => at,
        false => begin + line.rfind(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1))?,
    };
    let what = "a second `:` makes this a map inside a text for YAML";
    let remedy = "put the text in quotes if the `:` belongs to it, or check the indentation";
    Some(trap(colon..colon + 1, what, remedy, Some(colon..colon + 1)))
}

fn other(text: &str, at: usize, info: &str) -> Trap {
    let info = info.trim_start_matches("while ").trim_end_matches('.');
    let remedy = "check quotes, brackets and indentation here and just above";
    trap(at..word_end(text, at), format!("this is not YAML: {info}"), remedy, None)
}
