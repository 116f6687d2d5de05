//! A folder that the process before this one still has open.
//!
//! In: the folder. Out: a [`Store`] that can't be reached until it is free, and then is the one in it. Whoever hands over to a new
//! process closes the store at its end; until then visitors are unknown to the new one, and what they do waits to be written.
//! It must not wait for a folder that nobody has promised to give up.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;
use jiff::Timestamp;

use super::{Answer, Batch, Cursor, EmbeddedStore, Erased, Found, Item, ItemKey, Store, StoreError, Timer};
use crate::limits::STORE_OPENING_PAUSE;
use crate::profile::{Change, Keep, Name, ProfileId};

/// What became of the opening; shared with the thread that tries.
type Opened = OnceLock<Result<EmbeddedStore, StoreError>>;

/// A store that will be there.
#[derive(Debug)]
pub struct OpeningStore(Arc<Opened>);

impl OpeningStore {
    /// Tries again and again, on a thread of its own, until the folder is free or this is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: there is no thread to be had.
    pub fn begin(folder: PathBuf, keep: Keep) -> Result<Self, StoreError> {
        let opened = Arc::new(Opened::new());
        let waiting = Arc::downgrade(&opened);
        let open = move || {
            while let Some(opened) = waiting.upgrade() {
                match EmbeddedStore::open(&folder, keep) {
                    Err(StoreError::Taken(_)) => {}
                    done => {
                        if let Err(error) = &done {
                            tracing::error!(%error, "the store can't be opened");
                        }
                        // Nobody else sets it but a close, after which the store is not wanted any more.
                        let _ = opened.set(done);
                        return;
                    }
                }
                drop(opened);
                std::thread::sleep(STORE_OPENING_PAUSE);
            }
        };
        let thread = std::thread::Builder::new().name("store-opening".to_owned()).spawn(open);
        thread.map_err(|error| StoreError::Unusable(format!("no thread for the store: {error}").into()))?;
        Ok(Self(opened))
    }

    fn through<'a, T: Send + 'a>(&'a self, ask: impl FnOnce(&'a dyn Store) -> Answer<'a, T>) -> Answer<'a, T> {
        match self.0.get() {
            Some(Ok(store)) => ask(store),
            Some(Err(error)) => ready(Err(error.clone())).boxed(),
            None => ready(Err(StoreError::Unreachable("the process before this one still has it open".into()))).boxed(),
        }
    }
}

impl Store for OpeningStore {
    fn load(&self, id: &ProfileId) -> Answer<'_, Found> {
        self.through(|store| store.load(id))
    }

    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()> {
        self.through(|store| store.apply(id, changes))
    }

    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found> {
        self.through(|store| store.identify(visitor, customer, now))
    }

    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()> {
        self.through(|store| store.part(visitor))
    }

    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased> {
        self.through(|store| store.erase(id))
    }

    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>> {
        self.through(|store| store.export(from, most))
    }

    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>> {
        self.through(|store| store.members(list, from, most))
    }

    fn member_count(&self, list: &Name) -> Answer<'_, u64> {
        self.through(|store| store.member_count(list))
    }

    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>> {
        self.through(|store| store.items(keys))
    }

    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64> {
        self.through(|store| store.put_items(items))
    }

    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64> {
        self.through(|store| store.remove_items(keys))
    }

    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>> {
        self.through(|store| store.list_items(kind, from, most))
    }

    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()> {
        self.through(|store| store.schedule(timers))
    }

    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>> {
        self.through(|store| store.due(now, lease, most))
    }

    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool> {
        self.through(|store| store.cancel(profile, name))
    }

    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64> {
        self.through(|store| store.expire(seen_before))
    }

    fn close(&self) -> Answer<'_, ()> {
        // Where it never came, there is nothing to close: whatever was to be written was told to wait.
        if self.0.set(Err(StoreError::Closed)).is_ok() {
            return ready(Ok(())).boxed();
        }
        self.through(|store| store.close())
    }
}
