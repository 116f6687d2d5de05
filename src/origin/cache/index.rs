//! Where stored responses are found, and what is remembered of those that were not stored.
//!
//! In: responses under their keys. Out: the one that answers a request. Bounded by bytes; what is used least goes first. It
//! must not ask, nor decide whether what it finds is fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use moka::notification::RemovalCause;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use super::asking::Asking;
use super::key::Key;
use super::purge::Severity;
use super::stored::Stored;
use super::turn::{Turn, Turns};
use crate::limits::{CACHE_PASS_WAIT, CACHE_PASSES, CACHE_VARIANTS};
use crate::telemetry::CacheFigures;

/// All that is stored.
#[derive(Debug)]
pub struct Index {
    resources: Moka<Key, Arc<Resource>>,
    /// Until when requests need not wait for each other, because the answer was none that can be shared.
    passes: Moka<Key, Timestamp>,
    turns: Turns,
    /// The turn at which a URL was last made invalid by an unsafe request: what was asked for before is not to be stored.
    invalidated: Moka<Key, Turn>,
    versions: AtomicU64,
}

/// What is stored for one URL.
#[derive(Debug)]
pub struct Resource {
    pub url: Arc<str>,
    /// The newest first.
    pub variants: Vec<Arc<Stored>>,
}

/// What a look-up found.
#[derive(Clone, Debug)]
pub enum Selected {
    Nothing,
    /// Something for the URL, but not for these request headers.
    OtherVariants,
    /// Something that is not for requests with such cookies or credentials.
    NotForThis,
    Found(Arc<Stored>),
}

/// What became of a response that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    There,
    /// Its URL was changed or purged while it was under way.
    Overtaken,
}

impl Index {
    /// An index of at most `bytes`.
    pub fn new(bytes: u64, figures: &CacheFigures) -> Self {
        let evictions = figures.evictions.clone();
        let listener = move |_: Arc<Key>, _: Arc<Resource>, cause| {
            if cause == RemovalCause::Size {
                evictions.inc();
            }
        };
        let turns = Turns::default();
        let forgotten = turns.clone();
        let forget = move |_: Arc<Key>, turn: Turn, cause| {
            // For all URLs, then: of which one it was nobody knows any more.
            if cause == RemovalCause::Size {
                forgotten.overtake(turn);
            }
        };
        // The oldest are forgotten first: hardly anything is under way still that was asked for before.
        let invalidated = Moka::builder().max_capacity(CACHE_PASSES).eviction_policy(EvictionPolicy::lru());
        Self {
            resources: Moka::builder().max_capacity(bytes).weigher(weigh).eviction_listener(listener).build(),
            passes: Moka::new(CACHE_PASSES),
            turns,
            invalidated: invalidated.eviction_listener(forget).build(),
            versions: AtomicU64::new(1),
        }
    }

    /// A number that no stored response had before.
    pub fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }

    /// What answers a request, fresh or not.
    pub fn select(&self, key: Key, asking: &Asking) -> Selected {
        let Some(resource) = self.resources.get(&key) else { return Selected::Nothing };
        match resource.variants.iter().find(|stored| stored.selecting.selects(asking)) {
            None if resource.variants.is_empty() => Selected::Nothing,
            None => Selected::OtherVariants,
            Some(stored) if !stored.may_be_shown_to(asking) => Selected::NotForThis,
            Some(stored) => Selected::Found(Arc::clone(stored)),
        }
    }

    /// The newest response of a URL, whomever it answers.
    pub fn newest(&self, key: Key) -> Option<Arc<Stored>> {
        self.resources.get(&key)?.variants.first().cloned()
    }

    /// Puts a response in the place of those that answered the same requests, unless what was asked for at `asked` is overtaken.
    #[must_use]
    pub fn insert(&self, key: Key, url: &Arc<str>, stored: &Arc<Stored>, asking: &Asking, asked: Turn) -> Put {
        if self.is_overtaken(key, asked) {
            return Put::Overtaken;
        }
        self.change(key, url, |variants| {
            variants.retain(|other| !other.selecting.selects(asking));
            variants.insert(0, Arc::clone(stored));
            variants.truncate(CACHE_VARIANTS);
        });
        // Whoever overtakes takes its turn first and then looks through what is there: either it finds this, or it is seen here.
        if self.is_overtaken(key, asked) {
            self.remove(key, stored);
            return Put::Overtaken;
        }
        Put::There
    }

    /// Puts a response in the place of one whose content it shares, if that is still there: it is not once it was overtaken.
    pub fn replace(&self, key: Key, before: &Arc<Stored>, stored: &Arc<Stored>) {
        self.edit(key, |variants| {
            for variant in variants.iter_mut().filter(|variant| Arc::ptr_eq(variant, before)) {
                *variant = Arc::clone(stored);
            }
        });
    }

    /// Takes a response out.
    pub fn remove(&self, key: Key, stored: &Stored) {
        self.edit(key, |variants| variants.retain(|variant| !Arc::ptr_eq(&variant.content, &stored.content)));
    }

    /// Takes a response out whose body broke off. What it had taken the place of comes back, as stale: the origin has something
    /// newer. What was purged meanwhile stays so.
    pub fn take_back(&self, key: Key, broken: &Stored, before: Option<&Arc<Stored>>, now: Timestamp) {
        self.edit(key, |variants| {
            let broken = variants.iter().position(|variant| Arc::ptr_eq(&variant.content, &broken.content));
            match (broken, before) {
                (Some(place), Some(before)) => variants[place] = stale(before, now),
                (Some(place), None) => drop(variants.remove(place)),
                (None, _) => {}
            }
        });
    }

    /// Weighs a URL's responses anew: one has grown since it was inserted.
    pub fn weigh_again(&self, key: Key) {
        self.edit(key, |_| {});
    }

    fn edit(&self, key: Key, change: impl FnOnce(&mut Vec<Arc<Stored>>)) {
        self.resources.entry(key).and_compute_with(|entry| match entry {
            None => Op::Nop,
            Some(entry) => changed(&entry.value().url, entry.value().variants.clone(), change),
        });
    }

    fn change(&self, key: Key, url: &Arc<str>, change: impl FnOnce(&mut Vec<Arc<Stored>>)) {
        self.resources.entry(key).and_compute_with(|entry| {
            let variants = entry.map_or_else(Vec::new, |entry| entry.value().variants.clone());
            changed(url, variants, change)
        });
    }

    /// From now on, for a while, requests under `flight` do not wait for each other.
    pub fn pass(&self, flight: Key, now: Timestamp) {
        self.passes.insert(flight, later(now));
    }

    /// What was got under `flight` can be shared after all.
    pub fn pass_no_longer(&self, flight: Key) {
        self.passes.invalidate(&flight);
    }

    /// Whether requests under `flight` need not wait for each other.
    pub fn passes(&self, flight: Key, now: Timestamp) -> bool {
        self.passes.get(&flight).is_some_and(|until| now < until)
    }

    /// An unsafe request changed what is at this URL.
    pub fn invalidate(&self, key: Key) {
        self.invalidated.insert(key, self.turns.take());
        self.resources.invalidate(&key);
    }

    /// Which turn it is: to be noted before the origin is asked.
    pub fn turn(&self) -> Turn {
        self.turns.now()
    }

    /// Whether what was asked for at `asked` is out of date already: its URL was changed or purged meanwhile.
    pub fn is_overtaken(&self, key: Key, asked: Turn) -> bool {
        self.turns.is_overtaken(asked) || self.invalidated.get(&key).is_some_and(|changed| asked < changed)
    }

    /// Purges all stored responses of which `wanted` says so. Out: how many there were.
    pub fn purge(&self, wanted: impl Fn(&str, &Stored) -> bool, severity: Severity, now: Timestamp) -> usize {
        self.turns.overtake(self.turns.take());
        let mut purged = 0;
        for (key, resource) in &self.resources {
            if !resource.variants.iter().any(|stored| wanted(&resource.url, stored)) {
                continue;
            }
            self.edit(*key, |variants| {
                let hit = |stored: &Arc<Stored>| wanted(&resource.url, stored);
                purged += variants.iter().filter(|stored| hit(stored)).count();
                match severity {
                    Severity::Hard => variants.retain(|stored| !hit(stored)),
                    Severity::Soft => {
                        variants.iter_mut().filter(|stored| hit(stored)).for_each(|stored| *stored = stale(stored, now))
                    }
                }
            });
        }
        purged
    }

    /// How many URLs have something stored, and all its bytes, as of now.
    pub fn size(&self) -> (u64, u64) {
        self.resources.run_pending_tasks();
        (self.resources.entry_count(), self.resources.weighted_size())
    }
}

fn changed(
    url: &Arc<str>,
    mut variants: Vec<Arc<Stored>>,
    change: impl FnOnce(&mut Vec<Arc<Stored>>),
) -> Op<Arc<Resource>> {
    change(&mut variants);
    if variants.is_empty() {
        return Op::Remove;
    }
    Op::Put(Arc::new(Resource { url: Arc::clone(url), variants }))
}

/// The same response, stale from `now` on.
pub fn stale(stored: &Arc<Stored>, now: Timestamp) -> Arc<Stored> {
    let mut stale = Stored::clone(stored);
    stale.terms.stale_from = Some(stale.terms.stale_from.map_or(now, |from| from.min(now)));
    Arc::new(stale)
}

fn later(now: Timestamp) -> Timestamp {
    let wait = SignedDuration::try_from(CACHE_PASS_WAIT).unwrap_or(SignedDuration::ZERO);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn weigh(_: &Key, resource: &Arc<Resource>) -> u32 {
    let variants: u64 = resource.variants.iter().map(|stored| stored.weight()).sum();
    u32::try_from(variants + resource.url.len() as u64).unwrap_or(u32::MAX)
}
