//! Problems: what is wrong, where, and what to do about it.
//!
//! In: findings with spans, from every step of reading. Out: a sorted list whose entries carry their place. It must not
//! decide what is wrong.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::print;
use super::source::{Source, SourceId, Sources, Span};
use crate::limits::CONFIG_PROBLEMS;

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
    /// The file as named by the user.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Line and column, both from 1.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.start)
    }

    /// The line's text and the marked bytes in it; the mark is cut at the end of the line.
    pub fn line(&self) -> (&str, std::ops::Range<usize>) {
        let line = self.source.line(self.position().0);
        let text = &self.source.text()[line.clone()];
        let start = (self.start.max(line.start) - line.start).min(text.len());
        let end = (self.end.max(line.start) - line.start).clamp(start, text.len());
        (text, start..end)
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

/// Problems of one run, sorted by file, line and column. Printed, each has its line and a caret.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl std::error::Error for Problems {}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print::problems(&self.0, print::Style::Plain))
    }
}

impl Problem {
    /// `file:line:column: error: what; what to do`.
    pub fn headline(&self) -> String {
        let (line, column) = self.place.position();
        let (file, word, what) = (self.place.file(), self.severity.word(), &self.what);
        match self.remedy.as_str() {
            "" => format!("{file}:{line}:{column}: {word}: {what}"),
            remedy => format!("{file}:{line}:{column}: {word}: {what}; {remedy}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.position();
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
        let (line, column) = self.place.position();
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

/// Gathers problems while files are read, and holds the texts that they point into.
#[derive(Debug, Default)]
pub struct Report {
    pub sources: Sources,
    findings: Vec<Finding>,
    /// Set when a part of the input could not be read at all, so that what it defines is unknown.
    incomplete: bool,
}

/// A problem that has not got its place yet.
#[derive(Debug)]
pub struct Finding {
    severity: Severity,
    span: Span,
    what: String,
    remedy: String,
    related: Vec<(Span, String)>,
}

impl Finding {
    /// Adds another place that has to do with it.
    pub fn see(&mut self, span: Span, what: impl Into<String>) -> &mut Self {
        self.related.push((span, what.into()));
        self
    }

    /// Adds several.
    pub fn see_all(&mut self, related: Vec<(Span, String)>) -> &mut Self {
        self.related.extend(related);
        self
    }
}

impl Report {
    /// Adds a source.
    pub fn add(&mut self, source: Source) -> SourceId {
        self.sources.add(source)
    }

    /// Notes an error: `what` is wrong at `span`, and what to do.
    pub fn error(&mut self, span: Span, what: impl Into<String>, remedy: impl Into<String>) -> &mut Finding {
        self.note(Severity::Error, span, what.into(), remedy.into())
    }

    /// Notes something that works but is likely not meant.
    pub fn warn(&mut self, span: Span, what: impl Into<String>, remedy: impl Into<String>) -> &mut Finding {
        self.note(Severity::Warning, span, what.into(), remedy.into())
    }

    fn note(&mut self, severity: Severity, span: Span, what: String, remedy: String) -> &mut Finding {
        self.findings.push(Finding { severity, span, what, remedy, related: Vec::new() });
        self.findings.last_mut().expect("invariant: just pushed")
    }

    /// Says that definitions are missing because a file could not be read: unknown names are no news then.
    pub fn set_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Whether every file was read, so that a name nobody defines is a mistake.
    pub fn complete(&self) -> bool {
        !self.incomplete
    }

    /// Whether an error was noted.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All problems, sorted by file (in the order of reading), line and column; each once, errors before warnings
    /// at the same place, and no more than [`CONFIG_PROBLEMS`].
    pub fn finish(mut self) -> Vec<Problem> {
        self.findings.sort_by_key(|finding| (finding.span.source, finding.span.start, finding.severity));
        self.findings.dedup_by(|a, b| (a.span, &a.what) == (b.span, &b.what));
        let sources = &self.sources;
        let place = |span: Span| {
            let source = sources.get(span.source).clone();
            let (start, end) = (source.floor(span.start as usize), source.floor(span.end as usize));
            Place { source, start, end }
        };
        let problem = |finding: Finding| Problem {
            severity: finding.severity,
            place: place(finding.span),
            what: finding.what,
            remedy: finding.remedy,
            related: finding.related.into_iter().map(|(span, what)| (place(span), what)).collect(),
        };
        let (errors, warnings): (Vec<_>, Vec<_>) =
            self.findings.into_iter().partition(|finding| finding.severity == Severity::Error);
        let mut kept: Vec<Finding> = errors.into_iter().chain(warnings).take(CONFIG_PROBLEMS).collect();
        kept.sort_by_key(|finding| (finding.span.source, finding.span.start, finding.severity));
        kept.into_iter().map(problem).collect()
    }
}
