//! The shared cache: origin responses, kept for others as far as they allow (RFC 9111).
//!
//! In: a request as it goes to the origin. Out: a stored response, or the origin's, and by which way it came. It stands before
//! [`Origin::fetch`] and changes nothing of what that does. It must not store what the policy forbids, nor anything that was
//! made for one visitor.

mod asking;
mod content;
mod errand;
mod fill;
mod flight;
mod index;
mod invalidation;
mod key;
mod purge;
mod stored;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::outgoing;
use super::policy::reuse::reuse;
use super::policy::revalidation::{Confirmation, head_agrees};
use super::policy::targeted::INLAY_CACHE_CONTROL;
use super::policy::{Received, Reuse, Why};
use super::{Hop, Origin, OriginError, WantedCodings};
use crate::clock::Clock;
use crate::http::Body;
use crate::http::annotations::{CacheStatus, Forwarded};
use crate::http::peer::{Peer, TrueClient};
use crate::http::problem::problem;
use crate::limits;
use crate::telemetry::CacheFigures;
use asking::Asking;
use errand::{Errand, Landed};
use flight::{Boarded, Flights, Landing, landed};
use index::{Index, Selected};
use key::{Hashing, Key, Target};
use stored::{SURROGATE_KEY, Stored};

pub use purge::{Purge, PurgeError, Severity};

/// How much is kept, and for how long an origin that is down is stood in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes in all; 0 switches the cache off.
    pub bytes: u64,
    /// Bytes of one response's body; larger ones pass.
    pub object: u64,
    /// How stale a response may be that stands in for an origin which is down, where the origin does not say.
    pub stale_if_error: Duration,
}

/// The cache of all origins. Cheap to clone; all clones share.
#[derive(Clone, Debug)]
pub struct ResponseCache(Arc<House>);

/// What everything of the cache shares.
#[derive(Debug)]
pub struct House {
    settings: CacheSettings,
    clock: Clock,
    figures: CacheFigures,
    hashing: Hashing,
    index: Index,
    flights: Arc<Flights>,
    /// Bytes held by bodies that are arriving.
    filling: Arc<AtomicU64>,
    /// One for each response that may be renewed while it is served stale.
    renewing: Arc<Semaphore>,
}

/// Who asks, and what is known of the answer before it comes.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub hop: Hop<'a>,
    /// The cookies on which answers depend, where somebody asserts that.
    pub cookies: Option<&'a [Arc<str>]>,
    /// What the caller wrote into the request, as text: only requests with the same share an answer.
    pub written: &'a [u8],
    pub use_cache: UseCache,
    pub now: Timestamp,
}

/// Whether the cache has a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseCache {
    Yes,
    /// The request goes by it, and so does the answer.
    Bypass,
}

/// A response, and how it came.
#[derive(Debug)]
pub struct Fetched {
    pub response: Response<Body>,
    pub status: CacheStatus,
    /// Of the stored response, where it is one: it may be shared with whomever the cache would give it to.
    pub entry: Option<EntryId>,
}

/// A stored response by name. Equal ids have equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    key: Key,
    version: u64,
}

/// Who asks, on a way that may outlast the exchange.
#[derive(Clone, Debug)]
pub struct Way {
    peer: Peer,
    client: TrueClient,
}

impl Way {
    fn hop(&self) -> Hop<'_> {
        // The codings are settled in the request itself, because responses vary by them.
        Hop { peer: &self.peer, client: &self.client, codings: WantedCodings::AsReceived }
    }
}

/// One request on its walk through the cache.
struct Walk<'a> {
    house: &'a Arc<House>,
    origin: &'a Arc<Origin>,
    way: Way,
    key: Key,
    url: Arc<str>,
    asking: Arc<Asking>,
    now: Timestamp,
}

impl ResponseCache {
    /// An empty cache; what it does is counted in `figures`.
    pub fn new(settings: CacheSettings, clock: Clock, figures: CacheFigures) -> Self {
        let index = Index::new(settings.bytes, &figures);
        Self(Arc::new(House {
            settings,
            clock,
            figures,
            hashing: Hashing::new(),
            index,
            flights: Arc::default(),
            filling: Arc::default(),
            renewing: Arc::new(Semaphore::new(limits::BACKGROUND_RENEWALS)),
        }))
    }

    /// The answer to a request: a stored one, or the origin's, which is stored if it may be. Cookies of ours must have been taken
    /// out.
    ///
    /// # Errors
    /// Whatever kept the origin from answering, where nothing stored may stand in for it.
    pub async fn fetch(
        &self,
        origin: &Arc<Origin>,
        mut request: Request<Body>,
        call: &Call<'_>,
    ) -> Result<Fetched, OriginError> {
        let house = &self.0;
        let usable = call.use_cache == UseCache::Yes && house.settings.bytes > 0;
        let asking = match usable {
            true => {
                outgoing::write_codings(request.headers_mut(), call.hop.codings);
                Asking::of(&mut request, call.cookies, call.written)
            }
            false => Err(Forwarded::Bypass),
        };
        let mut fetched = match asking {
            Ok(asking) => Walk::new(house, origin, asking, call).go().await?,
            Err(reason) => house.pass(origin, request, call, reason).await?,
        };
        for name in [SURROGATE_KEY, INLAY_CACHE_CONTROL] {
            fetched.response.headers_mut().remove(name);
        }
        house.figures.count(counted_as(&fetched.status));
        Ok(fetched)
    }

    /// Purges what one of `purges` means, at once; what was asked for before is not stored any more. It goes through all that
    /// is stored: milliseconds for many thousands. Out: how many stored responses were meant.
    pub fn purge(&self, purges: &[Purge], severity: Severity) -> usize {
        let house = &self.0;
        let meant = |url: &str, stored: &Stored| purges.iter().any(|purge| purge.means(url, stored));
        house.index.purge(meant, severity, house.clock.now())
    }

    /// Brings the figures of what is stored up to date.
    pub fn measure(&self) {
        let (urls, bytes) = self.0.index.size();
        self.0.figures.urls.set(i64::try_from(urls).unwrap_or(i64::MAX));
        self.0.figures.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl House {
    /// What the cache has no say in goes to the origin; what it changes there is taken out here.
    async fn pass(
        &self,
        origin: &Arc<Origin>,
        request: Request<Body>,
        call: &Call<'_>,
        reason: Forwarded,
    ) -> Result<Fetched, OriginError> {
        let (unsafe_method, uri) = (!request.method().is_safe(), request.uri().clone());
        let response = origin.fetch(request, &call.hop).await?;
        if unsafe_method && (response.status().is_success() || response.status().is_redirection()) {
            invalidation::invalidate(self, origin, call.hop.client, &uri, response.headers());
        }
        Ok(Fetched { response, status: forwarded(reason), entry: None })
    }
}

impl<'a> Walk<'a> {
    fn new(house: &'a Arc<House>, origin: &'a Arc<Origin>, asking: Asking, call: &Call<'_>) -> Self {
        let way = Way { peer: *call.hop.peer, client: call.hop.client.clone() };
        let host = way.client.host.as_ref().map(|host| host.as_str().to_ascii_lowercase()).unwrap_or_default();
        let path = asking.uri.path_and_query().map_or("/", |path| path.as_str());
        let target = Target { origin: origin.name(), scheme: way.client.scheme.as_str(), host: &host, path };
        let (key, url) = (house.hashing.key(target), target.url().into());
        Self { house, origin, way, key, url, asking: Arc::new(asking), now: call.now }
    }

    /// The walk: look, and ask only if nothing stored will do; of those who miss the same, one asks.
    async fn go(self) -> Result<Fetched, OriginError> {
        let deadline = Instant::now() + limits::COLLAPSE_WAIT;
        let mut collapsed = false;
        for _ in 0..limits::COLLAPSE_ROUNDS {
            let (reason, stored) = match self.look() {
                Looked::Answered(fetched) => {
                    return Ok(if collapsed { as_collapsed(*fetched) } else { *fetched });
                }
                Looked::Missing(reason, stored) => (reason, stored),
            };
            if self.asking.directives.only_if_cached {
                return Ok(self.only_if_cached());
            }
            let flight = self.flight();
            let together = self.asking.may_collapse_with(stored.as_deref())
                && reason != Forwarded::Bypass
                && !self.house.index.passes(flight, self.now);
            if !together {
                return self.ask_alone(reason, stored).await;
            }
            let waiting = match self.house.flights.board(flight) {
                Boarded::First(ticket) => {
                    let errand = Errand { ticket: Some(ticket), ..self.errand(stored.clone()) };
                    // In a task of its own, so that it goes on for the others when this client leaves.
                    let asked = tokio::spawn(errand.run()).await;
                    return self.answer(reason, stored, asked.unwrap_or_else(resumed));
                }
                Boarded::Waiting(waiting) => waiting,
            };
            match timeout_at(deadline, landed(waiting)).await {
                Ok(Landing::Stored(fresh)) => match self.collapsed(&fresh, reason) {
                    Some(fetched) => return Ok(fetched),
                    // It was for another variant.
                    None => collapsed = true,
                },
                Ok(Landing::Failed) => match stored.as_ref().and_then(|stored| self.stand_in(stored, None)) {
                    Some(fetched) => return Ok(fetched),
                    None => return self.ask_alone(reason, stored).await,
                },
                Ok(Landing::NotShared) | Err(_) => return self.ask_alone(reason, stored).await,
            }
        }
        self.ask_alone(Forwarded::Miss, None).await
    }

    /// What is stored, if it will do.
    fn look(&self) -> Looked {
        let stored = match self.house.index.select(self.key, &self.asking) {
            Selected::Nothing => return Looked::Missing(Forwarded::UriMiss, None),
            Selected::OtherVariants => return Looked::Missing(Forwarded::VaryMiss, None),
            Selected::NotForThis => return Looked::Missing(Forwarded::Bypass, None),
            Selected::Found(stored) => stored,
        };
        let ttl = match reuse(&stored.terms, &self.asking.directives, self.now) {
            Reuse::Fresh { ttl } => ttl,
            Reuse::Stale { ttl, tolerance } => {
                if tolerance == super::policy::Tolerance::WhileRevalidating {
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
        Some(Fetched { response, status, entry: Some(EntryId { key: self.key, version: stored.version }) })
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
            way: self.way.clone(),
            key: self.key,
            flight: self.flight(),
            url: Arc::clone(&self.url),
            asking: Arc::clone(&self.asking),
            stored,
            ticket: None,
        }
    }

    /// Asks for this client only; if it leaves before the answer, so does the request.
    async fn ask_alone(self, reason: Forwarded, stored: Option<Arc<Stored>>) -> Result<Fetched, OriginError> {
        if self.asking.method == Method::HEAD {
            return self.ask_head(reason, stored).await;
        }
        let asked = self.errand(stored.clone()).run().await;
        self.answer(reason, stored, asked)
    }

    /// The client's answer, once the origin has been asked.
    fn answer(
        &self,
        reason: Forwarded,
        before: Option<Arc<Stored>>,
        asked: Result<Landed, OriginError>,
    ) -> Result<Fetched, OriginError> {
        let status = |status, stored| CacheStatus::Forwarded { reason, status, stored, collapsed: false };
        match asked {
            Ok(Landed::New { stored, seat }) => {
                let fetched = self.stored(&stored, status(None, true));
                drop(seat);
                Ok(fetched.expect("invariant: whoever has a seat reads from the beginning"))
            }
            Ok(Landed::Confirmed { stored }) => {
                let confirmed = status(Some(StatusCode::NOT_MODIFIED), true);
                Ok(self.stored(&stored, confirmed).unwrap_or_else(|| broken(reason)))
            }
            Ok(Landed::Alone { response, reason: unkept }) => {
                let down = errand::is_down(response.status()).then_some(response.status());
                match before.filter(|_| down.is_some()).and_then(|stored| self.stand_in(&stored, down)) {
                    Some(fetched) => Ok(fetched),
                    None => {
                        tracing::debug!(reason = ?unkept, url = &*self.url, "not stored");
                        Ok(Fetched { response, status: status(None, false), entry: None })
                    }
                }
            }
            Err(error) => match before.and_then(|stored| self.stand_in(&stored, None)) {
                Some(fetched) => {
                    tracing::warn!(error = %crate::telemetry::Causes(&error), "the origin gave no answer; a stale one stands in");
                    Ok(fetched)
                }
                None => Err(error),
            },
        }
    }

    /// The stored response in place of an origin that is down, if that is allowed.
    fn stand_in(&self, stored: &Stored, failed: Option<StatusCode>) -> Option<Fetched> {
        let allowed = stored.stands_in_for(failed, self.house.settings.stale_if_error, self.now);
        allowed.then(|| self.stored(stored, CacheStatus::StoodIn { status: failed })).flatten()
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

    /// HEAD is answered by the origin, and tells of what is stored for GET (RFC 9111 section 4.3.5).
    async fn ask_head(self, reason: Forwarded, stored: Option<Arc<Stored>>) -> Result<Fetched, OriginError> {
        let asked = self.house.clock.now();
        let response = match self.origin.fetch(self.asking.request(), &self.way.hop()).await {
            Ok(response) => response,
            Err(error) => return stored.and_then(|stored| self.stand_in(&stored, None)).ok_or(error),
        };
        let received = Received { asked, at: self.house.clock.now() };
        if let Some(before) = stored.filter(|before| before.status == response.status()) {
            match head_agrees(response.headers(), &before.headers) {
                Confirmation::Confirmed => {
                    drop(errand::renew(self.house, self.key, &self.asking, &before, response.headers(), received));
                }
                Confirmation::Contradicted => {
                    self.house.index.replace(self.key, &before, &index::stale(&before, received.at));
                }
            }
        }
        Ok(Fetched { response, status: forwarded(reason), entry: None })
    }

    fn only_if_cached(&self) -> Fetched {
        let response = problem(StatusCode::GATEWAY_TIMEOUT, "Nothing is stored that answers this request.");
        Fetched { response, status: CacheStatus::NotStored, entry: None }
    }
}

/// What a look into the cache came to.
enum Looked {
    Answered(Box<Fetched>),
    /// Why the origin has to be asked, and what it may confirm.
    Missing(Forwarded, Option<Arc<Stored>>),
}

/// The kind under which a request is counted.
fn counted_as(status: &CacheStatus) -> &'static str {
    match status {
        CacheStatus::Hit { ttl: Some(ttl) } if *ttl <= 0 => "stale",
        CacheStatus::StoodIn { .. } => "stale",
        CacheStatus::Hit { .. } => "hit",
        CacheStatus::Forwarded { collapsed: true, .. } => "collapsed",
        CacheStatus::Forwarded { status: Some(_), .. } => "revalidated",
        CacheStatus::Forwarded { reason: Forwarded::Bypass | Forwarded::Method, .. } => "bypass",
        CacheStatus::Forwarded { .. } | CacheStatus::NotStored => "miss",
    }
}

fn forwarded(reason: Forwarded) -> CacheStatus {
    CacheStatus::Forwarded { reason, status: None, stored: false, collapsed: false }
}

/// A hit that was waited for.
fn as_collapsed(fetched: Fetched) -> Fetched {
    let reason = Forwarded::Miss;
    Fetched { status: CacheStatus::Forwarded { reason, status: None, stored: false, collapsed: true }, ..fetched }
}

/// What was confirmed is gone: its body broke off meanwhile.
fn broken(reason: Forwarded) -> Fetched {
    let response = problem(StatusCode::BAD_GATEWAY, "The website behind this proxy gave no usable answer.");
    Fetched { response, status: forwarded(reason), entry: None }
}

/// A panic goes on where it would have been without a task of its own.
fn resumed<T>(error: tokio::task::JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}
