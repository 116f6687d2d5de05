//! Asking the origin for what is not stored, or no longer fresh.
//!
//! In: a request, and what is stored for it. Out: what is stored afterwards, or an answer for this request alone. Those who
//! wait are told. It must not answer the client.

use std::sync::Arc;

use http::{Method, Response, StatusCode, header, response};
use jiff::Timestamp;

use super::asking::Asking;
use super::content::Content;
use super::fill::Fill;
use super::flight::{Landing, Ticket};
use super::index::Put;
use super::key::Key;
use super::stored::Stored;
use super::turn::Turn;
use super::{House, Way, Whose};
use crate::http::Body;
use crate::origin::policy::freshness::Said;
use crate::origin::policy::revalidation::{Confirmation, Validators, ask_by, confirms, updated};
use crate::origin::policy::storing::{self, Asked, CookiesMatter};
use crate::origin::policy::{NotStored, Received, Storable, Terms};
use crate::origin::{Origin, OriginError};

/// One request to the origin, in the cache's interest.
pub struct Errand {
    pub house: Arc<House>,
    pub origin: Arc<Origin>,
    pub way: Way,
    pub key: Key,
    /// Under which others wait for each other.
    pub flight: Key,
    pub url: Arc<str>,
    pub asking: Arc<Asking>,
    /// What is to be confirmed.
    pub stored: Option<Arc<Stored>>,
    /// Held by one for whom others wait.
    pub ticket: Option<Ticket>,
}

/// What an errand came to.
pub enum Landed {
    /// It is stored, or being stored. The seat keeps the body coming until the one who asked reads it.
    New { stored: Arc<Stored>, seat: Body },
    /// What was stored still holds.
    Confirmed { stored: Arc<Stored> },
    /// An answer to this request alone.
    Alone { response: Response<Body>, reason: Unkept },
}

/// Why an answer was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// It may not be.
    Forbidden(NotStored),
    /// It is larger than the cache keeps.
    TooLarge,
    /// While it was under way its URL was purged, or changed by somebody.
    Overtaken,
    /// The origin is down, and what is stored stands in for it.
    Down,
}

impl Unkept {
    /// Whose a response is that was not kept: anybody's, if it may be kept and only is of no use.
    pub fn whose(&self) -> Whose {
        match self {
            Self::Forbidden(NotStored::Useless) | Self::TooLarge | Self::Overtaken => Whose::Anybodys,
            Self::Forbidden(_) | Self::Down => Whose::TheClients,
        }
    }
}

impl Errand {
    /// Asks, stores what may be stored, and tells those who wait.
    ///
    /// # Errors
    /// Whatever kept the origin from answering.
    pub async fn run(mut self) -> Result<Landed, OriginError> {
        let landed = self.ask().await;
        let landing = match &landed {
            Ok(Landed::New { stored, .. } | Landed::Confirmed { stored }) => Landing::Stored(Arc::clone(stored)),
            Ok(Landed::Alone { response, .. }) if is_down(response.status()) => Landing::Failed,
            Ok(Landed::Alone { .. }) => Landing::NotShared,
            Err(_) => Landing::Failed,
        };
        self.ticket.take().into_iter().for_each(|ticket| ticket.land(landing.clone()));
        landed
    }

    async fn ask(&mut self) -> Result<Landed, OriginError> {
        let mut stored = self.stored.clone();
        loop {
            let mut request = self.asking.request();
            let validators =
                stored.as_ref().map_or(Validators::None, |stored| ask_by(&stored.headers, request.headers_mut()));
            let (asked, turn) = (self.house.clock.now(), self.house.index.turn());
            let response = self.origin.fetch(request, &self.way.hop()).await?;
            let received = Received { asked, at: self.house.clock.now() };
            let confirmable = response.status() == StatusCode::NOT_MODIFIED && validators == Validators::Some;
            let Some(before) = stored.take().filter(|_| confirmable) else {
                return Ok(self.keep(response, received, turn));
            };
            match confirms(response.headers(), &before.headers) {
                Confirmation::Confirmed => {
                    let (house, asking) = (&self.house, &self.asking);
                    // What was stored, with what a 304 says anew.
                    let stored = renew(house, self.key, asking, &before, response.headers(), received, turn);
                    return Ok(Landed::Confirmed { stored });
                }
                // Once more, for the whole.
                Confirmation::Contradicted => {
                    self.house.index.remove(self.key, &before);
                    self.stored = None;
                }
            }
        }
    }

    /// Stores a response if it may be, and has its body brought in.
    fn keep(&self, response: Response<Body>, received: Received, asked: Turn) -> Landed {
        let (head, body) = response.into_parts();
        let stored = match self.put(&head, &body, received, asked) {
            Ok(stored) => stored,
            Err(reason) => {
                self.not_kept(&reason, head.status);
                return Landed::Alone { response: Response::from_parts(head, body), reason };
            }
        };
        let seat = stored.content.read(None).unwrap_or_default();
        self.remember(&stored.terms, received.at);
        let (house, key, flight, before) = (Arc::clone(&self.house), self.key, self.flight, self.stored.clone());
        tokio::spawn(Fill { house, key, flight, stored: Arc::clone(&stored), before, body }.run());
        Landed::New { stored, seat }
    }

    /// Puts a response where others find it, its body still to come.
    fn put(&self, head: &response::Parts, body: &Body, received: Received, asked: Turn) -> Result<Arc<Stored>, Unkept> {
        let storable = self.storable(head, body, received)?;
        let content = Content::arriving(http_body::Body::size_hint(body).exact(), self.house.allowance.share());
        let (index, asking) = (&self.house.index, &self.asking);
        let version = index.next_version();
        let stored = Stored::new(version, head.status, &head.headers, storable, asking, content, received.at);
        let stored = Arc::new(stored);
        match index.insert(self.key, &self.url, &stored, asking, asked) {
            Put::There => Ok(stored),
            Put::Overtaken => Err(Unkept::Overtaken),
        }
    }

    fn storable(&self, head: &response::Parts, body: &Body, received: Received) -> Result<Storable, Unkept> {
        let storable = storable(&self.asking, head.status, &head.headers, received).map_err(Unkept::Forbidden)?;
        if http_body::Body::size_hint(body).lower() > self.house.settings.object {
            return Err(Unkept::TooLarge);
        }
        let stands_in = |stored: &Arc<Stored>| {
            stored.stands_in_for(Some(head.status), self.house.settings.stale_if_error, received.at)
        };
        if is_down(head.status) && self.stored.as_ref().is_some_and(stands_in) {
            return Err(Unkept::Down);
        }
        Ok(storable)
    }

    /// What has to be confirmed each time is of no use to those who wait, so nobody should.
    fn remember(&self, terms: &Terms, now: Timestamp) {
        match terms.always_validate || terms.ttl(now) <= 0 {
            true => self.house.index.pass(self.flight, now),
            false => self.house.index.pass_no_longer(self.flight),
        }
    }

    /// Remembers that there is nothing to share, so that nobody waits for it; and what was stored before is out of date,
    /// unless the origin is only failing, or the answer is this client's own.
    fn not_kept(&self, reason: &Unkept, status: StatusCode) {
        let index = &self.house.index;
        if *reason != Unkept::Overtaken {
            index.pass(self.flight, self.house.clock.now());
        }
        let own = matches!(reason, Unkept::Forbidden(NotStored::Cookies | NotStored::Credentials | NotStored::Method));
        if let Some(stored) = &self.stored
            && !status.is_server_error()
            && !own
        {
            index.remove(self.key, stored);
        }
    }
}

/// Whether an origin that answers so is down, as far as its visitors are concerned.
pub fn is_down(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

fn storable(
    asking: &Asking,
    status: StatusCode,
    headers: &header::HeaderMap,
    received: Received,
) -> Result<Storable, NotStored> {
    let cookies = if asking.has_cookies { CookiesMatter::Perhaps } else { CookiesMatter::No };
    let asked = Asked {
        method: &asking.method,
        headers: &asking.headers,
        no_store: asking.directives.no_store,
        cookies,
        set_cookie: asking.set_cookie,
    };
    storing::storable(asked, status, headers, received)
}

/// Renews what is stored by the head of a 304, or of an answer to HEAD, and gives what holds now. What may no longer be stored
/// is taken out; it still answers the request that asked.
pub fn renew(
    house: &House,
    key: Key,
    asking: &Asking,
    before: &Arc<Stored>,
    fresh: &header::HeaderMap,
    received: Received,
    asked: Turn,
) -> Arc<Stored> {
    let headers = updated(&before.headers, fresh);
    let as_get = Asking { method: Method::GET, ..asking.clone() };
    let mut now = Stored { received: received.at, ..Stored::clone(before) };
    // Its age counts from now: what the stored head said of that is no longer so.
    now.terms = Terms::of(before.status, &headers, &Said::in_head(&headers), received);
    if headers.get(header::CONTENT_TYPE) != before.headers.get(header::CONTENT_TYPE) {
        now.version = house.index.next_version();
    }
    let storable = storable(&as_get, before.status, &headers, received);
    now.headers = headers;
    for name in storable.iter().flat_map(|storable| &storable.left_out).chain([&header::AGE]) {
        now.headers.remove(name);
    }
    let now = Arc::new(now);
    match storable {
        Ok(_) if !house.index.is_overtaken(key, asked) => house.index.replace(key, before, &now),
        _ => house.index.remove(key, before),
    }
    now
}
