//! The texts that problems point into.
//!
//! In: a file's name and text (or a command-line flag's). Out: lines and columns for byte offsets. It must not know
//! what the text means.

use std::ops::Range;
use std::sync::Arc;

/// A text with a name, and where its lines begin.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Whether people know it by lines: a file, not a flag.
    has_lines: bool,
    /// Byte offset of each line's first character; never empty.
    lines: Vec<usize>,
}

/// Index of a source in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    /// Exclusive; may equal `start`.
    pub end: u32,
}

/// All sources of one run.
#[derive(Debug, Default)]
pub struct Sources(Vec<Arc<Source>>);

impl Source {
    /// A source. `name` is shown in messages: a path as the user wrote it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let begins = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(begins).collect();
        Self { name: name.into(), text, has_lines: true, lines }
    }

    /// What can only be pointed at as a whole: a flag, a folder, a file that cannot be read.
    pub fn named(name: impl Into<String>) -> Self {
        Self { has_lines: false, ..Self::new(name, "") }
    }

    /// Whether lines and columns mean something to its author.
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// The name shown in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset, both from 1, the column in characters. An offset past the end is the end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let column = self.text[self.lines[line - 1]..offset].chars().count() + 1;
        (line, column)
    }

    /// The bytes of a line (from 1) without its end, or an empty range past the last.
    pub fn line(&self, line: usize) -> Range<usize> {
        let begin = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1).max(begin);
        begin..begin + self.text[begin..end].trim_end_matches('\r').len()
    }

    /// The nearest character boundary at or before `offset`, within the text.
    pub fn floor(&self, offset: usize) -> usize {
        (0..=offset.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

impl Sources {
    /// Adds a source.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = u32::try_from(self.0.len()).expect("invariant: the number of files is limited");
        self.0.push(Arc::new(source));
        SourceId(id)
    }

    /// The source of an id that [`Sources::add`] gave.
    pub fn get(&self, id: SourceId) -> &Arc<Source> {
        &self.0[id.0 as usize]
    }

    /// The text below a span.
    pub fn text(&self, span: Span) -> &str {
        let source = self.get(span.source);
        let (start, end) = (source.floor(span.start as usize), source.floor(span.end as usize));
        &source.text()[start..end.max(start)]
    }
}

impl SourceId {
    /// The span of bytes `range` of this source.
    pub fn span(self, range: Range<usize>) -> Span {
        let short = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { source: self, start: short(range.start), end: short(range.end.max(range.start)) }
    }

    /// The very beginning of this source: where a problem with the file itself points.
    pub fn start(self) -> Span {
        self.span(0..0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("a.yaml", "é: x\r\nzwölf: y\n");
        let table = [(0, (1, 1)), (2, (1, 2)), (1, (1, 1)), (7, (2, 1)), (12, (2, 5)), (17, (3, 1)), (99, (3, 1))];
        for (offset, position) in table {
            assert_eq!(source.position(offset), position, "offset {offset}");
        }
        assert_eq!(&source.text()[source.line(1)], "é: x");
        assert_eq!(&source.text()[source.line(2)], "zwölf: y");
        assert_eq!((source.line(3), source.line(9)), (17..17, 17..17));
    }
}
