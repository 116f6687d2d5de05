//! What a failure of a slot's content is counted as.
//!
//! In: what a content came to. Out: its reason in one word, with the source or function that it hung on. It must not count.

use std::sync::Arc;

use crate::content::{Filled, Nothing, Outcome};
use crate::scope::{Question, Seen};

/// Why a content failed, whatever was shown in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: &'static str,
    /// The source that gave nothing, if one did.
    pub source: Option<Arc<str>>,
    /// The function, if it was one.
    pub function: Option<Arc<str>>,
}

impl Failure {
    /// Without anything more to tell.
    pub fn plain(reason: &'static str) -> Self {
        Self { reason, source: None, function: None }
    }

    /// Why a content failed; `None` if it did not. To have nothing to show is no failure.
    pub fn of(filled: &Filled) -> Option<Self> {
        let tried = filled.detour.iter().flat_map(|detour| &detour.tried).map(|(_, why)| why);
        let last = match &filled.outcome {
            Outcome::Nothing(why) => Some(why),
            Outcome::Show { .. } | Outcome::Stream(_) => None,
        };
        let why = tried.chain(last).find(|why| !matches!(why, Nothing::Blank))?;
        let (reason, function) = match why {
            Nothing::Blank => return None,
            Nothing::Failed(_) => ("template", None),
            Nothing::Function(name, error) => (error.word(), Some(name.clone())),
            Nothing::Unfetched(_) => ("fetch", None),
            Nothing::Rounds => ("rounds", None),
            Nothing::Missing(_) => ("missing", None),
        };
        Some(Self { reason, source: refused(filled), function })
    }
}

/// The first source that gave nothing.
fn refused(filled: &Filled) -> Option<Arc<str>> {
    filled.ledger.reads().iter().find_map(|read| match (&read.question, &read.answer.seen) {
        (Question::Call(path, _), Seen::Refused(_)) if path.first().is_some_and(|name| **name == *"sources") => {
            path.get(1).cloned()
        }
        _ => None,
    })
}
