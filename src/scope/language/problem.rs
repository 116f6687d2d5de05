//! Problems: what is wrong with a source, and where.
//!
//! In: offsets and messages. Out: [`Problem`]s in the author's coordinates. It must not look for problems.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Which source is meant; templates and conditions have names of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    Template(Arc<str>),
    Condition(Arc<str>),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(name) => write!(f, "template {name}"),
            Self::Condition(name) => write!(f, "condition {name}"),
        }
    }
}

/// What conditions are called among the compiled templates; no file's name has such a character.
const CONDITION: &str = "condition\0";

impl Unit {
    pub(super) fn compiled_name(&self) -> String {
        match self {
            Self::Template(name) => name.to_string(),
            Self::Condition(name) => format!("{CONDITION}{name}"),
        }
    }

    pub(super) fn of_compiled_name(name: &str) -> Self {
        match name.strip_prefix(CONDITION) {
            Some(name) => Self::Condition(name.into()),
            None => Self::Template(name.into()),
        }
    }
}

/// Something wrong with a source, in the author's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub unit: Unit,
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where it is in the source, in bytes.
    pub span: Range<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Line and column, both from 1, of a byte offset.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

pub(super) fn syntax_problem(unit: Unit, source: &str, prefix: usize, error: &minijinja::Error) -> Problem {
    let span = error.range().unwrap_or(0..0);
    let message = error.detail().unwrap_or("cannot be understood").to_owned();
    problem(unit, source, prefix, span, message, None)
}

pub(super) fn problem(
    unit: Unit,
    source: &str,
    prefix: usize,
    span: Range<usize>,
    message: String,
    hint: Option<String>,
) -> Problem {
    let start = source.floor_char_boundary(span.start.saturating_sub(prefix));
    let end = source.ceil_char_boundary(span.end.saturating_sub(prefix));
    let (line, column) = position(source, start);
    Problem { unit, severity: Severity::Error, line, column, span: start..end.max(start), message, hint }
}

impl Problem {
    /// The same as a warning: it works, but is likely not meant.
    pub(super) fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}
