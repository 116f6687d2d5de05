//! What is found while files are read.
//!
//! In: findings with spans, from every step of reading. Out: a sorted list of problems that carry their place. It must not
//! decide what is wrong.

use super::problem::{Place, Problem, Severity};
use super::source::{Source, SourceId, Sources, Span};
use crate::limits::CONFIG_PROBLEMS;

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
        let place = |span: Span| Place::of(span, &self.sources);
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
