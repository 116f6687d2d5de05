//! Items at hand: what the site sells or publishes, in memory before the store.
//!
//! In: readings of items, keys. Out: what is known, within a deadline. A reading is written behind, off the path of every request,
//! and only if it tells something new. It must not decide what is read from which page.
//!
//! A reading of a page tells some of an item's fields: they take the place of what was known of those fields, and the others stay,
//! because a listing knows less than the product's own page. What is [put](Items::put) takes the place of all.

mod facts;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use serde_json::{Map, Value as Json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

pub use facts::ItemFacts;

use super::{Item, ItemKey, Store, StoreError};
use crate::limits::{
    ITEM_ENTRY_BYTES, ITEM_FRESH, ITEM_HOT_BYTES, ITEM_QUEUE, ITEM_REFRESH, ITEM_WRITE_BATCH, ITEM_WRITE_RETRIES,
    ITEM_WRITE_RETRY, PROFILE_DEADLINE,
};
use crate::telemetry::ItemFigures;

/// Items at hand, before a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Items(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    figures: ItemFigures,
    fresh: Duration,
    hot: Cache<ItemKey, Hot, Weighing>,
    queue: Mutex<Queue>,
    idle: Notify,
}

/// What is known of one key, and since when; `None`: that there is nothing.
#[derive(Clone, Debug)]
struct Hot {
    item: Option<Item>,
    bytes: usize,
    at: Instant,
}

/// Readings that are not written yet.
#[derive(Debug, Default)]
struct Queue {
    readings: VecDeque<Item>,
    is_written: bool,
}

/// What learning a reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// It tells nothing that is not known already.
    Known,
    /// It will be written.
    Queued,
    /// As many wait already as may; it is lost, until the page is read again.
    Lost,
}

impl Items {
    /// Items of this store.
    pub fn new(store: Arc<dyn Store>, figures: ItemFigures) -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(ITEM_HOT_BYTES)
            .estimated_items_capacity(usize::try_from(ITEM_HOT_BYTES / ITEM_ENTRY_BYTES).unwrap_or(usize::MAX))
            .build()
            .expect("invariant: both capacities are set");
        let hot = Cache::with_options(options, Weighing, DefaultHashBuilder::default(), DefaultLifecycle::default());
        let fresh = store.freshness().unwrap_or(ITEM_FRESH).min(ITEM_FRESH);
        Self(Arc::new(Inner { store, figures, fresh, hot, queue: Mutex::default(), idle: Notify::new() }))
    }

    /// The store behind.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// How long what was looked up is shown before it is looked up again.
    pub fn fresh(&self) -> Duration {
        self.0.fresh
    }

    /// What is at hand, without asking anybody: `Some(None)` says that there is no such item.
    pub fn at_hand(&self, key: &ItemKey) -> Option<Option<Item>> {
        let hot = self.0.hot.get(key).filter(|hot| hot.at.elapsed() < self.0.fresh)?;
        Some(hot.item)
    }

    /// These items, in this order, within the deadline of profiles; one that does not come in time is as one that is not there.
    pub async fn load(&self, keys: &[ItemKey]) -> Vec<Option<Item>> {
        let mut found: Vec<Option<Option<Item>>> = keys.iter().map(|key| self.at_hand(key)).collect();
        let missing: Vec<ItemKey> =
            keys.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(key, _)| key.clone()).collect();
        let mut loaded = match missing.is_empty() {
            true => Vec::new(),
            false => self.0.ask(&missing).await,
        }
        .into_iter();
        found.iter_mut().filter(|found| found.is_none()).for_each(|found| *found = loaded.next());
        found.into_iter().map(Option::flatten).collect()
    }

    /// Takes what a page tells of an item. Must be called within the runtime; it waits for nothing.
    pub fn learn(&self, reading: Item) -> Learnt {
        if let Some(Some(known)) = self.at_hand(&reading.key)
            && !tells_something(&known, &reading)
        {
            return Learnt::Known;
        }
        let mut queue = self.0.queue();
        if queue.readings.len() >= ITEM_QUEUE {
            self.0.figures.lost.inc();
            return Learnt::Lost;
        }
        queue.readings.push_back(reading);
        if !std::mem::replace(&mut queue.is_written, true) {
            tokio::spawn(Inner::write(self.0.clone()));
        }
        Learnt::Queued
    }

    /// Keeps items as they are given, each unless a newer reading of it is kept. Out, once they are safe: how many were kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put(&self, items: Vec<Item>) -> Result<u64, StoreError> {
        let keys: Vec<ItemKey> = items.iter().map(|item| item.key.clone()).collect();
        let kept = self.0.store.put_items(items).await?;
        keys.iter().for_each(|key| drop(self.0.hot.remove(key)));
        Ok(kept)
    }

    /// Takes items away, until they are read again. Out, once that is safe: how many were there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, keys: Vec<ItemKey>) -> Result<u64, StoreError> {
        let removed = self.0.store.remove_items(keys.clone()).await?;
        keys.iter().for_each(|key| drop(self.0.hot.remove(key)));
        Ok(removed)
    }

    /// Waits until all readings are written, so long at most. Out: how many are not.
    pub async fn settled(&self, bound: Duration) -> usize {
        let settled = async {
            loop {
                let idle = self.0.idle.notified();
                if !self.0.queue().is_written {
                    return;
                }
                idle.await;
            }
        };
        // What is left is counted either way.
        let _ = timeout(bound, settled).await;
        self.0.queue().readings.len()
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing under the lock can be left half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the store, within the deadline.
    async fn ask(&self, keys: &[ItemKey]) -> Vec<Option<Item>> {
        match timeout(PROFILE_DEADLINE, self.store.items(keys)).await {
            Ok(Ok(items)) => {
                self.figures.loaded.inc_by(keys.len() as u64);
                keys.iter().zip(&items).for_each(|(key, item)| self.note(key, item.clone()));
                items
            }
            Ok(Err(_)) | Err(_) => {
                self.figures.missed.inc_by(keys.len() as u64);
                // What was known a moment ago is nearer the truth than nothing.
                keys.iter().map(|key| self.hot.get(key).and_then(|hot| hot.item)).collect()
            }
        }
    }

    fn note(&self, key: &ItemKey, item: Option<Item>) {
        let bytes = item.as_ref().map_or(0, |item| item.data.to_string().len());
        self.hot.insert(key.clone(), Hot { item, bytes, at: Instant::now() });
    }

    /// Writes readings until there are none.
    async fn write(self: Arc<Self>) {
        loop {
            let readings: Vec<Item> = {
                let mut queue = self.queue();
                let most = queue.readings.len().min(ITEM_WRITE_BATCH);
                if most == 0 {
                    queue.is_written = false;
                    break;
                }
                queue.readings.drain(..most).collect()
            };
            let count = readings.len() as u64;
            let mut tries = 0;
            while let Err(error) = self.write_some(&readings).await {
                tries += 1;
                if !error.may_pass() || tries > ITEM_WRITE_RETRIES {
                    tracing::debug!(%error, count, "readings of items are lost until their pages are read again");
                    self.figures.lost.inc_by(count);
                    break;
                }
                sleep(ITEM_WRITE_RETRY).await;
            }
        }
        self.idle.notify_waiters();
    }

    /// Lays readings over what is kept, and writes what that changes. Two machines that read one item at once may each write what
    /// they read: the next reading puts it right.
    async fn write_some(&self, readings: &[Item]) -> Result<(), StoreError> {
        let mut keys: Vec<ItemKey> = readings.iter().map(|reading| reading.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let kept = self.store.items(&keys).await?;
        let mut changed = Vec::new();
        for (key, kept) in keys.iter().zip(kept) {
            let of_it = readings.iter().filter(|reading| reading.key == *key);
            let now = of_it.fold(kept.clone(), |known, reading| Some(laid_over(known, reading)));
            if now != kept {
                changed.extend(now);
            }
        }
        if !changed.is_empty() {
            self.figures.written.inc_by(changed.len() as u64);
            self.store.put_items(changed.clone()).await?;
        }
        changed.into_iter().for_each(|item| self.note(&item.key.clone(), Some(item)));
        Ok(())
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").field("store", &self.store).field("hot", &self.hot.len()).finish_non_exhaustive()
    }
}

/// Whether a reading is newer and another than what is known, or that is so old that it is to be confirmed.
fn tells_something(known: &Item, reading: &Item) -> bool {
    if reading.at < known.at {
        return false;
    }
    let refresh = SignedDuration::try_from(ITEM_REFRESH).unwrap_or(SignedDuration::MAX);
    is_another(&known.data, &reading.data) || known.at.checked_add(refresh).is_ok_and(|due| due <= reading.at)
}

fn is_another(known: &Json, reading: &Json) -> bool {
    let fields = reading.as_object().into_iter().flatten();
    fields.into_iter().any(|(name, value)| known.get(name) != Some(value))
}

/// What is known after a reading.
fn laid_over(known: Option<Item>, reading: &Item) -> Item {
    let Some(known) = known else { return reading.clone() };
    if !tells_something(&known, reading) {
        return known;
    }
    let mut data: Map<String, Json> = known.data.as_object().cloned().unwrap_or_default();
    data.extend(reading.data.as_object().cloned().unwrap_or_default());
    // Together they may be more than an item may hold: then the newest reading counts alone.
    Item::new(known.key, later(known.at, reading.at), Json::Object(data)).unwrap_or_else(|_| reading.clone())
}

fn later(one: Timestamp, other: Timestamp) -> Timestamp {
    one.max(other)
}

#[derive(Clone)]
struct Weighing;

impl Weighter<ItemKey, Hot> for Weighing {
    fn weight(&self, key: &ItemKey, hot: &Hot) -> u64 {
        ITEM_ENTRY_BYTES + (key.key().len() + 2 * hot.bytes) as u64
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::Keep;
    use crate::store::MemoryStore;

    fn items() -> Items {
        Items::new(Arc::new(MemoryStore::new(Keep::default())), ItemFigures::default())
    }

    fn key() -> ItemKey {
        ItemKey::new("product", "A1").expect("a key")
    }

    fn reading(seconds: i64, data: Json) -> Item {
        Item::new(key(), Timestamp::from_second(1_795_000_000 + seconds).expect("a time"), data).expect("an item")
    }

    async fn known(items: &Items) -> Option<Json> {
        assert_eq!(items.settled(Duration::from_secs(5)).await, 0);
        items.load(&[key()]).await.remove(0).map(|item| Json::clone(&item.data))
    }

    #[tokio::test]
    async fn a_reading_takes_the_place_of_the_fields_that_it_tells() {
        let items = items();
        assert_eq!(known(&items).await, None);
        assert_eq!(items.learn(reading(1, json!({ "price": 5, "name": "Tent" }))), Learnt::Queued);
        assert_eq!(known(&items).await, Some(json!({ "price": 5, "name": "Tent" })));
        items.learn(reading(3, json!({ "price": 6 })));
        assert_eq!(known(&items).await, Some(json!({ "price": 6, "name": "Tent" })));
        items.learn(reading(2, json!({ "price": 9 })));
        assert_eq!(known(&items).await, Some(json!({ "price": 6, "name": "Tent" })), "an older reading");
        items.put(vec![reading(4, json!({ "price": 7 }))]).await.expect("kept");
        assert_eq!(known(&items).await, Some(json!({ "price": 7 })), "what is put counts alone");
        assert_eq!(items.remove(vec![key(), key()]).await.expect("removed"), 1);
        assert_eq!(known(&items).await, None);
    }

    #[tokio::test]
    async fn what_is_known_is_not_written_again_before_it_is_old() {
        let items = items();
        items.learn(reading(1, json!({ "price": 5 })));
        known(&items).await;
        assert_eq!(items.learn(reading(60, json!({ "price": 5 }))), Learnt::Known);
        assert_eq!(items.0.figures.written.get(), 1);
        let day = i64::try_from(ITEM_REFRESH.as_secs()).expect("a day");
        assert_eq!(items.learn(reading(1 + day, json!({ "price": 5 }))), Learnt::Queued);
    }

    #[tokio::test]
    async fn readings_wait_within_a_bound() {
        let items = items();
        let learnt: Vec<_> = (0..=ITEM_QUEUE).map(|n| items.learn(reading(n as i64, json!({ "n": n })))).collect();
        assert_eq!(learnt.iter().filter(|learnt| **learnt == Learnt::Lost).count(), 1);
        assert_eq!(known(&items).await, Some(json!({ "n": ITEM_QUEUE - 1 })));
    }
}
