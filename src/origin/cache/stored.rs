//! One stored response, and the answers that are made of it.
//!
//! In: a response that may be stored, or a stored one and a request that it answers. Out: what is kept; answers whole, in part,
//! without content, or "not modified". It must not decide whether it may be used.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use jiff::Timestamp;

use super::asking::Asking;
use super::content::Content;
use crate::http::Body;
use crate::http::caching::format_date;
use crate::limits::CACHE_ENTRY_OVERHEAD_BYTES;
use crate::origin::policy::condition::{self, Condition};
use crate::origin::policy::freshness::Shareable;
use crate::origin::policy::range::{self, Bytes};
use crate::origin::policy::reuse::{in_place_of_an_error, says_stale_if_error};
use crate::origin::policy::vary::Vary;
use crate::origin::policy::{Storable, Terms};

/// Names by which an origin groups responses for purging: `Surrogate-Key` by spaces, `Cache-Tag` by commas.
pub const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// A response as it is kept. It never changes; what changes it puts another in its place.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Different for each content; the same after a 304 that left all that concerns the content as it was.
    pub version: u64,
    pub status: StatusCode,
    /// As the origin sent it, but for `Age` and what was to be left out.
    pub headers: HeaderMap,
    pub terms: Terms,
    pub selecting: Selecting,
    pub received: Timestamp,
    pub content: Arc<Content>,
}

/// Which requests for its URL a response answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selecting {
    vary: Vary,
    values: Box<[Option<Box<[u8]>>]>,
    /// Of the cookies that matter, in the order in which the route names them; `None`: nothing is asserted of cookies.
    cookies: Option<Box<[Option<Box<str>>]>>,
    /// What rules wrote into the request.
    written: Box<[u8]>,
}

impl Selecting {
    /// Of the response to a request.
    pub fn of(vary: Vary, asking: &Asking) -> Self {
        // Where a route says which cookies matter, it knows better than `Vary: Cookie`.
        let vary = if asking.keyed_cookies.is_some() { vary.without(&header::COOKIE) } else { vary };
        Self {
            values: vary.values(&asking.headers),
            vary,
            cookies: asking.keyed_cookies.clone(),
            written: asking.written.clone(),
        }
    }

    /// Whether the request would have got the same.
    pub fn selects(&self, asking: &Asking) -> bool {
        self.cookies == asking.keyed_cookies
            && self.written == asking.written
            && self.vary.matches(&self.values, &asking.headers)
    }

    /// What the response varies by.
    pub fn vary(&self) -> &Vary {
        &self.vary
    }
}

impl Stored {
    /// What is kept of a response; `content` holds its body, or will.
    pub fn new(
        version: u64,
        status: StatusCode,
        headers: &HeaderMap,
        storable: Storable,
        asking: &Asking,
        content: Arc<Content>,
        received: Timestamp,
    ) -> Self {
        let Storable { terms, vary, left_out } = storable;
        let mut headers = headers.clone();
        for name in left_out.iter().chain([&header::AGE]) {
            headers.remove(name);
        }
        if !headers.contains_key(header::DATE) {
            format_date(received).into_iter().for_each(|date| drop(headers.insert(header::DATE, date)));
        }
        Self { version, status, headers, terms, selecting: Selecting::of(vary, asking), received, content }
    }

    /// Whether a request with such cookies or credentials may get it.
    pub fn may_be_shown_to(&self, asking: &Asking) -> bool {
        let cookies = !asking.has_cookies || self.terms.shareable == Shareable::Explicitly;
        cookies && (!asking.has_credentials || self.terms.credentials_allowed)
    }

    /// Whether it may be used in place of the answer of an origin that is down: it answered with `failed`, or not at all. An
    /// answer of 500 is the origin's own unless it says otherwise.
    pub fn stands_in_for(&self, failed: Option<StatusCode>, unless_said: Duration, now: Timestamp) -> bool {
        let own = failed == Some(StatusCode::INTERNAL_SERVER_ERROR) && !says_stale_if_error(&self.terms);
        !own && in_place_of_an_error(&self.terms, unless_said, now).is_some()
    }

    /// Bytes that it takes.
    pub fn weight(&self) -> u64 {
        let head: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        (head + CACHE_ENTRY_OVERHEAD_BYTES) as u64 + self.content.held()
    }

    /// Whether the origin tagged it so.
    pub fn has_tag(&self, tag: &str) -> bool {
        let lines = |name| self.headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines(SURROGATE_KEY).any(|line| line.split_ascii_whitespace().any(|key| key == tag))
            || lines(CACHE_TAG).any(|line| line.split(',').any(|other| other.trim() == tag))
    }

    /// The answer to a request that it answers; `None` if its body is gone.
    pub fn answer(&self, asking: &Asking, now: Timestamp) -> Option<Response<Body>> {
        let conditional = self.status.is_success() && condition::is_conditional(&asking.headers);
        let unchanged =
            conditional && condition::evaluate(&asking.headers, &self.headers, self.received) == Condition::NotModified;
        let mut response = match (unchanged, asking.method == Method::HEAD) {
            (true, _) => self.not_modified(),
            (false, true) => self.without_content(),
            (false, false) => self.ranged(asking)?,
        };
        // It may have come after the exchange began, and the time it took is part of its age.
        let age = self.terms.age(now.max(self.received));
        response.headers_mut().insert(header::AGE, HeaderValue::from(age));
        Some(response)
    }

    fn response(&self, status: StatusCode, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = self.headers.clone();
        response
    }

    /// What a 304 has to say is in the fields that are not about the content (RFC 9110 section 15.4.5).
    fn not_modified(&self) -> Response<Body> {
        let mut response = self.response(StatusCode::NOT_MODIFIED, Body::empty());
        for name in [
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_TYPE,
            header::CONTENT_RANGE,
            header::TRAILER,
        ] {
            response.headers_mut().remove(name);
        }
        response
    }

    fn without_content(&self) -> Response<Body> {
        let mut response = self.response(self.status, Body::empty());
        if let Some(length) = self.content.length() {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    fn ranged(&self, asking: &Asking) -> Option<Response<Body>> {
        let length = self.content.length().filter(|_| self.status == StatusCode::OK);
        let bytes = length.map(|length| (range::asked_for(&asking.headers, &self.headers, length), length));
        let (status, part, length) = match bytes {
            None | Some((Bytes::Whole, _)) => return Some(self.response(self.status, self.content.read(None)?)),
            Some((Bytes::Part(part), length)) => (StatusCode::PARTIAL_CONTENT, Some(part), length),
            Some((Bytes::Unsatisfiable, length)) => (StatusCode::RANGE_NOT_SATISFIABLE, None, length),
        };
        let told = match &part {
            Some(part) => format!("bytes {}-{}/{length}", part.start, part.end - 1),
            None => format!("bytes */{length}"),
        };
        let body = if part.is_some() { self.content.read(part)? } else { Body::empty() };
        let mut response = self.response(status, body);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        HeaderValue::try_from(told)
            .into_iter()
            .for_each(|told| drop(response.headers_mut().insert(header::CONTENT_RANGE, told)));
        Some(response)
    }
}
