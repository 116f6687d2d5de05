//! The rule by which two profiles become one, at login.
//!
//! In: what is known of a customer, and of the anonymous visitor who turned out to be that customer. Out: one profile. It must
//! not decide who is who.
//!
//! The rule, part by part. *Traits*: of those that both have the customer's stays, whole; the visitor's others join. *Counters*
//! add up, day by day. *Events* are united by id and the newest stay. *Lists* are united. *First and last seen* are the earliest
//! and the latest. *The session* is the one with the latest request. *What the site calls them* is the customer's. *Known changes*
//! are united, the customer's counting as newer. So it is associative: (a with b) with c is a with (b with c), as long as traits
//! fit their bound and an event that two profiles have is the same in both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Keep, Profile, Seen, Session};
use crate::event::{Event, EventId};
use crate::limits::{PROFILE_COUNTERS, PROFILE_KNOWN_CHANGES, PROFILE_LISTS};

impl Profile {
    /// This profile with what `other` knows, by the rule of this file.
    #[must_use]
    pub fn merge(&self, other: &Profile, keep: &Keep) -> Profile {
        Profile {
            traits: self.traits.with_missing(&other.traits),
            counters: Arc::new(counters(self, other)),
            events: events(self, other, keep),
            lists: Arc::new(lists(self, other)),
            customer: self.customer.clone().or_else(|| other.customer.clone()),
            seen: either(self.seen, other.seen, |a, b| Seen { first: a.first.min(b.first), last: a.last.max(b.last) }),
            session: either(self.session.clone(), other.session.clone(), later),
            known: known(self, other),
        }
    }
}

fn either<T>(a: Option<T>, b: Option<T>, both: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(both(a, b)),
        (a, b) => a.or(b),
    }
}

fn later(a: Arc<Session>, b: Arc<Session>) -> Arc<Session> {
    if b.last > a.last { b } else { a }
}

fn counters(a: &Profile, b: &Profile) -> BTreeMap<super::Name, super::Counter> {
    let mut counters = BTreeMap::clone(&a.counters);
    for (name, counter) in &*b.counters {
        counters.entry(name.clone()).or_default().absorb(counter);
    }
    // Which of too many stay must not hang on who came first.
    while counters.len() > PROFILE_COUNTERS {
        counters.pop_last();
    }
    counters
}

fn events(a: &Profile, b: &Profile, keep: &Keep) -> Vec<Arc<Event>> {
    let mut seen: BTreeSet<&EventId> = BTreeSet::new();
    let mut events: Vec<Arc<Event>> =
        a.events.iter().chain(&b.events).filter(|event| seen.insert(&event.id)).cloned().collect();
    events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    events.drain(..events.len().saturating_sub(keep.events));
    events
}

fn lists(a: &Profile, b: &Profile) -> BTreeSet<super::Name> {
    let mut lists: BTreeSet<_> = a.lists.union(&b.lists).cloned().collect();
    while lists.len() > PROFILE_LISTS {
        lists.pop_last();
    }
    lists
}

/// Of a change that both know, the newer place counts.
fn known(a: &Profile, b: &Profile) -> VecDeque<super::ChangeId> {
    let mut met = BTreeSet::new();
    let newest = a.known.iter().rev().chain(b.known.iter().rev());
    let mut known: VecDeque<_> = newest.filter(|id| met.insert(**id)).take(PROFILE_KNOWN_CHANGES).copied().collect();
    known.make_contiguous().reverse();
    known
}
