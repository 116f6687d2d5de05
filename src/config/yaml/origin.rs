//! Text with the way back to where its author wrote it.
//!
//! In: a scalar's decoded text, perhaps with variables exchanged. Out: for bytes of the text the bytes in the file, through
//! quotes, escapes, folded lines, indentation and variables. It must not read files.

use std::ops::Range;

use super::Style;
use crate::config::source::{Sources, Span};

/// The text of a scalar.
#[derive(Clone, Debug)]
pub struct Text {
    pub value: String,
    /// The whole scalar.
    pub span: Span,
    style: Style,
    exchanged: Option<Box<Exchanged>>,
}

/// What variables did to a text.
#[derive(Clone, Debug)]
struct Exchanged {
    /// Before.
    raw: Box<str>,
    swaps: Vec<Swap>,
}

/// A part of the raw text that became a part of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    pub raw: Range<usize>,
    pub value: Range<usize>,
}

impl Text {
    /// A scalar's text as YAML decoded it.
    pub fn new(value: impl Into<String>, style: Style, span: Span) -> Self {
        Self { value: value.into(), span, style, exchanged: None }
    }

    /// The text that became `value` by `swaps`, which are in order.
    #[must_use]
    pub fn exchange(self, value: String, swaps: Vec<Swap>) -> Self {
        let exchanged = Some(Box::new(Exchanged { raw: self.value.into(), swaps }));
        Self { value, exchanged, ..self }
    }

    /// The bytes in the file that bytes of the text came from.
    pub fn place(&self, sources: &Sources, part: Range<usize>) -> Span {
        let source = sources.get(self.span.source);
        let begin = source.floor(self.span.start as usize);
        let written = &source.text()[begin..];
        let (raw, start) = self.raw_offset(part.start, false);
        let (_, end) = self.raw_offset(part.end, true);
        let start = begin + align(written, self.style, raw, start);
        // The end is where the last character is, and that character.
        let last = raw[..end.min(raw.len())].char_indices().next_back().map_or(0, |(at, _)| at);
        let end = begin + align(written, self.style, raw, last);
        let width = source.text()[end..].chars().next().map_or(0, char::len_utf8);
        let end = if part.is_empty() { start } else { (end + width).max(start) };
        self.span.source.span(start..end)
    }

    /// An offset before variables were exchanged. Inside a variable's value it is the variable's begin, or end.
    fn raw_offset(&self, offset: usize, is_end: bool) -> (&str, usize) {
        let Some(exchanged) = &self.exchanged else { return (&self.value, offset) };
        let mut shift = (0, 0);
        for swap in &exchanged.swaps {
            if offset < swap.value.start || (is_end && offset == swap.value.start) {
                break;
            }
            if offset < swap.value.end {
                return (&exchanged.raw, if is_end { swap.raw.end } else { swap.raw.start });
            }
            shift = (swap.value.end, swap.raw.end);
        }
        (&exchanged.raw, offset - shift.0 + shift.1)
    }
}

/// The offset in `written` (which begins with the scalar) of the character at `target` of its decoded text.
fn align(written: &str, style: Style, decoded: &str, target: usize) -> usize {
    let indent = indentation(written, style);
    let mut at = match style {
        Style::Plain => 0,
        Style::SingleQuoted | Style::DoubleQuoted => 1,
        Style::Literal | Style::Folded => skip(written, written.find('\n').map_or(written.len(), |n| n + 1), indent),
    };
    for (offset, c) in decoded.char_indices() {
        let (position, next) = step(written, at, c, style);
        if offset >= target {
            return position;
        }
        let fresh_line = written[position..next].ends_with('\n');
        at = if fresh_line { skip(written, next, indent) } else { next };
    }
    at.min(written.len())
}

/// The spaces that each line of a block has before its text.
fn indentation(written: &str, style: Style) -> usize {
    if !matches!(style, Style::Literal | Style::Folded) {
        return 0;
    }
    let first = written.lines().skip(1).find(|line| !line.trim().is_empty());
    first.map_or(0, |line| line.len() - line.trim_start_matches(' ').len())
}

fn skip(written: &str, at: usize, spaces: usize) -> usize {
    at + written[at..].bytes().take(spaces).take_while(|byte| *byte == b' ').count()
}

/// Where the decoded character `c` stands at or after `at`, and where what follows it begins.
fn step(written: &str, mut at: usize, c: char, style: Style) -> (usize, usize) {
    while let Some(found) = written[at..].chars().next() {
        let rest = &written[at..];
        if style == Style::DoubleQuoted && found == '\\' {
            match rest[1..].chars().next() {
                // The escaped end of a line stands for nothing.
                Some('\n' | '\r') => {
                    at += 1;
                    at += written[at..].len() - written[at..].trim_start().len();
                    continue;
                }
                escape => return (at, (at + escape_length(escape)).min(written.len())),
            }
        }
        if style == Style::SingleQuoted && c == '\'' && rest.starts_with("''") {
            return (at, at + 2);
        }
        let folded = c == ' ' && found == '\n';
        if found == c || folded || !found.is_whitespace() {
            return (at, at + found.len_utf8());
        }
        at += found.len_utf8();
    }
    (at, at)
}

/// Bytes of an escape whose second character is `escape`.
fn escape_length(escape: Option<char>) -> usize {
    match escape {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    }
}
