//! The shared cache: origin responses, kept for others as far as they allow (RFC 9111).
//!
//! In: a request as it goes to the origin. Out: a stored response, or the origin's, and by which way it came. It stands before
//! [`Origin::fetch`] and changes nothing of what that does. It must not store what the policy forbids, nor anything that was
//! made for one visitor.

mod allowance;
mod asking;
mod asserted;
mod content;
mod errand;
mod fill;
mod flight;
mod index;
mod invalidation;
mod key;
mod purge;
mod stored;
mod turn;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Hop, Origin, OriginError, WantedCodings, for_us, outgoing};
use crate::clock::Clock;
use crate::http::Body;
use crate::http::annotations::{CacheStatus, Forwarded};
use crate::http::peer::{Peer, TrueClient};
use crate::limits;
use crate::telemetry::CacheFigures;
use allowance::Allowance;
use asking::Asking;
use flight::Flights;
use index::Index;
use key::{Hashing, Key};
use stored::{SURROGATE_KEY, Stored};
use walk::{Looked, Walk};

pub use asserted::{Asserted, NOTHING, SetCookie};
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
    /// For the bodies that are stored, arrive, or are still read though they are no longer stored.
    allowance: Allowance,
    /// One for each response that may be renewed while it is served stale.
    renewing: Arc<Semaphore>,
}

/// Who asks, and what is known of the answer before it comes.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub hop: Hop<'a>,
    /// What the route asserts of the answer.
    pub asserted: &'a Asserted,
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
    pub whose: Whose,
}

/// Whose a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It may be shown to anybody who asks the same, whether or not it is worth storing.
    Anybodys,
    /// It may have been made for the one who asked.
    TheClients,
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

impl ResponseCache {
    /// An empty cache; what it does is counted in `figures`.
    pub fn new(settings: CacheSettings, clock: Clock, figures: CacheFigures) -> Self {
        let index = Index::new(settings.bytes, &figures);
        // What is on its way in or out may take as much as what is stored.
        let allowed = settings.bytes.saturating_mul(2);
        Self(Arc::new(House {
            settings,
            clock,
            figures,
            hashing: Hashing::new(),
            index,
            flights: Arc::default(),
            allowance: Allowance::new(allowed),
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
                Asking::of(&mut request, call.asserted, call.written)
            }
            false => Err(Forwarded::Bypass),
        };
        let mut fetched = match asking {
            Ok(asking) => {
                let walk = Walk::new(house, origin, asking, call);
                match walk.look() {
                    Looked::Answered(fetched) => *fetched,
                    // Boxed, because asking is large, and whoever finds an answer stored need not carry it.
                    missing => Box::pin(walk.go(missing)).await?,
                }
            }
            Err(reason) => Box::pin(house.pass(origin, request, call, reason)).await?,
        };
        let headers = fetched.response.headers_mut();
        headers.remove(SURROGATE_KEY);
        for_us::withhold(headers);
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
        Ok(Fetched { response, status: forwarded(reason), entry: None, whose: Whose::TheClients })
    }
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
