//! What is wrong with files of messages, for the author.

use std::ops::Range;

/// Something wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of the file, in the order in which they were given.
    pub file: usize,
    /// Where in it, in bytes.
    pub at: Range<usize>,
    pub what: String,
    pub remedy: String,
    /// It works, but is likely not meant.
    pub warning: bool,
}

impl Fault {
    pub(super) fn error(file: usize, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file, at, what: what.into(), remedy: remedy.into(), warning: false }
    }

    pub(super) fn warning(self) -> Self {
        Self { warning: true, ..self }
    }
}

/// The nearest of the known names, as a question; or else `otherwise`.
pub(in super::super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>, otherwise: &str) -> String {
    let near = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match near.filter(|(distance, _)| *distance <= 3 && distance * 2 < name.len()) {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}
