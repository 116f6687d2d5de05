//! One request's walk through the cache.
//!
//! In: a request that the cache has a say in. Out: its answer: stored, confirmed, waited for, or the origin's. It must not
//! decide what may be stored or reused: that is the policy's.

mod answering;

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::asking::Asking;
use super::errand::Errand;
use super::flight::{Boarded, Landing, landed};
use super::index::Selected;
use super::key::{Key, Target};
use super::stored::Stored;
use super::{Call, EntryId, Fetched, House, Way, Whose};
use crate::http::annotations::{CacheStatus, Forwarded};
use crate::http::problem::problem;
use crate::limits;
use crate::origin::policy::reuse::reuse;
use crate::origin::policy::{Reuse, Tolerance, Why};
use crate::origin::{Hop, Origin, OriginError, WantedCodings};

/// One request on its walk through the cache.
pub struct Walk<'a> {
    house: &'a Arc<House>,
    origin: &'a Arc<Origin>,
    hop: Hop<'a>,
    /// Lower-case, with its port.
    host: String,
    key: Key,
    asking: Arc<Asking>,
    now: Timestamp,
}

impl<'a> Walk<'a> {
    /// Its first step.
    pub fn new(house: &'a Arc<House>, origin: &'a Arc<Origin>, asking: Asking, call: &Call<'a>) -> Self {
        // The codings are settled in the request itself, because responses vary by them.
        let hop = Hop { codings: WantedCodings::AsReceived, ..call.hop };
        let host = hop.client.host.as_ref().map(|host| host.as_str().to_ascii_lowercase()).unwrap_or_default();
        let key = house.hashing.key(target(origin, hop, &host, &asking));
        Self { house, origin, hop, host, key, asking: Arc::new(asking), now: call.now }
    }

    /// What is asked for, as a purge names it.
    fn url(&self) -> String {
        target(self.origin, self.hop, &self.host, &self.asking).url()
    }

    /// The walk behind a first look: ask only if nothing stored will do; of those who miss the same, one asks.
    pub async fn go(self, looked: Looked) -> Result<Fetched, OriginError> {
        let deadline = Instant::now() + limits::COLLAPSE_WAIT;
        let mut collapsed = false;
        let mut first = Some(looked);
        for _ in 0..limits::COLLAPSE_ROUNDS {
            let (reason, stored) = match first.take().unwrap_or_else(|| self.look()) {
                Looked::Answered(fetched) if collapsed => return Ok(as_collapsed(*fetched)),
                Looked::Answered(fetched) => return Ok(*fetched),
                Looked::Missing(reason, stored) => (reason, stored),
            };
            if self.asking.directives.only_if_cached {
                return Ok(only_if_cached());
            }
            let flight = self.flight();
            if !self.may_wait(flight, reason, stored.as_deref()) {
                return self.ask_alone(reason, stored).await;
            }
            let waited = match self.house.flights.board(flight) {
                Boarded::First(ticket) => return self.ask_for_all(ticket, reason, stored).await,
                Boarded::Waiting(waiting) => timeout_at(deadline, landed(waiting)).await.ok(),
            };
            match waited.map_or(Waited::InVain, |landing| self.arrived(&landing, reason, stored.as_ref())) {
                Waited::Answered(fetched) => return Ok(*fetched),
                Waited::OtherVariant => collapsed = true,
                Waited::InVain => return self.ask_alone(reason, stored).await,
            }
        }
        self.ask_alone(Forwarded::Miss, None).await
    }

    /// Whether it may wait for others, and they for it.
    fn may_wait(&self, flight: Key, reason: Forwarded, stored: Option<&Stored>) -> bool {
        let may_collapse = match stored {
            Some(_) => self.asking.may_collapse_to_confirm(),
            None => self.asking.may_collapse(),
        };
        may_collapse && reason != Forwarded::Bypass && !self.house.index.passes(flight, self.now)
    }

    /// What the one who asked brought for this one.
    fn arrived(&self, landing: &Landing, reason: Forwarded, stored: Option<&Arc<Stored>>) -> Waited {
        let answered = |fetched| Waited::Answered(Box::new(fetched));
        match landing {
            Landing::Stored(fresh) => self.collapsed(fresh, reason).map_or(Waited::OtherVariant, answered),
            Landing::Failed => stored.and_then(|stored| self.stand_in(stored, None)).map_or(Waited::InVain, answered),
            Landing::NotShared => Waited::InVain,
        }
    }

    /// What is stored, if it will do.
    pub fn look(&self) -> Looked {
        let stored = match self.house.index.select(self.key, &self.asking) {
            Selected::Nothing => return Looked::Missing(Forwarded::UriMiss, None),
            Selected::OtherVariants => return Looked::Missing(Forwarded::VaryMiss, None),
            Selected::NotForThis => return Looked::Missing(Forwarded::Bypass, None),
            Selected::Found(stored) => stored,
        };
        let ttl = match reuse(&stored.terms, &self.asking.directives, self.now) {
            Reuse::Fresh { ttl } => ttl,
            Reuse::Stale { ttl, tolerance } => {
                if tolerance == Tolerance::WhileRevalidating {
                    self.renew_meanwhile(&stored);
                }
                ttl
            }
            Reuse::Validate(Why::Request) => return Looked::Missing(Forwarded::Request, Some(stored)),
            Reuse::Validate(Why::Stale | Why::Always) => return Looked::Missing(Forwarded::Stale, Some(stored)),
        };
        match self.stored(&stored, CacheStatus::Hit { ttl: Some(ttl) }) {
            Some(fetched) => Looked::Answered(Box::new(fetched)),
            None => Looked::Missing(Forwarded::UriMiss, None),
        }
    }

    /// The answer that a stored response gives; `None` if its body is gone already.
    fn stored(&self, stored: &Stored, status: CacheStatus) -> Option<Fetched> {
        let response = stored.answer(&self.asking, self.now)?;
        Some(Fetched {
            response,
            status,
            entry: Some(EntryId { key: self.key, version: stored.version }),
            whose: Whose::Anybodys,
        })
    }

    /// What another one's request brought, if it answers this one too.
    fn collapsed(&self, fresh: &Stored, reason: Forwarded) -> Option<Fetched> {
        let answers = fresh.selecting.selects(&self.asking)
            && fresh.may_be_shown_to(&self.asking)
            && matches!(reuse(&fresh.terms, &self.asking.directives, self.now), Reuse::Fresh { .. });
        let status = CacheStatus::Forwarded { reason, status: None, stored: false, collapsed: true };
        answers.then(|| self.stored(fresh, status)).flatten()
    }

    /// Under what requests wait for each other: those that may get the same, as far as is known before the answer.
    fn flight(&self) -> Key {
        let newest = self.house.index.newest(self.key);
        let values = newest.map(|stored| stored.selecting.vary().values(&self.asking.headers));
        let Asking { keyed_cookies, written, has_cookies, has_credentials, .. } = &*self.asking;
        self.house.hashing.key((self.key, values, keyed_cookies, written, has_cookies, has_credentials))
    }

    fn errand(&self, stored: Option<Arc<Stored>>) -> Errand {
        Errand {
            house: Arc::clone(self.house),
            origin: Arc::clone(self.origin),
            way: Way { peer: *self.hop.peer, client: self.hop.client.clone() },
            key: self.key,
            flight: self.flight(),
            url: self.url().into(),
            asking: Arc::clone(&self.asking),
            stored,
            ticket: None,
        }
    }

    /// Has a stale response renewed while it is served, once at a time.
    fn renew_meanwhile(&self, stored: &Arc<Stored>) {
        let Ok(permit) = Arc::clone(&self.house.renewing).try_acquire_owned() else { return };
        if let Boarded::First(ticket) = self.house.flights.board(self.flight()) {
            let whole = Asking { method: Method::GET, ..Asking::clone(&self.asking) };
            let errand = Errand {
                ticket: Some(ticket),
                asking: Arc::new(whole.without_conditions()),
                ..self.errand(Some(Arc::clone(stored)))
            };
            tokio::spawn(async move {
                if let Err(error) = errand.run().await {
                    tracing::warn!(error = %crate::telemetry::Causes(&error), "a stale response was not renewed");
                }
                drop(permit);
            });
        }
    }
}

/// What a look into the cache came to.
pub enum Looked {
    Answered(Box<Fetched>),
    /// Why the origin has to be asked, and what it may confirm.
    Missing(Forwarded, Option<Arc<Stored>>),
}

/// What waiting came to.
enum Waited {
    Answered(Box<Fetched>),
    /// It is stored, but for other requests.
    OtherVariant,
    InVain,
}

fn target<'a>(origin: &'a Origin, hop: Hop<'a>, host: &'a str, asking: &'a Asking) -> Target<'a> {
    let path = asking.uri.path_and_query().map_or("/", |path| path.as_str());
    Target { origin: origin.name(), scheme: hop.client.scheme.as_str(), host, path }
}

fn only_if_cached() -> Fetched {
    let response = problem(StatusCode::GATEWAY_TIMEOUT, "Nothing is stored that answers this request.");
    Fetched { response, status: CacheStatus::NotStored, entry: None, whose: Whose::TheClients }
}

/// A hit that was waited for.
fn as_collapsed(fetched: Fetched) -> Fetched {
    let reason = Forwarded::Miss;
    Fetched { status: CacheStatus::Forwarded { reason, status: None, stored: false, collapsed: true }, ..fetched }
}
