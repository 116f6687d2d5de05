//! The store that several processes share: Redis or Valkey, one node, found by Sentinel, or a Cluster.
//!
//! In and out: as every [`Store`]. What it acknowledges is in the server's memory, and as safe as that server is set up to be. A
//! change is one step of the server, by a script; nothing is read here, changed here and written back. It must not wait for a
//! server that is away: it says so at once, and whoever asked decides.

mod address;
mod connect;
mod entry;
mod items;
mod keys;
mod link;
mod moving;
mod profiles;
mod rounds;
mod scripts;
mod timers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;
use jiff::Timestamp;

pub use address::{AddressError, RedisAddress};

use super::{Answer, Batch, Cursor, Erased, Found, Item, ItemKey, Store, StoreError, Timer};
use crate::limits::REDIS_FRESH;
use crate::profile::{Change, Keep, Name, ProfileId};
use keys::Keys;
use link::Link;
use profiles::Redis;

/// A store in Redis.
#[derive(Debug)]
pub struct RedisStore {
    redis: Arc<Redis>,
    is_closed: AtomicBool,
}

impl RedisStore {
    /// Begins to connect, and goes on until it is closed; what is asked meanwhile can't be reached. Must be called within the
    /// runtime.
    pub fn begin(address: RedisAddress, keep: Keep) -> Self {
        let keys = Keys::new(&address.prefix);
        let redis = Arc::new(Redis { link: Link::begin(address), keys, keep });
        Self { redis, is_closed: AtomicBool::new(false) }
    }

    /// Looks once whether the store can be used, for whoever starts.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: somebody has to mend something first: a password, a certificate, a version.
    /// [`StoreError::Unreachable`]: not now.
    pub async fn probe(address: &RedisAddress) -> Result<(), StoreError> {
        connect::connect(address).await.map(|_| ())
    }

    /// Does something to the end, whether or not somebody waits for it.
    fn done<T, F>(&self, work: impl FnOnce(Arc<Redis>) -> F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        if self.is_closed.load(Ordering::Acquire) {
            return ready(Err(StoreError::Closed)).boxed();
        }
        let work = work(self.redis.clone());
        async move { tokio::spawn(work).await.map_err(|_| StoreError::Closed)? }.boxed()
    }

    /// Does something for as long as somebody waits for it.
    fn read<T, F>(&self, work: impl FnOnce(Arc<Redis>) -> F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        match self.is_closed.load(Ordering::Acquire) {
            true => ready(Err(StoreError::Closed)).boxed(),
            false => work(self.redis.clone()).boxed(),
        }
    }
}

impl Store for RedisStore {
    fn load(&self, id: &ProfileId) -> Answer<'_, Found> {
        let id = id.clone();
        self.read(|redis| async move { redis.load(&id).await })
    }

    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()> {
        let id = id.clone();
        self.done(|redis| async move { redis.apply(&id, &changes).await })
    }

    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found> {
        let (visitor, customer) = (visitor.clone(), customer.clone());
        self.done(move |redis| async move { redis.identify(&visitor, &customer, now).await })
    }

    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()> {
        let visitor = visitor.clone();
        self.done(|redis| async move { redis.part(&visitor).await })
    }

    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased> {
        let id = id.clone();
        self.done(|redis| async move { redis.erase(&id).await })
    }

    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>> {
        self.read(move |redis| async move { redis.export(from, most).await })
    }

    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>> {
        let list = list.clone();
        self.read(move |redis| async move { redis.members(&list, from, most).await })
    }

    fn member_count(&self, list: &Name) -> Answer<'_, u64> {
        let list = list.clone();
        self.read(|redis| async move { redis.member_count(&list).await })
    }

    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>> {
        let keys = keys.to_vec();
        self.read(|redis| async move { redis.items(&keys).await })
    }

    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64> {
        self.done(|redis| async move { redis.put_items(&items).await })
    }

    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64> {
        self.done(|redis| async move { redis.remove_items(&keys).await })
    }

    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>> {
        let kind = kind.clone();
        self.read(move |redis| async move { redis.list_items(&kind, from, most).await })
    }

    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()> {
        self.done(|redis| async move { redis.schedule(&timers).await })
    }

    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>> {
        self.done(move |redis| async move { redis.due(now, lease, most).await })
    }

    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool> {
        let (profile, name) = (profile.clone(), name.clone());
        self.done(|redis| async move { redis.cancel(&profile, &name).await })
    }

    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64> {
        self.done(move |redis| async move { redis.expire(seen_before).await })
    }

    fn freshness(&self) -> Option<Duration> {
        Some(REDIS_FRESH)
    }

    fn close(&self) -> Answer<'_, ()> {
        // What was acknowledged is there; nothing is kept back here.
        self.is_closed.store(true, Ordering::Release);
        self.redis.link.close();
        ready(Ok(())).boxed()
    }
}
