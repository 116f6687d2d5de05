//! What a request proves of its sender, done to what is remembered.
//!
//! In: an exchange that was opened. Out: at a login the visitor's profile joins the customer's, and what the token tells is among the
//! traits; withdrawn consent erases. It must not hold a request up longer than a profile may take, nor decide who somebody is.
//!
//! A login is proved by each request anew. So the visitor's id is not tied to the customer: what was known of the visitor is handed over and
//! the visitor is nobody again, also on a device that others share. Without the token nothing leads to the customer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::limits::{ERASE_ATTEMPTS, ERASE_RETRY, JOIN_AGAIN, JOINS_KNOWN, PROFILE_DEADLINE};
use crate::profile::{Change, Op, ProfileId, Traits};
use crate::scope::ledger::Fingerprint;
use crate::store::{Profiles, StoreError};
use crate::visitor::{Customer, Visitor};

/// What was done lately, so that it is not done with every request.
#[derive(Debug)]
pub struct Joining {
    /// Visitors, and customers without one, with what joined what.
    joined: Cache<ProfileId, Fingerprint>,
    /// Those who are being erased.
    erasing: Cache<ProfileId, ()>,
}

impl Default for Joining {
    fn default() -> Self {
        let joined = Cache::builder().max_capacity(JOINS_KNOWN).time_to_live(JOIN_AGAIN).build();
        let erasing = Cache::builder().max_capacity(JOINS_KNOWN).time_to_live(JOIN_AGAIN).build();
        Self { joined, erasing }
    }
}

impl Joining {
    /// Does what is due. Where the store is slow it is done behind the exchange, and the page sees the customer's profile as it was.
    pub async fn follow(&self, context: &Context, profiles: &Profiles) {
        let visitor = &context.visitor;
        if visitor.has_withdrawn() {
            self.erase(visitor, profiles);
            return;
        }
        if context.policy.token.is_none() {
            return;
        }
        let own = visitor.id().and_then(|id| ProfileId::visitor(id.text()).ok());
        let Some(customer) = visitor.customer() else {
            // What happens from now on is to join at the next login.
            own.inspect(|own| self.joined.invalidate(own));
            return;
        };
        let own = own.filter(|_| visitor.identity.returning());
        let Ok(id) = ProfileId::customer(&customer.id) else { return };
        let key = own.clone().unwrap_or_else(|| id.clone());
        let done = Fingerprint::of((id.text(), customer.traits.to_string()));
        if self.joined.get(&key) == Some(done) {
            return;
        }
        self.joined.insert(key.clone(), done);
        let (joined, profiles, customer, now) = (self.joined.clone(), profiles.clone(), customer.clone(), context.now);
        let joining = tokio::spawn(async move {
            if let Err(error) = join(&profiles, own, &id, &customer, now).await {
                tracing::debug!(%error, "a login waits to be remembered");
                joined.invalidate(&key);
            }
        });
        // It goes on behind the exchange.
        let _ = timeout(PROFILE_DEADLINE, joining).await;
    }

    /// Forgets the visitor, and the customer whom they prove to be.
    fn erase(&self, visitor: &Visitor, profiles: &Profiles) {
        let own = visitor.identity.withdrawn().and_then(|id| ProfileId::visitor(id.text()).ok());
        let customer = visitor.who_withdraws().and_then(|customer| ProfileId::customer(&customer.id).ok());
        for id in own.into_iter().chain(customer) {
            if self.erasing.contains_key(&id) {
                continue;
            }
            self.erasing.insert(id.clone(), ());
            tokio::spawn(erase(profiles.clone(), id));
        }
    }
}

async fn join(
    profiles: &Profiles,
    visitor: Option<ProfileId>,
    id: &ProfileId,
    customer: &Customer,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(visitor) = visitor
        && !profiles.load(&visitor).await?.is_blank()
    {
        profiles.identify(&visitor, id, now).await?;
        profiles.part(&visitor).await?;
    }
    let known = profiles.load(id).await?;
    let mut changes = Vec::new();
    if known.customer().map(|known| &**known) != Some(id.bare()) {
        changes.push(Change::identify(id, now));
    }
    changes.extend(told(&customer.traits, known.traits()).map(|traits| Change::new(Op::MergeTraits(traits), now)));
    match changes.is_empty() {
        true => Ok(()),
        false => profiles.change(id, changes).durably().await,
    }
}

/// Of what a token tells, that which is not known so; objects change by what is in them.
fn told(told: &Arc<Json>, known: &Traits) -> Option<Traits> {
    let Json::Object(map) = &**told else { return None };
    let is_new = |name: &String, value: &Json| known.map().get(name) != Some(value);
    let new: serde_json::Map<_, _> = map
        .iter()
        .filter(|(name, value)| is_new(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if new.is_empty() { None } else { Traits::new(Json::Object(new)).ok() }
}

/// Erases, again and again while the store is away.
async fn erase(profiles: Profiles, id: ProfileId) {
    let mut pause: Duration = ERASE_RETRY;
    for attempt in 1..=ERASE_ATTEMPTS {
        match profiles.erase(&id).await {
            Ok(erased) if erased.is_nothing() => return,
            Ok(erased) => {
                tracing::info!(?id, events = erased.events, "consent was withdrawn, and a profile is erased");
                return;
            }
            Err(error) if error.may_pass() && attempt < ERASE_ATTEMPTS => {
                tracing::debug!(?id, %error, "withdrawn consent waits for the store");
                sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                tracing::error!(?id, %error, "consent was withdrawn, and the profile could not be erased");
                return;
            }
        }
    }
}
