//! Reading the trees.
//!
//! In: ids, names, cursors. Out: what is stored, at one moment. It must not write.

use std::sync::Arc;

use fjall::{Iter, Readable, Snapshot};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Trees, damaged, failed, keys};
use crate::profile::{Keep, Name, Profile, ProfileId};
use crate::store::{Batch, Cursor, Found, Item, ItemKey, StoreError, record};

/// A profile with what it is made of.
pub struct Folded {
    pub profile: Profile,
    /// The keys of the changes that are folded into it here and not on disk.
    pub changes: Vec<fjall::Slice>,
    /// Whether there is a profile on disk.
    pub is_kept: bool,
}

impl Trees {
    /// The profile under an id, or under the one for which it stands; and how many changes lie beside it.
    pub fn load(&self, id: &ProfileId, keep: &Keep) -> Result<(Found, usize), StoreError> {
        let now = self.database.snapshot();
        let id = self.stands_for(&now, id)?;
        let Folded { profile, changes, .. } = self.fold(&now, &id, keep)?;
        Ok((Found { id, profile: Arc::new(profile) }, changes.len()))
    }

    /// The customer for whom an id stands, or the id itself.
    pub fn stands_for(&self, now: &Snapshot, id: &ProfileId) -> Result<ProfileId, StoreError> {
        match now.get(&self.aliases, id.text()).map_err(failed)? {
            Some(customer) => keys::id(&customer),
            None => Ok(id.clone()),
        }
    }

    /// The profile on disk with the changes that came after it.
    pub fn fold(&self, now: &Snapshot, id: &ProfileId, keep: &Keep) -> Result<Folded, StoreError> {
        let kept = now.get(&self.profiles, id.text()).map_err(failed)?;
        let profile = kept.as_ref().map(|bytes| record::profile(bytes)).transpose().map_err(damaged("profile"))?;
        let mut folded = Folded { profile: profile.unwrap_or_default(), changes: Vec::new(), is_kept: kept.is_some() };
        for entry in now.prefix(&self.changes, keys::below(id.text().as_bytes())) {
            let (key, bytes) = entry.into_inner().map_err(failed)?;
            for change in record::changes(&bytes).map_err(damaged("change"))? {
                folded.profile.apply(&change, keep);
            }
            folded.changes.push(key);
        }
        Ok(folded)
    }

    /// The first id behind this place that has a profile or changes.
    pub fn next_id(&self, now: &Snapshot, from: &[u8]) -> Result<Option<ProfileId>, StoreError> {
        let first = |mut found: Iter| found.next().map(|entry| entry.key().map_err(failed)).transpose();
        let of_profile = first(now.range(&self.profiles, from..))?;
        let of_change = first(now.range(&self.changes, from..))?;
        let of_change = of_change.as_deref().map(keys::id_of_change);
        let next = match (of_profile.as_deref(), of_change) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        next.map(keys::id).transpose()
    }

    pub fn export(&self, from: Option<Cursor>, most: usize, keep: &Keep) -> Result<Batch<Found>, StoreError> {
        let now = self.database.snapshot();
        let mut place = from.map(|cursor| cursor.0.into_vec()).unwrap_or_default();
        let mut entries = Vec::new();
        while entries.len() < most {
            let Some(id) = self.next_id(&now, &place)? else { return Ok(Batch { entries, next: None }) };
            place = keys::behind(id.text().as_bytes());
            let profile = self.fold(&now, &id, keep)?.profile;
            if !profile.is_blank() {
                entries.push(Found { id, profile: Arc::new(profile) });
            }
        }
        Ok(Batch { entries, next: Some(Cursor(place.into())) })
    }

    pub fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Result<Batch<ProfileId>, StoreError> {
        let prefix = keys::below(list.text().as_bytes());
        self.some(&self.members, &prefix, from, most, |key, _| keys::id(&key[prefix.len()..]))
    }

    pub fn member_count(&self, list: &Name) -> Result<u64, StoreError> {
        let mut count = 0;
        for entry in self.database.snapshot().prefix(&self.members, keys::below(list.text().as_bytes())) {
            entry.key().map_err(failed)?;
            count += 1;
        }
        Ok(count)
    }

    pub fn item(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let bytes = self.items.get(keys::item(key)).map_err(failed)?;
        bytes.map(|bytes| item(key.clone(), &bytes)).transpose()
    }

    pub fn items_of(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Result<Batch<Item>, StoreError> {
        let prefix = keys::below(kind.text().as_bytes());
        self.some(&self.items, &prefix, from, most, |key, bytes| {
            let text = String::from_utf8_lossy(&key[prefix.len()..]);
            item(ItemKey::new(kind.text(), &text).map_err(|_| unreadable("item"))?, bytes)
        })
    }

    /// Some of the entries that begin so, from a cursor on.
    fn some<T>(
        &self,
        tree: &fjall::Keyspace,
        prefix: &[u8],
        from: Option<Cursor>,
        most: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError>,
    ) -> Result<Batch<T>, StoreError> {
        let from = from.map_or_else(|| prefix.to_vec(), |cursor| cursor.0.into_vec());
        let mut entries = Vec::new();
        for entry in self.database.snapshot().range(tree, from..) {
            let (key, value) = entry.into_inner().map_err(failed)?;
            if !key.starts_with(prefix) {
                break;
            }
            if entries.len() == most {
                return Ok(Batch { entries, next: Some(Cursor(key.to_vec().into())) });
            }
            entries.push(read(&key, &value)?);
        }
        Ok(Batch { entries, next: None })
    }
}

/// An item's bytes: when it was read, and its data.
pub fn of_item(item: &Item) -> Vec<u8> {
    [&item.at.as_microsecond().to_be_bytes()[..], item.data.to_string().as_bytes()].concat()
}

fn item(key: ItemKey, bytes: &[u8]) -> Result<Item, StoreError> {
    let (at, data) = dated(bytes).ok_or_else(|| unreadable("item"))?;
    Ok(Item { key, at, data: Arc::new(data) })
}

/// A time, and JSON.
pub fn dated(bytes: &[u8]) -> Option<(Timestamp, Json)> {
    let (at, data) = bytes.split_first_chunk::<8>()?;
    let at = Timestamp::from_microsecond(i64::from_be_bytes(*at)).ok()?;
    Some((at, serde_json::from_slice(data).ok()?))
}

pub fn unreadable(what: &'static str) -> StoreError {
    StoreError::Damaged { what, why: "its bytes are not as this version writes them".into() }
}
