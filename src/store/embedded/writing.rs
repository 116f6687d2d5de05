//! What the writer does for each command.
//!
//! In: ids, changes, items, timers. Out: what became of them, written to the journal in one piece each, so that a crash leaves
//! all of it or nothing. It must not wait for the disk: the writer does, for many at once.

use std::sync::Arc;
use std::time::Duration;

use fjall::{OwnedWriteBatch, Readable};
use jiff::Timestamp;

use super::reading::{Folded, dated, of_item, unreadable};
use super::writer::Writer;
use super::{failed, keys};
use crate::limits::{STORE_EXPIRY_PIECE, STORE_FOLD_CHANGES};
use crate::profile::{Change, Name, Profile, ProfileId};
use crate::store::{Erased, Found, Item, ItemKey, StoreError, Timer, record};

impl Writer {
    /// Writes changes behind those that are there, unread; those that concern an index are folded at once.
    pub(super) fn apply(&mut self, id: &ProfileId, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let id = self.trees.stands_for(&self.trees.database.snapshot(), id)?;
        let indexed = changes.iter().any(|change| change.op.concerns_lists());
        if indexed || self.beside.count(&id) {
            return self.rewrite(&id, changes).map(|_| ());
        }
        self.number += 1;
        let key = keys::change(&id, self.number);
        let mut batch = self.trees.database.batch();
        batch.insert(&self.trees.changes, key, record::of_changes(changes));
        batch.commit().map_err(failed)
    }

    /// Writes the profile that all changes come to in their place.
    fn rewrite(&mut self, id: &ProfileId, changes: &[Change]) -> Result<Arc<Profile>, StoreError> {
        let before = self.fold(id)?;
        let mut profile = before.profile.clone();
        for change in changes {
            profile.apply(change, &self.keep);
        }
        let mut batch = self.trees.database.batch();
        self.replace(&mut batch, id, &before, &profile);
        batch.commit().map_err(failed)?;
        self.beside.folded(id);
        Ok(Arc::new(profile))
    }

    /// Folds a profile, unless somebody has.
    pub(super) fn tidy(&mut self, id: &ProfileId) -> Result<(), StoreError> {
        match self.fold(id)?.changes.len() < STORE_FOLD_CHANGES {
            true => Ok(()),
            false => self.rewrite(id, &[]).map(|_| ()),
        }
    }

    fn fold(&self, id: &ProfileId) -> Result<Folded, StoreError> {
        self.trees.fold(&self.trees.database.snapshot(), id, &self.keep)
    }

    /// Puts `after` where `before` was, in the indices too.
    fn replace(&self, batch: &mut OwnedWriteBatch, id: &ProfileId, before: &Folded, after: &Profile) {
        let trees = &self.trees;
        for key in &before.changes {
            batch.remove(&trees.changes, key.clone());
        }
        // Before this call the index was as the profile on disk is; changes to lists never stand beside it.
        for gone in before.profile.lists().difference(after.lists()) {
            batch.remove(&trees.members, keys::joined(&[gone.text().as_bytes(), id.text().as_bytes()]));
        }
        for new in after.lists().difference(before.profile.lists()) {
            batch.insert(&trees.members, keys::joined(&[new.text().as_bytes(), id.text().as_bytes()]), "");
        }
        match after.is_blank() && after.known().len() == 0 {
            true if before.is_kept => batch.remove(&trees.profiles, id.text()),
            true => {}
            false => batch.insert(&trees.profiles, id.text(), record::of_profile(after)),
        }
    }

    pub(super) fn identify(
        &mut self,
        visitor: &ProfileId,
        customer: &ProfileId,
        now: Timestamp,
    ) -> Result<Found, StoreError> {
        let stands_for = self.trees.stands_for(&self.trees.database.snapshot(), visitor)?;
        let (before, known) = (self.fold(visitor)?, self.fold(customer)?);
        if stands_for == *customer {
            return Ok(Found { id: customer.clone(), profile: Arc::new(known.profile) });
        }
        let mut merged = known.profile.merge(&before.profile, &self.keep);
        merged.apply(&Change::identify(customer, now), &self.keep);
        let mut batch = self.trees.database.batch();
        self.unlink(&mut batch, visitor, &stands_for);
        batch.insert(&self.trees.aliases, visitor.text(), customer.text());
        let bearer = keys::joined(&[customer.text().as_bytes(), visitor.text().as_bytes()]);
        batch.insert(&self.trees.bearers, bearer, "");
        self.replace(&mut batch, visitor, &before, &Profile::new());
        self.replace(&mut batch, customer, &known, &merged);
        for timer in self.timers_of(visitor)? {
            self.remove_timer(&mut batch, &timer);
            self.set_timer(&mut batch, &Timer { profile: customer.clone(), ..timer })?;
        }
        batch.commit().map_err(failed)?;
        self.beside.folded(visitor);
        self.beside.folded(customer);
        Ok(Found { id: customer.clone(), profile: Arc::new(merged) })
    }

    pub(super) fn part(&mut self, visitor: &ProfileId) -> Result<(), StoreError> {
        let customer = self.trees.stands_for(&self.trees.database.snapshot(), visitor)?;
        let mut batch = self.trees.database.batch();
        self.unlink(&mut batch, visitor, &customer);
        batch.commit().map_err(failed)
    }

    fn unlink(&self, batch: &mut OwnedWriteBatch, visitor: &ProfileId, customer: &ProfileId) {
        if visitor != customer {
            batch.remove(&self.trees.aliases, visitor.text());
            let bearer = keys::joined(&[customer.text().as_bytes(), visitor.text().as_bytes()]);
            batch.remove(&self.trees.bearers, bearer);
        }
    }

    pub(super) fn erase(&mut self, id: &ProfileId) -> Result<Erased, StoreError> {
        let now = self.trees.database.snapshot();
        let id = self.trees.stands_for(&now, id)?;
        let before = self.fold(&id)?;
        let mut erased = Erased::of(&id, &before.profile);
        let mut batch = self.trees.database.batch();
        self.replace(&mut batch, &id, &before, &Profile::new());
        for entry in now.prefix(&self.trees.bearers, keys::below(id.text().as_bytes())) {
            let key = entry.key().map_err(failed)?;
            let (_, visitor) = keys::pair(&key).ok_or_else(|| unreadable("bearer"))?;
            let visitor = keys::id(visitor.as_bytes())?;
            self.unlink(&mut batch, &visitor, &id);
            erased.ids.insert(visitor);
        }
        for timer in self.timers_of(&id)? {
            self.remove_timer(&mut batch, &timer);
            erased.timers += 1;
        }
        batch.commit().map_err(failed)?;
        self.beside.folded(&id);
        Ok(erased)
    }

    pub(super) fn put_items(&mut self, items: Vec<Item>) -> Result<u64, StoreError> {
        let mut kept = 0;
        // Each by itself: the same key may come twice, and the second must see the first.
        for item in items {
            let key = keys::item(&item.key);
            let is_newer = self.trees.item(&item.key)?.is_none_or(|kept| kept.at <= item.at);
            if is_newer {
                self.trees.items.insert(key, of_item(&item)).map_err(failed)?;
                kept += 1;
            }
        }
        Ok(kept)
    }

    pub(super) fn remove_items(&mut self, items: &[ItemKey]) -> Result<u64, StoreError> {
        let mut removed = 0;
        for key in items {
            if self.trees.item(key)?.is_some() {
                self.trees.items.remove(keys::item(key)).map_err(failed)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    pub(super) fn schedule(&mut self, timers: Vec<Timer>) -> Result<(), StoreError> {
        for mut timer in timers {
            timer.profile = self.trees.stands_for(&self.trees.database.snapshot(), &timer.profile)?;
            let mut batch = self.trees.database.batch();
            self.set_timer(&mut batch, &timer)?;
            batch.commit().map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn give_out(&mut self, now: Timestamp, lease: Duration, most: usize) -> Result<Vec<Timer>, StoreError> {
        let again = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let mut batch = self.trees.database.batch();
        let mut given = Vec::new();
        for entry in self.trees.database.snapshot().iter(&self.trees.due).take(most) {
            let key = entry.key().map_err(failed)?;
            let (due, profile, name) = keys::of_due(&key).ok_or_else(|| unreadable("timer"))?;
            if due > now {
                break;
            }
            let Some(timer) = self.timer(&profile, &name)? else { continue };
            self.set_timer(&mut batch, &Timer { due: again, ..timer.clone() })?;
            given.push(timer);
        }
        batch.commit().map_err(failed)?;
        Ok(given)
    }

    pub(super) fn cancel(&mut self, profile: &ProfileId, name: &Name) -> Result<bool, StoreError> {
        let profile = self.trees.stands_for(&self.trees.database.snapshot(), profile)?;
        let Some(timer) = self.timer(&profile, name)? else { return Ok(false) };
        let mut batch = self.trees.database.batch();
        self.remove_timer(&mut batch, &timer);
        batch.commit().map_err(failed)?;
        Ok(true)
    }

    fn timer(&self, profile: &ProfileId, name: &Name) -> Result<Option<Timer>, StoreError> {
        let Some(bytes) = self.trees.timers.get(keys::timer(profile, name)).map_err(failed)? else { return Ok(None) };
        let (due, data) = dated(&bytes).ok_or_else(|| unreadable("timer"))?;
        Ok(Some(Timer { profile: profile.clone(), name: name.clone(), due, data }))
    }

    fn timers_of(&self, id: &ProfileId) -> Result<Vec<Timer>, StoreError> {
        let mut timers = Vec::new();
        for entry in self.trees.timers.prefix(keys::below(id.text().as_bytes())) {
            let (key, bytes) = entry.into_inner().map_err(failed)?;
            let name =
                keys::pair(&key).and_then(|(_, name)| Name::parse(name).ok()).ok_or_else(|| unreadable("timer"))?;
            let (due, data) = dated(&bytes).ok_or_else(|| unreadable("timer"))?;
            timers.push(Timer { profile: id.clone(), name, due, data });
        }
        Ok(timers)
    }

    /// Sets a timer in both trees, where it may be set already.
    fn set_timer(&self, batch: &mut OwnedWriteBatch, timer: &Timer) -> Result<(), StoreError> {
        if let Some(before) = self.timer(&timer.profile, &timer.name)? {
            batch.remove(&self.trees.due, keys::due(before.due, &before.profile, &before.name));
        }
        let bytes = [&timer.due.as_microsecond().to_be_bytes()[..], timer.data.to_string().as_bytes()].concat();
        batch.insert(&self.trees.timers, keys::timer(&timer.profile, &timer.name), bytes);
        batch.insert(&self.trees.due, keys::due(timer.due, &timer.profile, &timer.name), "");
        Ok(())
    }

    fn remove_timer(&self, batch: &mut OwnedWriteBatch, timer: &Timer) {
        batch.remove(&self.trees.timers, keys::timer(&timer.profile, &timer.name));
        batch.remove(&self.trees.due, keys::due(timer.due, &timer.profile, &timer.name));
    }

    /// Looks at the next piece of all profiles, and begins anew at the end.
    pub(super) fn expire(&mut self, seen_before: Timestamp) -> Result<u64, StoreError> {
        let now = self.trees.database.snapshot();
        let mut expired = 0;
        for _ in 0..STORE_EXPIRY_PIECE {
            let Some(id) = self.trees.next_id(&now, &self.expiring)? else {
                self.expiring.clear();
                break;
            };
            self.expiring = keys::behind(id.text().as_bytes());
            let Folded { profile, changes, .. } = self.trees.fold(&now, &id, &self.keep)?;
            if profile.seen().is_some_and(|seen| seen.last < seen_before) {
                self.erase(&id)?;
                expired += 1;
            } else if changes.len() >= STORE_FOLD_CHANGES {
                self.rewrite(&id, &[])?;
            }
        }
        Ok(expired)
    }
}
