//! Answers that tests give in place of sources.
//!
//! In: by source, what it answers in one test. Out: responses, as if they had come over a connection: whatever a source does with an
//! answer (its format, what it expects, its batches, its fallback) is done as ever. It must not ask anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::definition::{Definition, Sparing};
use super::failure::SourceError;
use crate::http::Body;

/// What a source does in a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Fake {
    /// The true one is asked.
    Real,
    Answers(Faked),
}

/// A faked answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Faked {
    /// After this time.
    pub delay: Duration,
    pub comes: Comes,
}

/// What comes in place of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Comes {
    Response { status: StatusCode, content_type: HeaderValue, body: Bytes },
    Failure(Failing),
}

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Nobody answers there.
    Unreachable,
    /// It never answers.
    Timeout,
    /// It breaks off.
    Broken,
}

/// The fakes of the test that is run. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Fakes(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    fakes: BTreeMap<String, Fake>,
    seen: Seen,
    /// One test's calls are not joined by the next one's.
    turn: u64,
}

/// What sources were asked in a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Calls by source.
    pub calls: BTreeMap<String, usize>,
    /// Those of which the test does not say what they do.
    pub unfaked: BTreeSet<String>,
}

impl Fakes {
    /// A test begins.
    pub fn set(&self, fakes: BTreeMap<String, Fake>) {
        let mut table = self.table();
        let turn = table.turn + 1;
        *table = Table { fakes, seen: Seen::default(), turn };
    }

    /// What was asked since.
    pub fn seen(&self) -> Seen {
        self.table().seen.clone()
    }

    pub(super) fn turn(&self) -> u64 {
        self.table().turn
    }

    pub(super) fn is_real(&self, source: &str) -> bool {
        self.table().fakes.get(source) == Some(&Fake::Real)
    }

    /// What a call of this source brings; `None`: the true one is to be asked.
    ///
    /// # Errors
    /// The failure that the test wants; [`SourceError::Unfaked`] if it says nothing.
    pub(super) async fn answer(&self, source: &str) -> Option<Result<Response<Body>, SourceError>> {
        let fake = self.note(source);
        let faked = match fake {
            Some(Fake::Real) => return None,
            Some(Fake::Answers(faked)) => faked,
            None => return Some(Err(SourceError::Unfaked)),
        };
        // One that is to fail by its time does so in its own.
        tokio::time::sleep(faked.delay).await;
        Some(match faked.comes {
            Comes::Failure(Failing::Timeout) => std::future::pending().await,
            Comes::Failure(Failing::Unreachable) => Err(SourceError::Faked("it can't be reached")),
            Comes::Failure(Failing::Broken) => Err(SourceError::Faked("its answer broke off or is too long")),
            Comes::Response { status, content_type, body } => {
                let mut response = Response::new(Body::full(body));
                *response.status_mut() = status;
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
                Ok(response)
            }
        })
    }

    fn note(&self, source: &str) -> Option<Fake> {
        let mut table = self.table();
        *table.seen.calls.entry(source.to_owned()).or_default() += 1;
        let fake = table.fakes.get(source).cloned();
        if fake.is_none() {
            table.seen.unfaked.insert(source.to_owned());
        }
        fake
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source for tests: as its author defined it, but that nothing of one test is left for the next. It keeps nothing, tries
/// nothing again, and is never left alone.
pub(super) fn forgetful(definition: Definition) -> Definition {
    let sparing = Sparing { rate: None, retries: 0, hedge: None, failures: 0, ..definition.sparing };
    Definition { cache: None, sparing, ..definition }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_test_says_nothing_of_is_told() {
        let fakes = Fakes::default();
        fakes.set(BTreeMap::from([("weather".to_owned(), Fake::Real)]));
        assert!(fakes.answer("weather").await.is_none());
        assert!(matches!(fakes.answer("stock").await, Some(Err(SourceError::Unfaked))));
        let seen = fakes.seen();
        assert_eq!((seen.calls["weather"], seen.unfaked.contains("stock")), (1, true));
        fakes.set(BTreeMap::new());
        assert_eq!(fakes.seen(), Seen::default());
    }
}
