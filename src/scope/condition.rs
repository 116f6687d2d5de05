//! Conditions: expressions of the language that hold or do not.
//!
//! In: the place of a compiled expression in a [`Language`](super::language::Language). Out: a handle that rules, audiences and campaigns keep.
//! It must not hold the compiled form itself, so that a definition is plain data.

use std::fmt;
use std::sync::Arc;

/// A condition of a [`Language`](super::language::Language), by name, with what its author wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The name under which it was added to the language.
    pub name: Arc<str>,
    /// The author's text, for messages and explanations.
    pub source: Arc<str>,
}

impl Condition {
    /// The condition that stands in the language as `name`.
    pub fn new(name: impl Into<Arc<str>>, source: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), source: source.into() }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
