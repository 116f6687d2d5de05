//! All problems of one run.
//!
//! In: problems in order. Out: a list that can be an error, be counted, and be printed with its lines. It must not
//! draw them.

use std::fmt;

use super::print;
use super::problem::{Problem, Severity};

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

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::problems(&self.0, print::Style::Plain))
    }
}
