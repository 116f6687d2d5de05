//! One source, running: answers that are kept, one call for all who ask the same, and what stands in for an answer.
//!
//! In: an ask. Out: what is known, at once or when it has come. It goes on over a reload that leaves its definition alone. It
//! must not know who asks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::ask::Ask;
use super::batch::Gathering;
use super::breaker::Breaker;
use super::call::Fetched;
use super::client::{Clients, Connecting};
use super::definition::Definition;
use super::failure::SourceError;
use super::fakes::Fakes;
use super::keep::{Use, Window};
use super::limiter::Limiter;
use super::opening::Opening;
use super::patience::Patience;
use super::request;
use super::token::Tokens;
use super::witness::{Call, Calling};
use crate::clock::Clock;
use crate::limits;
use crate::scope::ledger::Fingerprint;
use crate::telemetry::SourceFigures;

/// What a source said.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub value: Arc<Json>,
    /// Until when what is made of it holds (exclusive). What is not kept holds for the exchange that asked.
    pub until: Timestamp,
    pub state: State,
}

/// Where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was called for this.
    Called,
    /// It was kept, and is fresh.
    Fresh,
    /// It was kept, and its time is over.
    Stale,
    /// The fallback that the source's author gave.
    Fallback,
}

/// Kept answers of all sources.
pub(super) type Kept = moka::sync::Cache<(u64, Fingerprint), Arc<Entry>>;

/// One kept answer.
#[derive(Debug)]
pub(super) struct Entry {
    pub said: Said,
    pub window: Window,
    pub length: usize,
}

/// What is kept.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Value(Arc<Json>),
    /// HTML, in UTF-8.
    Body(Bytes),
}

impl Entry {
    /// Bytes counted for it.
    pub fn weight(&self) -> u32 {
        // Parsed, JSON takes a few times as much as its text.
        let times = match self.said {
            Said::Value(_) => 4,
            Said::Body(_) => 1,
        };
        u32::try_from(times * self.length + limits::SOURCE_CACHE_OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }
}

/// How asking ended.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    pub answer: Result<Known, Arc<SourceError>>,
    /// Why the call brought nothing; the answer is then one that stands in, or the same reason.
    pub failed: Option<Arc<SourceError>>,
    /// `None`: it broke off.
    pub call: Option<Call>,
}

/// An answer on its way, for all who ask for it.
pub(super) type Flight = Shared<BoxFuture<'static, Landed>>;

/// What all sources share.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub kept: Kept,
    pub connecting: Connecting,
    pub clock: Clock,
    pub figures: SourceFigures,
    /// In tests.
    pub fakes: Option<Fakes>,
}

/// One source, running.
pub(super) struct Source {
    pub definition: Definition,
    /// Tells its kept answers from those of a source that had its name before.
    id: u64,
    pub clients: Arc<Clients>,
    pub tokens: Tokens,
    pub limiter: Limiter,
    pub gathering: Gathering,
    pub clock: Clock,
    pub figures: SourceFigures,
    kept: Kept,
    breaker: Mutex<Breaker>,
    patience: Mutex<Patience>,
    flights: Mutex<HashMap<Fingerprint, Flight>>,
    fakes: Option<Fakes>,
    openings: Mutex<HashMap<Fingerprint, Opening>>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.definition.name).finish()
    }
}

/// Numbers that are used once in the process.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Landed {
    fn broken() -> Self {
        let error = Arc::new(SourceError::Broken);
        Self { answer: Err(error.clone()), failed: Some(error), call: None }
    }
}

impl Source {
    pub fn new(definition: Definition, tools: Tools) -> Self {
        let Tools { kept, connecting, clock, figures, fakes } = tools;
        Self {
            id: NUMBERS.fetch_add(1, Ordering::Relaxed),
            clients: Arc::new(Clients::new(&definition, connecting, fakes.clone())),
            tokens: Tokens::default(),
            limiter: Limiter::new(&definition.sparing),
            gathering: Gathering::default(),
            clock,
            figures,
            kept,
            breaker: Mutex::default(),
            patience: Mutex::default(),
            flights: Mutex::default(),
            fakes,
            openings: Mutex::default(),
            definition,
        }
    }

    /// What is known without waiting. What is near its end, or stale and of use, is asked for anew meanwhile. Must be called
    /// within the runtime.
    pub fn peek(self: &Arc<Self>, ask: &Ask) -> Option<Known> {
        let (entry, state) = self.look(ask.key, || drop(self.fly(ask)))?;
        self.known(&entry, state)
    }

    /// What is kept under `key` and may be used now; `refresh` is to have it asked for anew.
    pub fn look(&self, key: Fingerprint, refresh: impl FnOnce()) -> Option<(Arc<Entry>, State)> {
        let entry = self.kept.get(&(self.id, key))?;
        let state = match entry.window.at(self.clock.now()) {
            Use::Fresh => State::Fresh,
            Use::WithRefresh => {
                refresh();
                if self.clock.now() < entry.window.fresh_until { State::Fresh } else { State::Stale }
            }
            Use::OnError | Use::Gone => return None,
        };
        self.figures.found(&self.definition.name, if state == State::Fresh { "fresh" } else { "stale" });
        Some((entry, state))
    }

    /// What is kept under `key` and stands in where no other can be had.
    pub fn stopgap(&self, key: Fingerprint) -> Option<Arc<Entry>> {
        let now = self.clock.now();
        let entry = self.kept.get(&(self.id, key)).filter(|entry| entry.window.at(now) != Use::Gone)?;
        self.figures.found(&self.definition.name, "stale_if_error");
        Some(entry)
    }

    /// What the author says in the place of an answer.
    pub fn fallback(&self, error: &SourceError) -> Option<Arc<Json>> {
        let (name, value) = (&self.definition.name, self.definition.fallback.clone()?);
        self.figures.found(name, "fallback");
        tracing::debug!(source = &**name, reason = error.told(name), "a source's fallback stands in");
        Some(value)
    }

    /// Keeps what was said.
    pub fn hold(&self, key: Fingerprint, entry: Arc<Entry>) {
        self.kept.insert((self.id, key), entry);
    }

    /// Asks; all who ask the same meanwhile get the same answer. It goes on when nobody waits for it any more, so that it is
    /// there for the next.
    pub fn fly(self: &Arc<Self>, ask: &Ask) -> Flight {
        if !self.definition.idempotent {
            return self.begin(ask.clone(), ask.key);
        }
        // One test does not join what another began.
        let key = self.fakes.as_ref().map_or(ask.key, |fakes| Fingerprint::of((fakes.turn(), ask.key)));
        let mut flights = self.flights();
        flights.entry(key).or_insert_with(|| self.begin(ask.clone(), key)).clone()
    }

    fn begin(self: &Arc<Self>, ask: Ask, key: Fingerprint) -> Flight {
        let source = self.clone();
        let task = tokio::spawn(async move {
            let answer = source.ask(&ask).await;
            source.flights().remove(&key);
            answer
        });
        task.map(|ended| ended.unwrap_or_else(|_| Landed::broken())).boxed().shared()
    }

    async fn ask(self: &Arc<Self>, ask: &Ask) -> Landed {
        let (called, call) = match &self.definition.batch {
            Some(batch) => self.call_among_others(ask, batch).await,
            None => {
                let said = request::Said { arguments: &ask.arguments, forwarded: &ask.forwarded, accept: None };
                let calling = Calling::begin(1);
                (self.call(said).await, Some(calling.end()))
            }
        };
        match called {
            Ok(fetched) => Landed { answer: Ok(self.keep(ask, fetched)), failed: None, call },
            Err(error) => {
                let error = Arc::new(error);
                Landed { answer: self.in_place_of(ask, &error), failed: Some(error), call }
            }
        }
    }

    fn keep(&self, ask: &Ask, fetched: Fetched) -> Known {
        let Fetched { value, window, length } = fetched;
        let value = Arc::new(value);
        let Some(window) = window else {
            return Known { value, until: self.clock.now(), state: State::Called };
        };
        let until = self.until(&window);
        self.hold(ask.key, Arc::new(Entry { said: Said::Value(value.clone()), window, length }));
        Known { value, until, state: State::Called }
    }

    /// What is said where the source says nothing: what it said before, or what its author says.
    fn in_place_of(&self, ask: &Ask, error: &Arc<SourceError>) -> Result<Known, Arc<SourceError>> {
        if let Some(known) = self.stopgap(ask.key).and_then(|entry| self.known(&entry, State::Stale)) {
            return Ok(known);
        }
        match self.fallback(error) {
            Some(value) => Ok(Known { value, until: self.clock.now(), state: State::Fallback }),
            None => Err(error.clone()),
        }
    }

    fn known(&self, entry: &Entry, state: State) -> Option<Known> {
        let Said::Value(value) = &entry.said else { return None };
        Some(Known { value: value.clone(), until: self.until(&entry.window), state })
    }

    /// Until when what is made of it holds.
    pub fn until(&self, window: &Window) -> Timestamp {
        window.fresh_until.max(self.clock.now())
    }

    /// A number that no other has.
    pub fn next_number(&self) -> u64 {
        NUMBERS.fetch_add(1, Ordering::Relaxed)
    }

    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn openings(&self) -> MutexGuard<'_, HashMap<Fingerprint, Opening>> {
        self.openings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Fingerprint, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
