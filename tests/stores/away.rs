//! A store that can be away, or slow: what stands before it must not lose what it was told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use inlay::profile::{Change, Name, ProfileId};
use inlay::store::{Answer, Batch, Cursor, Erased, Found, Item, ItemKey, MemoryStore, Store, StoreError, Timer};
use jiff::Timestamp;

/// A store in memory behind a wire that somebody can cut.
#[derive(Debug)]
pub struct Away {
    pub store: MemoryStore,
    pub is_away: AtomicBool,
    /// Milliseconds that a load takes.
    pub slow: AtomicU64,
    /// How often it was asked for a profile.
    pub loads: AtomicU64,
    /// How long what it gave may be shown; others write too.
    pub freshness: Option<Duration>,
}

impl Away {
    pub fn new(store: MemoryStore) -> Self {
        Self {
            store,
            is_away: AtomicBool::new(false),
            slow: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            freshness: None,
        }
    }

    fn wire<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Box::pin(async { Err(StoreError::Unreachable("it is away".into())) }),
            false => answer,
        }
    }
}

impl Store for Away {
    fn load(&self, id: &ProfileId) -> Answer<'_, Found> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let answer = self.wire(self.store.load(id));
        let slow = Duration::from_millis(self.slow.load(Ordering::Relaxed));
        // What is found is from before the wait.
        Box::pin(async move {
            let found = answer.await;
            tokio::time::sleep(slow).await;
            found
        })
    }
    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()> {
        match self.is_away.load(Ordering::Relaxed) {
            true => self.wire(Box::pin(async { Ok(()) })),
            false => self.store.apply(id, changes),
        }
    }
    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found> {
        self.store.identify(visitor, customer, now)
    }
    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()> {
        self.store.part(visitor)
    }
    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased> {
        self.store.erase(id)
    }
    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>> {
        self.store.export(from, most)
    }
    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>> {
        self.store.members(list, from, most)
    }
    fn member_count(&self, list: &Name) -> Answer<'_, u64> {
        self.store.member_count(list)
    }
    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>> {
        self.store.items(keys)
    }
    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64> {
        self.store.put_items(items)
    }
    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64> {
        self.store.remove_items(keys)
    }
    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>> {
        self.store.list_items(kind, from, most)
    }
    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()> {
        self.store.schedule(timers)
    }
    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>> {
        self.store.due(now, lease, most)
    }
    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool> {
        self.store.cancel(profile, name)
    }
    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64> {
        self.store.expire(seen_before)
    }
    fn freshness(&self) -> Option<Duration> {
        self.freshness
    }
    fn close(&self) -> Answer<'_, ()> {
        self.store.close()
    }
}
