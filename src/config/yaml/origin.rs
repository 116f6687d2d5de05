//! Text with the way back to where its author wrote it.
//!
//! In: a scalar's decoded text, perhaps with variables exchanged. Out: for bytes of the text the bytes in the file,
//! through quotes, escapes, folded lines, indentation and variables. It must not read files.

use std::ops::Range;

use super::tree::Style;
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
        let line = source.text()[..begin].rfind('\n').map_or(0, |newline| newline + 1);
        let written = Written { text: &source.text()[begin..], style: self.style, indent: begin - line };
        let (raw, start) = self.raw_offset(part.start, false);
        let (_, end) = self.raw_offset(part.end, true);
        let start = begin + written.offset(raw, start);
        // The end is where the last character is, and that character.
        let last = raw.char_indices().take_while(|(at, _)| *at < end).last().map_or(0, |(at, _)| at);
        let end = begin + written.offset(raw, last);
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

/// A scalar in its file.
struct Written<'a> {
    /// The file from the scalar on; a block begins with the first character of its text.
    text: &'a str,
    style: Style,
    /// Bytes before it on its line: a block's further lines have as many spaces.
    indent: usize,
}

impl Written<'_> {
    /// The offset of the character at `target` of the decoded text.
    fn offset(&self, decoded: &str, target: usize) -> usize {
        let block = matches!(self.style, Style::Literal | Style::Folded);
        let mut at = usize::from(matches!(self.style, Style::SingleQuoted | Style::DoubleQuoted));
        // Empty lines that begin a block stand before the place where the parser says that it begins.
        let leading = if block { decoded.len() - decoded.trim_start_matches('\n').len() } else { 0 };
        for (offset, c) in decoded.char_indices().skip_while(|(offset, _)| *offset < leading) {
            let (position, next) = self.step(at, c);
            if offset >= target {
                return position;
            }
            let fresh_line = block && self.text[position..next].ends_with('\n');
            at = if fresh_line { next + self.spaces(next) } else { next };
        }
        at.min(self.text.len())
    }

    /// The indentation at the beginning of a line, as far as it is the block's.
    fn spaces(&self, at: usize) -> usize {
        self.text[at..].bytes().take(self.indent).take_while(|byte| *byte == b' ').count()
    }

    /// Where the decoded character `c` stands at or after `at`, and where what follows it begins.
    fn step(&self, mut at: usize, c: char) -> (usize, usize) {
        while let Some(found) = self.text[at..].chars().next() {
            let rest = &self.text[at..];
            if self.style == Style::DoubleQuoted && found == '\\' {
                match rest[1..].chars().next() {
                    // The escaped end of a line stands for nothing.
                    Some('\n' | '\r') => {
                        at += 1 + (rest[1..].len() - rest[1..].trim_start().len());
                        continue;
                    }
                    escape => return (at, (at + escape_length(escape)).min(self.text.len())),
                }
            }
            if self.style == Style::SingleQuoted && c == '\'' && rest.starts_with("''") {
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
