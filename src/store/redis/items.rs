//! Items in Redis: one hash for each kind in each shard.
//!
//! In: items, keys. Out: their newest readings. It must not know what they are of.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::keys::Shard;
use super::profiles::Redis;
use super::scripts;
use crate::limits::REDIS_PIECE;
use crate::profile::Name;
use crate::store::{Batch, Cursor, Item, ItemKey, StoreError};

impl Redis {
    pub async fn items(&self, keys: &[ItemKey]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut of_hash: BTreeMap<(Shard, &Name), Vec<usize>> = BTreeMap::new();
        for (place, key) in keys.iter().enumerate() {
            of_hash.entry((Shard::of_item(key), key.kind())).or_default().push(place);
        }
        let mut found = vec![None; keys.len()];
        for ((shard, kind), places) in of_hash {
            let mut ask = redis::cmd("HMGET");
            ask.arg(self.keys.items(shard, kind));
            for place in &places {
                ask.arg(keys[*place].key());
            }
            let texts: Vec<Option<String>> = self.link.ask(&ask).await?;
            for (place, text) in places.into_iter().zip(texts) {
                found[place] = text.map(|text| item(keys[place].clone(), &text)).transpose()?;
            }
        }
        Ok(found)
    }

    pub async fn put_items(&self, items: &[Item]) -> Result<u64, StoreError> {
        let mut of_hash: BTreeMap<(Shard, &Name), Vec<&Item>> = BTreeMap::new();
        for item in items {
            of_hash.entry((Shard::of_item(&item.key), item.key.kind())).or_default().push(item);
        }
        let mut kept = 0;
        for ((shard, kind), items) in of_hash {
            // A script holds everybody up while it runs: some at a time.
            for some in items.chunks(REDIS_PIECE) {
                let mut put = scripts::PUT_ITEMS.key(self.keys.items(shard, kind));
                for item in some {
                    put.arg(item.key.key()).arg(item.at.as_microsecond()).arg(item.data.to_string());
                }
                kept += self.link.run::<u64>(&put).await?;
            }
        }
        Ok(kept)
    }

    pub async fn remove_items(&self, keys: &[ItemKey]) -> Result<u64, StoreError> {
        let mut of_hash: BTreeMap<(Shard, &Name), Vec<&ItemKey>> = BTreeMap::new();
        for key in keys {
            of_hash.entry((Shard::of_item(key), key.kind())).or_default().push(key);
        }
        let mut removed = 0;
        for ((shard, kind), keys) in of_hash {
            let mut remove = redis::cmd("HDEL");
            remove.arg(self.keys.items(shard, kind));
            keys.iter().for_each(|key| {
                remove.arg(key.key());
            });
            removed += self.link.ask::<u64>(&remove).await?;
        }
        Ok(removed)
    }

    pub async fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Result<Batch<Item>, StoreError> {
        let scanned = self.scanned("HSCAN", |shard| self.keys.items(shard, kind), from, 2 * most).await?;
        // Keys, each followed by what is kept under it.
        let pairs = scanned.entries.chunks_exact(2);
        let read = |pair: &[String]| item(ItemKey::new(kind.text(), &pair[0]).map_err(|_| unreadable())?, &pair[1]);
        Ok(Batch { entries: pairs.map(read).collect::<Result<_, _>>()?, next: scanned.next })
    }
}

/// An item as it is kept: when it was read, and its data.
fn item(key: ItemKey, text: &str) -> Result<Item, StoreError> {
    let read = || {
        let (at, data) = text.split_once(' ')?;
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some((at, serde_json::from_str(data).ok()?))
    };
    let (at, data) = read().ok_or_else(unreadable)?;
    Ok(Item { key, at, data: Arc::new(data) })
}

fn unreadable() -> StoreError {
    StoreError::Damaged { what: "item", why: "its text is not as this version writes it".into() }
}
