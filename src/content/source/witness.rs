//! What one exchange asked of sources, for whoever wants it told.
//!
//! In: each call of code as it is put, and what became of it. Out: an [`Asking`] for each, in order. Kept only where somebody
//! listens. It must not change what code sees, nor hold anything secret: reasons are those that authors are told.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::running::State;
use crate::limits::TRACE_SOURCES;

/// One call of a source, made for any number of those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The same for all who got their answer by it.
    pub number: u64,
    /// Asks that it was made for: more than one in a batch.
    pub asks: usize,
    pub began: Instant,
    pub took: Duration,
}

/// A call that has not ended yet.
pub(super) struct Calling {
    number: u64,
    asks: usize,
    began: Instant,
}

impl Calling {
    /// A call for so many asks begins.
    pub fn begin(asks: usize) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), asks, began: Instant::now() }
    }

    /// It has ended, well or not.
    pub fn end(self) -> Call {
        let Self { number, asks, began } = self;
        Call { number, asks, began, took: began.elapsed() }
    }
}

/// One question of an exchange to a source.
#[derive(Clone, Debug)]
pub struct Asking {
    pub source: Arc<str>,
    /// As an author would write them.
    pub arguments: String,
    pub asked: Instant,
    /// `None`: nothing has come yet.
    pub became: Option<Became>,
}

/// What became of a question.
#[derive(Clone, Debug)]
pub struct Became {
    pub at: Instant,
    /// Where the answer comes from; `None`: there is none.
    pub state: Option<State>,
    /// Until when the answer is fresh.
    pub until: Option<Timestamp>,
    /// Why there is none, or why another stands in for it.
    pub failed: Option<String>,
    /// The call that was made for it.
    pub call: Option<Call>,
}

/// Collects what one exchange asks. Cheap to clone; all clones are the same. Bounded by [`TRACE_SOURCES`].
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<Vec<Asking>>>);

impl Witness {
    /// What was asked so far, in order.
    pub fn askings(&self) -> Vec<Asking> {
        self.list().clone()
    }

    /// A question was put; `arguments` as code wrote them. Out: where what becomes of it is to be noted.
    pub(super) fn asked(&self, source: &Arc<str>, arguments: &str) -> Option<usize> {
        let mut list = self.list();
        if list.len() >= TRACE_SOURCES {
            return None;
        }
        let (source, arguments) = (source.clone(), written(arguments));
        list.push(Asking { source, arguments, asked: Instant::now(), became: None });
        Some(list.len() - 1)
    }

    /// What became of the question at `place`.
    pub(super) fn became(&self, place: Option<usize>, became: Became) {
        let mut list = self.list();
        if let Some(asking) = place.and_then(|place| list.get_mut(place)) {
            asking.became.get_or_insert(became);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Asking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Arguments, `[[positional…], {named…}]`, as an author would write them: `city='Gent'`.
fn written(arguments: &str) -> String {
    let called: Result<(Vec<Json>, Map<String, Json>), _> = serde_json::from_str(arguments);
    let (positional, named) = called.unwrap_or_default();
    let mut text = String::new();
    let positional = positional.iter().map(|value| (None, value));
    for (name, value) in positional.chain(named.iter().map(|(name, value)| (Some(name), value))) {
        let comma = if text.is_empty() { "" } else { ", " };
        let name = name.map(|name| format!("{name}=")).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = match value {
            Json::String(value) => write!(text, "{comma}{name}'{value}'"),
            value => write!(text, "{comma}{name}{value}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_as_authors_write_them() {
        assert_eq!(written(r#"[[],{}]"#), "");
        assert_eq!(written(r#"[["Gent", 3],{"days":7,"unit":"C"}]"#), "'Gent', 3, days=7, unit='C'");
    }

    #[test]
    fn a_witness_is_bounded_and_the_first_word_counts() {
        let witness = Witness::default();
        let source: Arc<str> = "weather".into();
        let failed = |why: &str| Became {
            at: Instant::now(),
            state: None,
            until: None,
            failed: Some(why.to_owned()),
            call: None,
        };
        let first = witness.asked(&source, "[[],{}]");
        witness.became(first, failed("late"));
        witness.became(first, failed("later"));
        assert_eq!(witness.askings()[0].became.as_ref().and_then(|became| became.failed.as_deref()), Some("late"));
        for _ in 0..TRACE_SOURCES {
            let place = witness.asked(&source, "[[],{}]");
            witness.became(place, failed("late"));
        }
        assert_eq!(witness.askings().len(), TRACE_SOURCES);
    }
}
