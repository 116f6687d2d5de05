//! The rule by which what an export said of somebody is known again.
//!
//! In: what is known, and what was exported. Out: one profile. It must not decide who is who.
//!
//! The rule, part by part. *Traits*: those of the export stay, by name; others are kept. *Counters*: of each day, and in all, the
//! larger count. *Events* are united by id and the newest stay; they are not counted, since the counters say how often.
//! *Lists* are united. *First and last seen* are the earliest and the latest. *The session* is the one with the latest request. *What the
//! site calls them* is the export's. So a profile is restored twice, or where it was exported, as if once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Counter, Keep, Name, Profile};
use crate::limits::PROFILE_COUNTERS;

impl Profile {
    /// This profile with what `export` says, by the rule of this file.
    #[must_use]
    pub fn restored(&self, export: &Profile, keep: &Keep) -> Profile {
        Profile {
            traits: export.traits.with_missing(&self.traits),
            counters: Arc::new(larger(&self.counters, &export.counters)),
            customer: export.customer.clone().or_else(|| self.customer.clone()),
            known: self.known.clone(),
            ..self.merge(export, keep)
        }
    }
}

fn larger(here: &BTreeMap<Name, Counter>, there: &BTreeMap<Name, Counter>) -> BTreeMap<Name, Counter> {
    let mut counters = here.clone();
    for (name, counter) in there {
        if counters.len() < PROFILE_COUNTERS || counters.contains_key(name) {
            counters.entry(name.clone()).or_default().raise_to(counter);
        }
    }
    counters
}
