//! The store of a process that was given none: in memory, bounded, gone when the process ends.
//!
//! In and out: as every [`Store`]. What it takes is as safe as the process. At its bound the profiles that were used longest ago go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;
use jiff::Timestamp;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde_json::Value as Json;

use super::{Answer, Batch, Cursor, Erased, Found, Item, ItemKey, Store, StoreError, Timer};
use crate::limits::{MEMORY_STORE_BYTES, MEMORY_STORE_ITEMS, MEMORY_STORE_TIMERS};
use crate::profile::{Change, Keep, Name, Profile, ProfileId};

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    keep: Keep,
    profiles: Cache<ProfileId, Arc<Profile>>,
    /// Held for the length of one change.
    rest: Mutex<Rest>,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Rest {
    /// Visitors who stand for customers.
    aliases: HashMap<ProfileId, ProfileId>,
    items: BTreeMap<ItemKey, Item>,
    timers: BTreeMap<(ProfileId, Name), (Timestamp, Json)>,
    due: BTreeSet<(Timestamp, ProfileId, Name)>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new(keep: Keep) -> Self {
        let weigh = |_: &ProfileId, profile: &Arc<Profile>| u32::try_from(profile.weight()).unwrap_or(u32::MAX);
        let profiles = Cache::builder().max_capacity(MEMORY_STORE_BYTES).weigher(weigh);
        Self {
            keep,
            profiles: profiles.eviction_policy(EvictionPolicy::lru()).build(),
            rest: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        // Nothing under the lock is left half done by a panic that could matter more than going on.
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, id: ProfileId) -> Found {
        let profile = self.profiles.get(&id).unwrap_or_default();
        Found { id, profile }
    }

    fn change(&self, id: ProfileId, changes: &[Change]) {
        let mut profile = Profile::clone(&self.found(id.clone()).profile);
        for change in changes {
            profile.apply(change, &self.keep);
        }
        self.profiles.insert(id, Arc::new(profile));
    }

    fn identified(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Found {
        let mut rest = self.rest();
        if rest.aliases.insert(visitor.clone(), customer.clone()).as_ref() != Some(customer) {
            let brought = self.profiles.remove(visitor).unwrap_or_default();
            let merged = self.found(customer.clone()).profile.merge(&brought, &self.keep);
            self.profiles.insert(customer.clone(), Arc::new(merged));
            rest.move_timers(visitor, customer);
            self.change(customer.clone(), &[Change::identify(customer, now)]);
        }
        self.found(customer.clone())
    }

    fn erased(&self, id: &ProfileId) -> Erased {
        let mut rest = self.rest();
        let id = rest.stands_for(id);
        let profile = self.profiles.remove(&id).unwrap_or_default();
        let mut erased = Erased::of(&id, &profile);
        erased.ids.extend(rest.aliases.extract_if(|_, customer| *customer == id).map(|(visitor, _)| visitor));
        let timers: Vec<Name> = rest.timers_of(&id).map(|(name, _)| name.clone()).collect();
        erased.timers = timers.len();
        timers.iter().for_each(|name| {
            rest.take_timer(&id, name);
        });
        erased
    }

    fn expired(&self, seen_before: Timestamp) -> u64 {
        let _rest = self.rest();
        let is_old = |profile: &Profile| profile.seen().is_some_and(|seen| seen.last < seen_before);
        let old: Vec<_> = self.profiles.iter().filter(|(_, profile)| is_old(profile)).map(|(id, _)| id).collect();
        old.iter().for_each(|id| self.profiles.invalidate(&**id));
        old.len() as u64
    }

    /// Some of those that follow the cursor's place, in the order of their text.
    fn page<T>(&self, all: impl Iterator<Item = (Arc<str>, T)>, from: Option<Cursor>, most: usize) -> Batch<T> {
        let from = from.map(|cursor| String::from_utf8_lossy(&cursor.0).into_owned());
        let mut rest: Vec<_> = all.filter(|(key, _)| from.as_ref().is_none_or(|from| **key > **from)).collect();
        rest.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = rest.len() > most;
        rest.truncate(most);
        let next = rest.last().filter(|_| more).map(|(key, _)| Cursor(key.as_bytes().into()));
        Batch { entries: rest.into_iter().map(|(_, entry)| entry).collect(), next }
    }

    /// Does something now, unless the store is closed.
    fn at_once<'a, T: Send + 'a>(&'a self, work: impl FnOnce() -> Result<T, StoreError>) -> Answer<'a, T> {
        match self.closed.load(Ordering::Acquire) {
            true => ready(Err(StoreError::Closed)).boxed(),
            false => ready(work()).boxed(),
        }
    }
}

impl Rest {
    fn stands_for(&self, id: &ProfileId) -> ProfileId {
        self.aliases.get(id).unwrap_or(id).clone()
    }

    fn timers_of<'a>(&'a self, id: &'a ProfileId) -> impl Iterator<Item = (&'a Name, &'a (Timestamp, Json))> {
        let timers = self.timers.iter().filter(move |((profile, _), _)| profile == id);
        timers.map(|((_, name), timer)| (name, timer))
    }

    fn take_timer(&mut self, profile: &ProfileId, name: &Name) -> Option<(Timestamp, Json)> {
        let (due, data) = self.timers.remove(&(profile.clone(), name.clone()))?;
        self.due.remove(&(due, profile.clone(), name.clone()));
        Some((due, data))
    }

    fn set_timer(&mut self, timer: Timer) {
        self.take_timer(&timer.profile, &timer.name);
        self.due.insert((timer.due, timer.profile.clone(), timer.name.clone()));
        self.timers.insert((timer.profile, timer.name), (timer.due, timer.data));
    }

    fn move_timers(&mut self, from: &ProfileId, to: &ProfileId) {
        let names: Vec<Name> = self.timers_of(from).map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some((due, data)) = self.take_timer(from, &name) else { continue };
            self.set_timer(Timer { profile: to.clone(), name, due, data });
        }
    }

    fn give_out(&mut self, now: Timestamp, lease: Duration, most: usize) -> Vec<Timer> {
        let due: Vec<_> = self.due.iter().take_while(|(due, ..)| *due <= now).take(most).cloned().collect();
        let again = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let mut given = Vec::new();
        for (due, profile, name) in due {
            let Some((_, data)) = self.take_timer(&profile, &name) else { continue };
            let timer = Timer { profile, name, due, data };
            self.set_timer(Timer { due: again, ..timer.clone() });
            given.push(timer);
        }
        given
    }

    fn put_items(&mut self, items: Vec<Item>) -> Result<u64, StoreError> {
        let mut kept = 0;
        for item in items {
            match self.items.get(&item.key) {
                Some(newer) if newer.at > item.at => continue,
                None if self.items.len() >= MEMORY_STORE_ITEMS => return Err(StoreError::Busy(MEMORY_STORE_ITEMS)),
                Some(_) | None => kept += 1,
            }
            self.items.insert(item.key.clone(), item);
        }
        Ok(kept)
    }
}

impl Store for MemoryStore {
    fn load(&self, id: &ProfileId) -> Answer<'_, Found> {
        let id = self.rest().stands_for(id);
        self.at_once(|| Ok(self.found(id)))
    }

    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()> {
        self.at_once(|| {
            let rest = self.rest();
            self.change(rest.stands_for(id), &changes);
            Ok(())
        })
    }

    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found> {
        self.at_once(|| Ok(self.identified(visitor, customer, now)))
    }

    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()> {
        self.at_once(|| {
            self.rest().aliases.remove(visitor);
            Ok(())
        })
    }

    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased> {
        self.at_once(|| Ok(self.erased(id)))
    }

    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>> {
        self.at_once(|| {
            let known = self.profiles.iter().filter(|(_, profile)| !profile.is_blank());
            let all = known.map(|(id, profile)| (id.text().into(), Found { id: (*id).clone(), profile }));
            Ok(self.page(all, from, most))
        })
    }

    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>> {
        self.at_once(|| {
            let on = self.profiles.iter().filter(|(_, profile)| profile.lists().contains(list));
            Ok(self.page(on.map(|(id, _)| (id.text().into(), (*id).clone())), from, most))
        })
    }

    fn member_count(&self, list: &Name) -> Answer<'_, u64> {
        self.at_once(|| Ok(self.profiles.iter().filter(|(_, profile)| profile.lists().contains(list)).count() as u64))
    }

    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>> {
        self.at_once(|| {
            let rest = self.rest();
            Ok(keys.iter().map(|key| rest.items.get(key).cloned()).collect())
        })
    }

    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64> {
        self.at_once(|| self.rest().put_items(items))
    }

    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64> {
        self.at_once(|| {
            let mut rest = self.rest();
            Ok(keys.iter().filter(|key| rest.items.remove(key).is_some()).count() as u64)
        })
    }

    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>> {
        self.at_once(|| {
            let rest = self.rest();
            let of_kind = rest.items.values().filter(|item| item.key.kind() == kind);
            Ok(self.page(of_kind.map(|item| (item.key.key().into(), item.clone())), from, most))
        })
    }

    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()> {
        self.at_once(|| {
            let mut rest = self.rest();
            for mut timer in timers {
                if rest.timers.len() >= MEMORY_STORE_TIMERS {
                    return Err(StoreError::Busy(MEMORY_STORE_TIMERS));
                }
                timer.profile = rest.stands_for(&timer.profile);
                rest.set_timer(timer);
            }
            Ok(())
        })
    }

    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>> {
        self.at_once(|| Ok(self.rest().give_out(now, lease, most)))
    }

    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool> {
        self.at_once(|| {
            let mut rest = self.rest();
            let profile = rest.stands_for(profile);
            Ok(rest.take_timer(&profile, name).is_some())
        })
    }

    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64> {
        self.at_once(|| Ok(self.expired(seen_before)))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.closed.store(true, Ordering::Release);
        ready(Ok(())).boxed()
    }
}
