//! Timers in Redis: in each shard by when they are due.
//!
//! In: timers, times. Out: those that are due, each to one who asks. It must not know what they are for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::keys::{self, Shard};
use super::moving::Alias;
use super::profiles::{Follow, Redis};
use super::scripts;
use crate::profile::{Name, ProfileId};
use crate::store::{StoreError, Timer};

/// A timer that may be due: when, what it is called, and where.
type Candidate = (i64, String, Shard);

impl Redis {
    pub async fn schedule(&self, timers: &[Timer]) -> Result<(), StoreError> {
        for timer in timers {
            let id = &timer.profile;
            if let Some(alias) = self.set_timer(id, timer, Follow::Yes).await? {
                let customer = self.arrived_at(id, Alias::read(&alias, true)?).await?;
                self.set_timer(&customer, timer, Follow::No).await?;
            }
        }
        Ok(())
    }

    /// Out: the alias, if the id stands for another.
    async fn set_timer(&self, id: &ProfileId, timer: &Timer, follow: Follow) -> Result<Option<Vec<u8>>, StoreError> {
        let (keys, shard) = (&self.keys, Shard::of(id));
        let mut schedule = scripts::SCHEDULE.key(keys.alias(id));
        schedule.key(keys.timers_of(id)).key(keys.timers(shard)).key(keys.due(shard));
        schedule.arg(follow.flag()).arg(timer.name.text()).arg(keys::timer(id, &timer.name));
        self.link.run(schedule.arg(timer.due.as_microsecond()).arg(timer.data.to_string())).await
    }

    pub async fn cancel(&self, id: &ProfileId, name: &Name) -> Result<bool, StoreError> {
        let (alias, was_there) = self.take_timer(id, name, Follow::Yes).await?;
        match alias {
            None => Ok(was_there),
            Some(alias) => {
                let customer = self.arrived_at(id, Alias::read(&alias, true)?).await?;
                Ok(self.take_timer(&customer, name, Follow::No).await?.1)
            }
        }
    }

    async fn take_timer(
        &self,
        id: &ProfileId,
        name: &Name,
        follow: Follow,
    ) -> Result<(Option<Vec<u8>>, bool), StoreError> {
        let (keys, shard) = (&self.keys, Shard::of(id));
        let mut cancel = scripts::CANCEL.key(keys.alias(id));
        cancel.key(keys.timers_of(id)).key(keys.timers(shard)).key(keys.due(shard));
        self.link.run(cancel.arg(follow.flag()).arg(name.text()).arg(keys::timer(id, name))).await
    }

    pub async fn due(self: &Arc<Self>, now: Timestamp, lease: Duration, most: usize) -> Result<Vec<Timer>, StoreError> {
        let until = now.as_microsecond();
        let peek = move |redis: Arc<Self>, shard: Shard| async move {
            let mut ask = redis::cmd("ZRANGE");
            ask.arg(redis.keys.due(shard)).arg("-inf").arg(until).arg("BYSCORE").arg("LIMIT").arg(0).arg(most);
            let due: Vec<(String, f64)> = redis.link.ask(ask.arg("WITHSCORES")).await?;
            // Times are whole microseconds, which a double holds exactly for another two hundred years.
            Ok(due.into_iter().map(|(timer, due)| (due as i64, timer, shard)).collect::<Vec<Candidate>>())
        };
        let mut due: Vec<Candidate> = self.each_shard(peek).await?.into_iter().flatten().collect();
        due.sort();
        due.truncate(most);
        self.taken(due, now.checked_add(lease).unwrap_or(Timestamp::MAX)).await
    }

    /// Those of the candidates that nobody else took meanwhile, in their order.
    async fn taken(&self, due: Vec<Candidate>, again: Timestamp) -> Result<Vec<Timer>, StoreError> {
        let mut of_shard: BTreeMap<Shard, Vec<Candidate>> = BTreeMap::new();
        for candidate in due {
            of_shard.entry(candidate.2).or_default().push(candidate);
        }
        let mut given = Vec::new();
        for (shard, candidates) in of_shard {
            let mut take = scripts::TAKE.key(self.keys.timers(shard));
            take.key(self.keys.due(shard)).arg(again.as_microsecond());
            for (due, timer, _) in &candidates {
                take.arg(timer).arg(due);
            }
            let data: Vec<Option<String>> = self.link.run(&take).await?;
            for ((due, timer, _), data) in candidates.into_iter().zip(data) {
                let Some(data) = data else { continue };
                given.push(read(due, &timer, &data).ok_or_else(unreadable)?);
            }
        }
        given.sort_by_key(|timer| timer.due);
        Ok(given)
    }
}

fn read(due: i64, timer: &str, data: &str) -> Option<Timer> {
    let (profile, name) = keys::of_timer(timer)?;
    let due = Timestamp::from_microsecond(due).ok()?;
    Some(Timer { profile, name, due, data: serde_json::from_str(data).ok()? })
}

fn unreadable() -> StoreError {
    StoreError::Damaged { what: "timer", why: "its text is not as this version writes it".into() }
}
