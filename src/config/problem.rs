//! A problem: what is wrong, where, and what to do about it.
//!
//! In: a place and words. Out: its headline, and its form as JSON. It must not decide what is wrong, nor draw.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::source::{Source, Sources, Span};

/// Whether a problem stops the files from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    /// As printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A range in a file, with the file at hand.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Place {
    /// The place of a span.
    pub fn of(span: Span, sources: &Sources) -> Self {
        let source = sources.get(span.source).clone();
        let (start, end) = (source.floor(span.start as usize), source.floor(span.end as usize));
        Self { source, start, end }
    }

    /// The file as named by the user; or a flag, or a folder.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Line and column, both from 1; `None` where there are no lines: for a flag, or a file that cannot be read.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.source.has_lines().then(|| self.source.position(self.start))
    }

    /// The line's text and the marked bytes in it; the mark is cut at the end of the line.
    pub fn line(&self) -> (&str, std::ops::Range<usize>) {
        let line = self.source.line(self.source.position(self.start).0);
        let text = &self.source.text()[line.clone()];
        let start = (self.start.max(line.start) - line.start).min(text.len());
        let end = (self.end.max(line.start) - line.start).clamp(start, text.len());
        (text, start..end)
    }
}

/// `file:line:column`, or what stands for it where there are no lines.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.file()),
            None => f.write_str(self.file()),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    pub severity: Severity,
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Other places that have to do with it, each with a word on how.
    pub related: Vec<(Place, String)>,
}

impl Problem {
    /// `file:line:column: error: what; what to do`.
    pub fn headline(&self) -> String {
        let (place, word, what) = (&self.place, self.severity.word(), &self.what);
        match self.remedy.as_str() {
            "" => format!("{place}: {word}: {what}"),
            remedy => format!("{place}: {word}: {what}; {remedy}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.position().unzip();
        let mut map = serializer.serialize_struct("Place", 3)?;
        map.serialize_field("file", self.file())?;
        map.serialize_field("line", &line)?;
        map.serialize_field("column", &column)?;
        map.end()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Related<'a> {
            #[serde(flatten)]
            place: &'a Place,
            what: &'a str,
        }
        let related: Vec<Related<'_>> = self.related.iter().map(|(place, what)| Related { place, what }).collect();
        let (line, column) = self.place.position().unzip();
        let mut map = serializer.serialize_struct("Problem", 7)?;
        map.serialize_field("file", self.place.file())?;
        map.serialize_field("line", &line)?;
        map.serialize_field("column", &column)?;
        map.serialize_field("severity", &self.severity)?;
        map.serialize_field("what", &self.what)?;
        map.serialize_field("remedy", &self.remedy)?;
        map.serialize_field("related", &related)?;
        map.end()
    }
}
