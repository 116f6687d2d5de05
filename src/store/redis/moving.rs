//! Login and logout in Redis: a visitor's profile joins a customer's, which may lie on another node.
//!
//! In: ids. Out: who stands for whom. No script can change two nodes at once, so a visitor *moves*: (1) where the visitor is, the
//! id stands for the customer from now on, and what was known is put aside as a parcel, in one step; (2) where the customer is, the
//! parcel's content joins, once, however often it comes; (3) the parcel is taken away. Whoever dies in between leaves a parcel, and
//! whoever meets it, or finds it in its rounds, goes on with (2). It must not decide how profiles are merged.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::entry::{self, Folded, Kept};
use super::keys::Shard;
use super::profiles::Redis;
use super::scripts;
use crate::limits::{REDIS_ARRIVED, REDIS_ATTEMPTS};
use crate::profile::ProfileId;
use crate::store::{Found, StoreError};

/// Bytes of a token as text.
const TOKEN: usize = 16;

/// A new token: of a move, or of a profile's state.
pub fn token() -> String {
    let [a, b, c, d, e, f, g, h, ..] = crate::ids::random_128();
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// That an id stands for a customer, and by which move.
#[derive(Clone, Debug)]
pub struct Alias {
    pub customer: ProfileId,
    token: String,
    /// Whether what the visitor brings may not be there yet.
    is_under_way: bool,
}

impl Alias {
    /// The one that this move makes.
    pub fn to(customer: &ProfileId, token: &str) -> Self {
        Self { customer: customer.clone(), token: token.to_owned(), is_under_way: false }
    }

    /// Reads what is kept.
    pub fn read(bytes: &[u8], is_under_way: bool) -> Result<Self, StoreError> {
        let read = || {
            let (token, customer) = std::str::from_utf8(bytes).ok()?.split_at_checked(TOKEN)?;
            Some(Self { customer: ProfileId::parse(customer).ok()?, token: token.to_owned(), is_under_way })
        };
        read().ok_or_else(|| damaged("its bytes are not as this version writes them"))
    }

    fn text(&self) -> String {
        format!("{}{}", self.token, self.customer.text())
    }
}

/// What a move is, while it is under way.
struct Move {
    visitor: ProfileId,
    customer: ProfileId,
    at: Timestamp,
}

impl Move {
    fn text(&self) -> String {
        format!("{}\0{}\0{}", self.visitor.text(), self.customer.text(), self.at.as_microsecond())
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('\0');
        let (visitor, customer) = (ProfileId::parse(parts.next()?).ok()?, ProfileId::parse(parts.next()?).ok()?);
        let at = Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?;
        Some(Self { visitor, customer, at })
    }
}

impl Redis {
    pub async fn identify(
        &self,
        visitor: &ProfileId,
        customer: &ProfileId,
        now: Timestamp,
    ) -> Result<Found, StoreError> {
        let going = Move { visitor: visitor.clone(), customer: customer.clone(), at: now };
        for _ in 0..REDIS_ATTEMPTS {
            let Some(token) = self.depart(&going).await? else { continue };
            self.arrive(Shard::of(visitor), &token).await?;
            let kept = self.own(customer).await?;
            let profile = kept.folded(customer, &self.keep)?.profile;
            return Ok(Found { id: customer.clone(), profile: profile.into() });
        }
        Err(StoreError::Unreachable("the profile changes all the time".into()))
    }

    /// The first step. Out: the move; `None`: the profile changed meanwhile.
    async fn depart(&self, going: &Move) -> Result<Option<String>, StoreError> {
        let (keys, visitor, shard) = (&self.keys, &going.visitor, Shard::of(&going.visitor));
        let kept = self.own(visitor).await?;
        let Folded { lists, .. } = kept.folded(visitor, &self.keep)?;
        let new = token();
        let mut depart = scripts::DEPART.key(keys.alias(visitor));
        depart.key(keys.profile(visitor)).key(keys.log(visitor)).key(keys.moves(shard)).key(keys.seen(shard));
        depart.key(keys.unfolded(shard)).key(keys.timers_of(visitor)).key(keys.timers(shard)).key(keys.due(shard));
        for part in keys.parcel(shard, &new) {
            depart.key(part);
        }
        for list in &lists {
            depart.key(keys.list(shard, list));
        }
        depart.arg(&kept.token).arg(visitor.text()).arg(going.customer.text()).arg(&new).arg(going.text());
        match self.link.run::<(u8, Option<Vec<u8>>)>(&depart).await? {
            (0, _) => Ok(None),
            (2, Some(alias)) => Ok(Some(Alias::read(&alias, true)?.token)),
            (_, before) => {
                if let Some(before) = before {
                    self.unbear(visitor, &Alias::read(&before, false)?).await?;
                }
                Ok(Some(new))
            }
        }
    }

    /// The second and the third step; nothing if they were done.
    pub async fn arrive(&self, shard: Shard, token: &str) -> Result<(), StoreError> {
        let keys = &self.keys;
        let mut parcel = scripts::PARCEL.key(keys.moves(shard));
        for part in keys.parcel(shard, token) {
            parcel.key(part);
        }
        type Parcel = (Option<String>, Option<Vec<u8>>, Vec<Vec<u8>>, Vec<Vec<u8>>);
        let (told, base, log, timers): Parcel = self.link.run(parcel.arg(token)).await?;
        let Some(told) = told else { return Ok(()) };
        let going = Move::read(&told).ok_or_else(|| damaged("a move can't be read"))?;
        let kept = Kept { token: Vec::new(), base, log };
        let brought = kept.folded(&going.visitor, &self.keep)?.profile;
        let number = u64::from_str_radix(token, 16).map_err(|_| damaged("a move has no number"))?;
        let joined = entry::of_merge(&brought, going.at, number);
        let (customer, there) = (&going.customer, Shard::of(&going.customer));
        let mut arrive = scripts::ARRIVE.key(keys.arrived(customer, token));
        arrive.key(keys.profile(customer)).key(keys.log(customer)).key(keys.seen(there)).key(keys.unfolded(there));
        arrive.key(keys.bearers(customer)).key(keys.timers_of(customer)).key(keys.timers(there)).key(keys.due(there));
        arrive
            .arg(REDIS_ARRIVED.as_secs())
            .arg(self::token())
            .arg(customer.text())
            .arg(going.visitor.text())
            .arg(token);
        arrive.arg(entry::when_seen(&brought)).arg(joined);
        for part in timers {
            arrive.arg(part);
        }
        self.link.run::<i64>(&arrive).await?;
        let mut forward = scripts::FORWARD.key(keys.moves(shard));
        for part in keys.parcel(shard, token) {
            forward.key(part);
        }
        self.link.run::<i64>(forward.arg(token)).await?;
        // Lists learn of it now, or in somebody's rounds.
        let _ = self.fold(customer).await;
        Ok(())
    }

    /// The customer to whom an alias leads, once all is there that the visitor brings.
    pub async fn arrived_at(&self, visitor: &ProfileId, alias: Alias) -> Result<ProfileId, StoreError> {
        if alias.is_under_way {
            self.arrive(Shard::of(visitor), &alias.token).await?;
        }
        Ok(alias.customer)
    }

    pub async fn part(&self, visitor: &ProfileId) -> Result<(), StoreError> {
        let mut take = redis::cmd("GETDEL");
        let alias: Option<Vec<u8>> = self.link.ask(take.arg(self.keys.alias(visitor))).await?;
        match alias {
            Some(alias) => self.unbear(visitor, &Alias::read(&alias, false)?).await,
            None => Ok(()),
        }
    }

    /// Whether the visitor stood for the customer by this very move, and does no more.
    pub async fn unlink(&self, visitor: &ProfileId, alias: &Alias) -> Result<bool, StoreError> {
        self.link.run(scripts::UNLINK.key(self.keys.alias(visitor)).arg(alias.text())).await
    }

    async fn unbear(&self, visitor: &ProfileId, alias: &Alias) -> Result<(), StoreError> {
        let mut unbear = scripts::UNBEAR.key(self.keys.bearers(&alias.customer));
        self.link.run::<i64>(unbear.arg(visitor.text()).arg(&alias.token)).await.map(|_| ())
    }

    /// Ends all moves that are under way, whoever began them.
    pub async fn finish_moves(self: &Arc<Self>) -> Result<(), StoreError> {
        let finish = |redis: Arc<Self>, shard: Shard| async move {
            let mut ask = redis::cmd("HGETALL");
            let moves: HashMap<String, String> = redis.link.ask(ask.arg(redis.keys.moves(shard))).await?;
            for token in moves.keys() {
                redis.arrive(shard, token).await?;
            }
            Ok(())
        };
        self.each_shard(finish).await.map(|_| ())
    }
}

fn damaged(why: &str) -> StoreError {
    StoreError::Damaged { what: "move", why: why.into() }
}
