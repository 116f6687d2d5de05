//! Going through all of a Redis: exports, lists, and what is tidied up now and then.
//!
//! In: cursors, times. Out: some of what is there at a time. Every process goes its rounds; what two do at once is done once. It must
//! not hold more than a piece of each shard in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::entry;
use super::keys::Shard;
use super::profiles::Redis;
use super::scripts;
use crate::limits::{REDIS_AT_ONCE, REDIS_PIECE};
use crate::profile::{Name, ProfileId};
use crate::store::{Batch, Cursor, Found, StoreError};

/// A place in the iteration over all shards: which one, and Redis' own cursor in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    shard: Shard,
    cursor: u64,
}

impl Place {
    const BYTES: usize = 10;

    fn read(from: Option<Cursor>) -> Result<Self, StoreError> {
        let Some(Cursor(bytes)) = from else { return Ok(Self { shard: Shard::FIRST, cursor: 0 }) };
        let read = || {
            let bytes: [u8; Self::BYTES] = bytes[..].try_into().ok()?;
            let (shard, cursor) = bytes.split_first_chunk::<2>()?;
            let shard = Shard::numbered(u16::from_be_bytes(*shard))?;
            Some(Self { shard, cursor: u64::from_be_bytes(cursor.try_into().ok()?) })
        };
        read().ok_or_else(|| StoreError::Damaged { what: "cursor", why: "it is of another store".into() })
    }

    fn cursor(self) -> Cursor {
        Cursor([&self.shard.number().to_be_bytes()[..], &self.cursor.to_be_bytes()].concat().into())
    }

    /// The place behind a piece after which Redis says to go on at `cursor`; `None`: that was all.
    fn next(self, cursor: u64) -> Option<Self> {
        match cursor {
            0 => Some(Self { shard: Shard::numbered(self.shard.number() + 1)?, cursor: 0 }),
            cursor => Some(Self { cursor, ..self }),
        }
    }
}

impl Redis {
    /// Does something in every shard, some at a time. Out: what came of each, in no order.
    pub async fn each_shard<T, F>(
        self: &Arc<Self>,
        work: impl Fn(Arc<Self>, Shard) -> F + Send,
    ) -> Result<Vec<T>, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let all: Vec<F> = Shard::all().map(|shard| work(self.clone(), shard)).collect();
        stream::iter(all).buffer_unordered(REDIS_AT_ONCE).try_collect().await
    }

    /// What a command scans in one shard after the other, until there are about as many entries as are wanted.
    pub async fn scanned(
        &self,
        command: &str,
        key: impl Fn(Shard) -> String,
        from: Option<Cursor>,
        most: usize,
    ) -> Result<Batch<String>, StoreError> {
        let mut place = Place::read(from)?;
        let mut found = Vec::new();
        loop {
            let mut scan = redis::cmd(command);
            scan.arg(key(place.shard)).arg(place.cursor).arg("COUNT").arg(most.max(1));
            let (cursor, entries): (u64, Vec<String>) = self.link.ask(&scan).await?;
            found.extend(entries);
            match place.next(cursor) {
                Some(next) if found.len() < most => place = next,
                next => return Ok(Batch { entries: found, next: next.map(Place::cursor) }),
            }
        }
    }

    pub async fn export(self: &Arc<Self>, from: Option<Cursor>, most: usize) -> Result<Batch<Found>, StoreError> {
        let scanned = self.scanned("ZSCAN", |shard| self.keys.seen(shard), from, 2 * most).await?;
        // Ids, each followed by when it was seen.
        let ids = scanned.entries.iter().step_by(2).filter_map(|id| ProfileId::parse(id).ok());
        let load = |id: ProfileId| {
            let redis = self.clone();
            async move {
                let profile = redis.own(&id).await?.folded(&id, &redis.keep)?.profile.into();
                Ok::<_, StoreError>(Found { id, profile })
            }
        };
        let loading: Vec<_> = ids.map(load).collect();
        let mut entries: Vec<Found> = stream::iter(loading).buffer_unordered(REDIS_AT_ONCE).try_collect().await?;
        entries.retain(|found| !found.profile.is_blank());
        Ok(Batch { entries, next: scanned.next })
    }

    pub async fn members(
        self: &Arc<Self>,
        list: &Name,
        from: Option<Cursor>,
        most: usize,
    ) -> Result<Batch<ProfileId>, StoreError> {
        if from.is_none() {
            self.fold_for_lists().await?;
        }
        let scanned = self.scanned("SSCAN", |shard| self.keys.list(shard, list), from, most).await?;
        let entries = scanned.entries.iter().filter_map(|id| ProfileId::parse(id).ok()).collect();
        Ok(Batch { entries, next: scanned.next })
    }

    pub async fn member_count(self: &Arc<Self>, list: &Name) -> Result<u64, StoreError> {
        self.fold_for_lists().await?;
        let list = list.clone();
        let count = move |redis: Arc<Self>, shard: Shard| {
            let key = redis.keys.list(shard, &list);
            async move { redis.link.ask::<u64>(redis::cmd("SCARD").arg(key)).await }
        };
        Ok(self.each_shard(count).await?.into_iter().sum())
    }

    /// Tells lists what they do not know yet, because whoever should have told them has died.
    async fn fold_for_lists(self: &Arc<Self>) -> Result<(), StoreError> {
        let fold = |redis: Arc<Self>, shard: Shard| async move {
            let mut ask = redis::cmd("SMEMBERS");
            let ids: BTreeSet<String> = redis.link.ask(ask.arg(redis.keys.unfolded(shard))).await?;
            for id in ids.iter().filter_map(|id| ProfileId::parse(id).ok()) {
                redis.fold(&id).await?;
            }
            Ok(())
        };
        self.each_shard(fold).await.map(|_| ())
    }

    /// Goes through all shards: ends what somebody began, tells lists, drops who was not seen since. Out: how many were dropped.
    pub async fn expire(self: &Arc<Self>, seen_before: Timestamp) -> Result<u64, StoreError> {
        let before = seen_before.as_microsecond();
        let tidy = move |redis: Arc<Self>, shard: Shard| async move { redis.tidied(shard, before).await };
        Ok(self.each_shard(tidy).await?.into_iter().sum())
    }

    async fn tidied(&self, shard: Shard, before: i64) -> Result<u64, StoreError> {
        let keys = &self.keys;
        let mut sweep = scripts::SWEEP.key(keys.seen(shard));
        sweep.key(keys.unfolded(shard)).key(keys.moves(shard)).arg(before).arg(REDIS_PIECE);
        let (old, unfolded, moves): (Vec<String>, Vec<String>, Vec<String>) = self.link.run(&sweep).await?;
        // Moves, each followed by what it is.
        for token in moves.iter().step_by(2) {
            self.arrive(shard, token).await?;
        }
        for id in unfolded.iter().filter_map(|id| ProfileId::parse(id).ok()) {
            self.fold(&id).await?;
        }
        let mut dropped = 0;
        for id in old.iter().filter_map(|id| ProfileId::parse(id).ok()) {
            dropped += u64::from(self.drop_old(&id, before).await?);
        }
        Ok(dropped)
    }

    /// Drops a profile if it is as old as it seems.
    async fn drop_old(&self, id: &ProfileId, before: i64) -> Result<bool, StoreError> {
        let kept = self.own(id).await?;
        let folded = kept.folded(id, &self.keep)?;
        if !Self::is_old(&folded.profile, before) {
            let mut place = scripts::PLACE.key(self.keys.profile(id));
            place.key(self.keys.seen(Shard::of(id))).arg(&kept.token).arg(id.text());
            self.link.run::<i64>(place.arg(entry::when_seen(&folded.profile))).await?;
            return Ok(false);
        }
        let bearers = self.bearers(id).await?;
        for (visitor, token) in &bearers {
            self.unlink(visitor, &super::moving::Alias::to(id, token)).await?;
        }
        Ok(self.take_away(id, &kept, &folded.lists, bearers.len()).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written_and_ends_behind_the_last_shard() {
        let mut place = Place::read(None).expect("the first");
        let mut shards = 1;
        while let Some(next) = place.next(7).and_then(|within| within.next(0)) {
            assert_eq!(Place::read(Some(next.cursor())).expect("a place"), next);
            (place, shards) = (next, shards + 1);
        }
        assert_eq!(shards, usize::from(crate::limits::REDIS_SHARDS));
        assert!(Place::read(Some(Cursor([1, 2].into()))).is_err());
    }
}
