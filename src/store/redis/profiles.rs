//! Profiles in Redis: read, changed, folded, erased.
//!
//! In: ids, changes. Out: what is remembered. A change is written as what it is, behind those that are there; what all of them come
//! to is worked out by whoever reads. Now and then somebody puts that in their place, which takes effect only if nobody else did.
//! So nothing is ever read, changed and written back, and what changes mean stands in one place only. It must not judge.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::entry::{self, Folded, Kept};
use super::keys::{Keys, Shard};
use super::link::Link;
use super::moving::{Alias, token};
use super::scripts;
use crate::limits::{REDIS_ATTEMPTS, STORE_FOLD_CHANGES};
use crate::profile::{Change, Keep, Name, Profile, ProfileId};
use crate::store::{Erased, Found, StoreError};

/// A store's connection, and how it calls things.
#[derive(Debug)]
pub struct Redis {
    pub link: Link,
    pub keys: Keys,
    pub keep: Keep,
}

/// Whether an id that stands for another leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Yes,
    No,
}

impl Follow {
    pub fn flag(self) -> u8 {
        u8::from(self == Self::Yes)
    }
}

/// What was found under an id.
#[derive(Debug)]
pub enum There {
    Kept(Kept),
    /// It stands for another.
    Alias(Alias),
}

impl Redis {
    /// The profile under an id, or under the one for which it stands.
    pub async fn load(&self, id: &ProfileId) -> Result<Found, StoreError> {
        let (id, kept) = self.find(id).await?;
        let profile = Arc::new(kept.folded(&id, &self.keep)?.profile);
        Ok(Found { id, profile })
    }

    /// What is kept under an id, or under the one for which it stands.
    pub async fn find(&self, id: &ProfileId) -> Result<(ProfileId, Kept), StoreError> {
        match self.look(id, Follow::Yes).await? {
            There::Kept(kept) => Ok((id.clone(), kept)),
            There::Alias(alias) => {
                let customer = self.arrived_at(id, alias).await?;
                let kept = self.own(&customer).await?;
                Ok((customer, kept))
            }
        }
    }

    /// What is kept under an id itself.
    pub async fn own(&self, id: &ProfileId) -> Result<Kept, StoreError> {
        match self.look(id, Follow::No).await? {
            There::Kept(kept) => Ok(kept),
            There::Alias(_) => Err(StoreError::Failed("an alias was followed that was not to be".into())),
        }
    }

    async fn look(&self, id: &ProfileId, follow: Follow) -> Result<There, StoreError> {
        let keys = &self.keys;
        let (alias, is_under_way, token, base, log): Looked = self
            .link
            .run(
                scripts::LOAD
                    .key(keys.alias(id))
                    .key(keys.profile(id))
                    .key(keys.log(id))
                    .key(keys.moves(Shard::of(id)))
                    .arg(follow.flag()),
            )
            .await?;
        match alias {
            Some(alias) => Alias::read(&alias, is_under_way).map(There::Alias),
            None => Ok(There::Kept(Kept { token: token.unwrap_or_default(), base, log })),
        }
    }

    /// Writes changes behind those that are there.
    pub async fn apply(&self, id: &ProfileId, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (id, length) = match self.append(id, changes, Follow::Yes).await? {
            Appended::Now(length) => (id.clone(), length),
            Appended::Not(alias) => {
                let customer = self.arrived_at(id, alias).await?;
                match self.append(&customer, changes, Follow::No).await? {
                    Appended::Now(length) => (customer, length),
                    Appended::Not(_) => {
                        return Err(StoreError::Failed("an alias was followed that was not to be".into()));
                    }
                }
            }
        };
        if length >= STORE_FOLD_CHANGES || entry::concern_lists(changes) {
            // The changes are safe; if this fails, somebody else does it later.
            let _ = self.fold(&id).await;
        }
        Ok(())
    }

    async fn append(&self, id: &ProfileId, changes: &[Change], follow: Follow) -> Result<Appended, StoreError> {
        let (keys, shard) = (&self.keys, Shard::of(id));
        let (alias, is_under_way, length): (Option<Vec<u8>>, bool, usize) = self
            .link
            .run(
                scripts::APPEND
                    .key(keys.alias(id))
                    .key(keys.profile(id))
                    .key(keys.log(id))
                    .key(keys.moves(shard))
                    .key(keys.seen(shard))
                    .key(keys.unfolded(shard))
                    .arg(follow.flag())
                    .arg(token())
                    .arg(id.text())
                    .arg(entry::last_seen(changes))
                    .arg(u8::from(entry::concern_lists(changes)))
                    .arg(entry::of_changes(changes)),
            )
            .await?;
        match alias {
            Some(alias) => Alias::read(&alias, is_under_way).map(Appended::Not),
            None => Ok(Appended::Now(length)),
        }
    }

    /// Puts what a profile's log comes to in its place, and tells the lists. Whoever else did so since has done the work.
    pub async fn fold(&self, id: &ProfileId) -> Result<(), StoreError> {
        let kept = self.own(id).await?;
        let Folded { lists, profile } = kept.folded(id, &self.keep)?;
        let (keys, shard) = (&self.keys, Shard::of(id));
        let is_nothing = profile.is_blank() && profile.known().len() == 0;
        let base = if is_nothing { Vec::new() } else { entry::of_profile(&profile) };
        let mut fold = scripts::FOLD.key(keys.profile(id));
        fold.key(keys.log(id)).key(keys.seen(shard)).key(keys.unfolded(shard));
        for gone in lists.difference(profile.lists()) {
            fold.key(keys.list(shard, gone));
        }
        for new in profile.lists().difference(&lists) {
            fold.key(keys.list(shard, new));
        }
        fold.arg(&kept.token).arg(token()).arg(id.text()).arg(kept.log.len()).arg(base);
        fold.arg(entry::when_seen(&profile)).arg(lists.difference(profile.lists()).count());
        self.link.run::<i64>(&fold).await.map(|_| ())
    }

    /// Forgets all of somebody: first who stands for them, so that what is cut off in between can be done again.
    pub async fn erase(self: &Arc<Self>, id: &ProfileId) -> Result<Erased, StoreError> {
        // What somebody else left half done must not come back afterwards.
        self.finish_moves().await?;
        let (id, _) = self.find(id).await?;
        let mut ids = BTreeSet::from([id.clone()]);
        for _ in 0..REDIS_ATTEMPTS {
            let bearers = self.bearers(&id).await?;
            for (visitor, token) in &bearers {
                if self.unlink(visitor, &Alias::to(&id, token)).await? {
                    ids.insert(visitor.clone());
                }
            }
            let kept = self.own(&id).await?;
            let Folded { lists, profile } = kept.folded(&id, &self.keep)?;
            if let Some(timers) = self.take_away(&id, &kept, &lists, bearers.len()).await? {
                return Ok(Erased { ids, timers, ..Erased::of(&id, &profile) });
            }
        }
        Err(StoreError::Unreachable("the profile changes all the time".into()))
    }

    /// Out: how many timers went with it; `None`: it has changed since it was read.
    pub async fn take_away(
        &self,
        id: &ProfileId,
        kept: &Kept,
        lists: &BTreeSet<Name>,
        bearers: usize,
    ) -> Result<Option<usize>, StoreError> {
        let (keys, shard) = (&self.keys, Shard::of(id));
        let mut erase = scripts::ERASE.key(keys.profile(id));
        erase.key(keys.log(id)).key(keys.seen(shard)).key(keys.unfolded(shard)).key(keys.bearers(id));
        erase.key(keys.timers_of(id)).key(keys.timers(shard)).key(keys.due(shard));
        for list in lists {
            erase.key(keys.list(shard, list));
        }
        erase.arg(&kept.token).arg(id.text()).arg(kept.log.len()).arg(bearers);
        let timers: i64 = self.link.run(&erase).await?;
        Ok(usize::try_from(timers).ok())
    }

    /// The visitors who stand for a customer, each with the move that made it so.
    pub async fn bearers(&self, id: &ProfileId) -> Result<HashMap<ProfileId, String>, StoreError> {
        let mut ask = redis::cmd("HGETALL");
        let bearers: HashMap<String, String> = self.link.ask(ask.arg(self.keys.bearers(id))).await?;
        let bearers = bearers.into_iter().filter_map(|(id, token)| Some((ProfileId::parse(&id).ok()?, token)));
        Ok(bearers.collect())
    }

    /// Whether a profile is one of those who were last seen before.
    pub fn is_old(profile: &Profile, before: i64) -> bool {
        // Of whom all was forgotten it is known only that it was.
        profile.is_blank() || (1..before).contains(&entry::when_seen(profile))
    }
}

/// What the script says: the alias, whether its move is under way; token, profile, log.
type Looked = (Option<Vec<u8>>, bool, Option<Vec<u8>>, Option<Vec<u8>>, Vec<Vec<u8>>);

/// What became of changes that were to be written.
enum Appended {
    /// They are there, as one of so many entries.
    Now(usize),
    /// The id stands for another.
    Not(Alias),
}
