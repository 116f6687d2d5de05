//! One source, running: answers that are kept, one call for all who ask the same, and what stands in for an answer.
//!
//! In: an ask. Out: what is known, at once or when it has come. It goes on over a reload that leaves its definition alone. It
//! must not know who asks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
use super::keep::{Use, Window};
use super::limiter::Limiter;
use super::patience::Patience;
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
    value: Arc<Json>,
    window: Window,
    length: usize,
}

impl Entry {
    /// Bytes counted for it.
    pub fn weight(&self) -> u32 {
        // Parsed, JSON takes a few times as much as its text.
        u32::try_from(4 * self.length + limits::SOURCE_CACHE_OVERHEAD_BYTES).unwrap_or(u32::MAX)
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
        let Tools { kept, connecting, clock, figures } = tools;
        Self {
            id: NUMBERS.fetch_add(1, Ordering::Relaxed),
            clients: Arc::new(Clients::new(&definition, connecting)),
            tokens: Tokens::default(),
            limiter: Limiter::new(&definition.sparing),
            gathering: Gathering::default(),
            clock,
            figures,
            kept,
            breaker: Mutex::default(),
            patience: Mutex::default(),
            flights: Mutex::default(),
            definition,
        }
    }

    /// What is known without waiting. What is near its end, or stale and of use, is asked for anew meanwhile. Must be called
    /// within the runtime.
    pub fn peek(self: &Arc<Self>, ask: &Ask) -> Option<Known> {
        let entry = self.kept.get(&(self.id, ask.key))?;
        let state = match entry.window.at(self.clock.now()) {
            Use::Fresh => State::Fresh,
            Use::WithRefresh => {
                let _behind = self.fly(ask);
                if self.clock.now() < entry.window.fresh_until { State::Fresh } else { State::Stale }
            }
            Use::OnError | Use::Gone => return None,
        };
        self.figures.found(&self.definition.name, if state == State::Fresh { "fresh" } else { "stale" });
        Some(self.known(&entry, state))
    }

    /// Asks; all who ask the same meanwhile get the same answer. It goes on when nobody waits for it any more, so that it is
    /// there for the next.
    pub fn fly(self: &Arc<Self>, ask: &Ask) -> Flight {
        if !self.definition.idempotent {
            return self.begin(ask.clone());
        }
        let mut flights = self.flights();
        flights.entry(ask.key).or_insert_with(|| self.begin(ask.clone())).clone()
    }

    fn begin(self: &Arc<Self>, ask: Ask) -> Flight {
        let source = self.clone();
        let task = tokio::spawn(async move {
            let answer = source.ask(&ask).await;
            source.flights().remove(&ask.key);
            answer
        });
        task.map(|ended| ended.unwrap_or_else(|_| Landed::broken())).boxed().shared()
    }

    async fn ask(self: &Arc<Self>, ask: &Ask) -> Landed {
        let (called, call) = match &self.definition.batch {
            Some(batch) => self.call_among_others(ask, batch).await,
            None => {
                let calling = Calling::begin(1);
                (self.call(&ask.arguments).await, Some(calling.end()))
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
        let entry = Arc::new(Entry { value, window, length });
        self.kept.insert((self.id, ask.key), entry.clone());
        self.known(&entry, State::Called)
    }

    /// What is said where the source says nothing: what it said before, or what its author says.
    fn in_place_of(&self, ask: &Ask, error: &Arc<SourceError>) -> Result<Known, Arc<SourceError>> {
        let name = &self.definition.name;
        let now = self.clock.now();
        let kept = self.kept.get(&(self.id, ask.key)).filter(|entry| entry.window.at(now) != Use::Gone);
        if let Some(entry) = kept {
            self.figures.found(name, "stale_if_error");
            return Ok(self.known(&entry, State::Stale));
        }
        match &self.definition.fallback {
            Some(value) => {
                self.figures.found(name, "fallback");
                tracing::debug!(source = &**name, reason = error.told(name), "a source's fallback stands in");
                Ok(Known { value: value.clone(), until: now, state: State::Fallback })
            }
            None => Err(error.clone()),
        }
    }

    fn known(&self, entry: &Entry, state: State) -> Known {
        let until = entry.window.fresh_until.max(self.clock.now());
        Known { value: entry.value.clone(), until, state }
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

    fn flights(&self) -> MutexGuard<'_, HashMap<Fingerprint, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
