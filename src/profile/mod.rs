//! What is remembered of one visitor or customer.
//!
//! In: [`Change`]s with their times. Out: a [`Profile`], which is what all its changes come to; answers about its events
//! ([`query`]); two of them merged ([`merge`](Profile::merge)). Pure: it must not touch a store, a task or the clock.

mod change;
mod counter;
pub mod document;
mod id;
pub mod line;
mod merge;
pub mod query;
mod restore;
mod traits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use change::{Change, ChangeId, Name, NameError, Op, event_change};
pub use counter::Counter;
pub use id::{IdError, ProfileId, Whose};
pub use traits::{Traits, TraitsError};

use crate::event::{Data, Event, EventId};
use crate::limits::{
    PROFILE_COUNTERS, PROFILE_EVENT_AGE, PROFILE_EVENTS, PROFILE_KNOWN_CHANGES, PROFILE_LISTS, SESSION_SILENCE,
};

/// Bytes that each takes beside what it holds: structures, allocations, reference counts.
const PROFILE_WEIGHT: usize = 400;
const EVENT_WEIGHT: usize = 320;
const COUNTER_WEIGHT: usize = 128;
const TRAIT_WEIGHT: usize = 128;
const LIST_WEIGHT: usize = 64;

/// How much of a profile's past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest events that are kept.
    pub events: usize,
    /// How old they may be.
    pub age: Duration,
    /// The silence after which the next request begins a new session.
    pub silence: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { events: PROFILE_EVENTS, age: PROFILE_EVENT_AGE, silence: SESSION_SILENCE }
    }
}

/// When somebody was first and last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Requests without a long silence between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub began: Timestamp,
    pub last: Timestamp,
    /// What was known at its first request: campaign, referrer.
    pub data: Data,
    /// How many there were before it.
    pub before: u64,
}

impl Session {
    /// Whether a request at `now` still belongs to it.
    pub fn goes_on(&self, now: Timestamp, keep: &Keep) -> bool {
        now.duration_since(self.last)
            < jiff::SignedDuration::try_from(keep.silence).unwrap_or(jiff::SignedDuration::MAX)
    }
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Changed,
    /// It had been applied before; nothing changed.
    Known,
    /// It can't be; nothing changed but that it is known now.
    Refused(Refusal),
}

/// Why a change can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the event is older than events are kept")]
    TooOld,
    #[error("the traits would grow too large")]
    Traits,
    #[error("there are {PROFILE_COUNTERS} counters already")]
    Counters,
    #[error("there are {PROFILE_LISTS} lists already")]
    Lists,
}

/// What is remembered of one visitor or customer. Cheap to clone: its parts are shared until one changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    traits: Traits,
    counters: Arc<BTreeMap<Name, Counter>>,
    /// By time and id, the oldest first.
    events: Vec<Arc<Event>>,
    lists: Arc<BTreeSet<Name>>,
    customer: Option<Arc<str>>,
    seen: Option<Seen>,
    session: Option<Arc<Session>>,
    /// The newest changes, the oldest first.
    known: VecDeque<ChangeId>,
}

/// A profile in parts, for stores that keep it and for nobody else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    pub traits: Traits,
    pub counters: BTreeMap<Name, Counter>,
    /// By time and id, the oldest first.
    pub events: Vec<Arc<Event>>,
    pub lists: BTreeSet<Name>,
    pub customer: Option<Arc<str>>,
    pub seen: Option<Seen>,
    pub session: Option<Session>,
    /// The newest changes, the oldest first.
    pub known: Vec<ChangeId>,
}

impl Profile {
    /// Somebody of whom nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// A profile as it was kept.
    pub fn from_parts(parts: Parts) -> Self {
        Self {
            traits: parts.traits,
            counters: Arc::new(parts.counters),
            events: parts.events,
            lists: Arc::new(parts.lists),
            customer: parts.customer,
            seen: parts.seen,
            session: parts.session.map(Arc::new),
            known: parts.known.into(),
        }
    }

    /// Applies a change, at the time that it carries. The same changes in the same order come to the same profile, whenever and
    /// wherever that is done; a change that is [known](Profile::knows) does nothing.
    pub fn apply(&mut self, change: &Change, keep: &Keep) -> Applied {
        if self.knows(change.id) {
            return Applied::Known;
        }
        self.note(change.id);
        match self.make(change, keep) {
            Ok(()) => Applied::Changed,
            Err(refusal) => Applied::Refused(refusal),
        }
    }

    fn make(&mut self, change: &Change, keep: &Keep) -> Result<(), Refusal> {
        match &change.op {
            Op::Append(event) => self.append(event, change.at, keep)?,
            Op::Increment { counter, by } => self.increment(counter, *by, change.at)?,
            Op::SetTraits(traits) => self.traits = traits.clone(),
            Op::MergeTraits(patch) => self.traits = self.traits.merged(patch).map_err(|_| Refusal::Traits)?,
            Op::Visit(data) => self.visit(data, change.at, keep),
            Op::Identify(customer) => self.customer = Some(customer.clone()),
            Op::Join(list) => self.join(list)?,
            Op::Leave(list) => {
                if self.lists.contains(list) {
                    Arc::make_mut(&mut self.lists).remove(list);
                }
            }
            Op::Forget => *self = Self { known: std::mem::take(&mut self.known), ..Self::default() },
            Op::Restore(export) => {
                *self = self.restored(export, keep);
                self.expire(change.at, keep);
            }
        }
        Ok(())
    }

    fn append(&mut self, event: &Arc<Event>, now: Timestamp, keep: &Keep) -> Result<(), Refusal> {
        if event.at < oldest(now, keep) {
            return Err(Refusal::TooOld);
        }
        let place = self.events.partition_point(|one| (one.at, &one.id) <= (event.at, &event.id));
        self.events.insert(place, event.clone());
        self.see(event.at);
        self.expire(now, keep);
        // A counter more or less is no reason to lose the event.
        let _ = self.increment(&Name::of_type(&event.kind), 1, event.at);
        Ok(())
    }

    fn increment(&mut self, counter: &Name, by: i64, at: Timestamp) -> Result<(), Refusal> {
        if !self.counters.contains_key(counter) && self.counters.len() >= PROFILE_COUNTERS {
            return Err(Refusal::Counters);
        }
        Arc::make_mut(&mut self.counters).entry(counter.clone()).or_default().add(by, at);
        Ok(())
    }

    fn visit(&mut self, data: &Data, now: Timestamp, keep: &Keep) {
        self.see(now);
        let session = match self.session.as_deref() {
            Some(running) if running.goes_on(now, keep) => {
                Session { last: running.last.max(now), ..Session::clone(running) }
            }
            before => Session {
                began: now,
                last: now,
                data: data.clone(),
                before: before.map_or(0, |before| before.before + 1),
            },
        };
        self.session = Some(Arc::new(session));
    }

    fn join(&mut self, list: &Name) -> Result<(), Refusal> {
        match self.lists.contains(list) {
            true => Ok(()),
            false if self.lists.len() >= PROFILE_LISTS => Err(Refusal::Lists),
            false => {
                Arc::make_mut(&mut self.lists).insert(list.clone());
                Ok(())
            }
        }
    }

    fn see(&mut self, at: Timestamp) {
        let seen = self.seen.unwrap_or(Seen { first: at, last: at });
        self.seen = Some(Seen { first: seen.first.min(at), last: seen.last.max(at) });
    }

    fn note(&mut self, id: ChangeId) {
        if self.known.len() >= PROFILE_KNOWN_CHANGES {
            self.known.pop_front();
        }
        self.known.push_back(id);
    }

    /// Drops events beyond the bounds of number and age.
    pub fn expire(&mut self, now: Timestamp, keep: &Keep) {
        let oldest = oldest(now, keep);
        let aged = self.events.partition_point(|event| event.at < oldest);
        let surplus = self.events.len().saturating_sub(keep.events);
        self.events.drain(..aged.max(surplus));
    }

    /// Whether this change was applied, as far as that is remembered: the newest [`PROFILE_KNOWN_CHANGES`] are.
    pub fn knows(&self, id: ChangeId) -> bool {
        self.known.iter().rev().any(|known| *known == id)
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let events: usize = self.events.iter().map(|event| EVENT_WEIGHT + 2 * event.data.text().len()).sum();
        let counters: usize = self.counters.values().map(|counter| COUNTER_WEIGHT + 16 * counter.days().len()).sum();
        let traits = self.traits.map().iter().map(|(name, value)| name.len() + TRAIT_WEIGHT + json_weight(value));
        PROFILE_WEIGHT
            + events
            + counters
            + traits.sum::<usize>()
            + 8 * self.known.len()
            + LIST_WEIGHT * self.lists.len()
    }

    /// Whether nothing is remembered but which changes came.
    pub fn is_blank(&self) -> bool {
        self.traits.map().is_empty()
            && self.counters.is_empty()
            && self.events.is_empty()
            && self.lists.is_empty()
            && self.customer.is_none()
            && self.seen.is_none()
            && self.session.is_none()
    }

    pub fn traits(&self) -> &Traits {
        &self.traits
    }

    pub fn counters(&self) -> &BTreeMap<Name, Counter> {
        &self.counters
    }

    /// The recent events by time and id, the oldest first.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// The event with this id, if it is among the recent.
    pub fn event(&self, id: &EventId) -> Option<&Arc<Event>> {
        self.events.iter().find(|event| event.id == *id)
    }

    /// The lists that they are on.
    pub fn lists(&self) -> &BTreeSet<Name> {
        &self.lists
    }

    /// What the site calls them.
    pub fn customer(&self) -> Option<&Arc<str>> {
        self.customer.as_ref()
    }

    pub fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// The newest session, whether or not it still goes on.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }

    /// The newest changes that were applied, the oldest first.
    pub fn known(&self) -> impl ExactSizeIterator<Item = ChangeId> + '_ {
        self.known.iter().copied()
    }
}

fn json_weight(json: &serde_json::Value) -> usize {
    use serde_json::Value as Json;
    match json {
        Json::String(text) => text.len(),
        Json::Array(list) => list.iter().map(|value| 32 + json_weight(value)).sum(),
        Json::Object(map) => map.iter().map(|(name, value)| TRAIT_WEIGHT + name.len() + json_weight(value)).sum(),
        _ => 0,
    }
}

/// The time before which an event is too old.
fn oldest(now: Timestamp, keep: &Keep) -> Timestamp {
    now.checked_sub(keep.age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
