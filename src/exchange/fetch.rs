//! Asking the origin, or the cache before it: what of the client's request reaches them.
//!
//! In: the client's request, and what may become of the page. Out: the origin's answer, or its failure. It must not look at the answer's body.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::tag;
use crate::context::Context;
use crate::http::Body;
use crate::http::annotations::CacheStatus;
use crate::http::coding::{Accepted, accepted_codings};
use crate::http::cookies::remove_cookie;
use crate::http::headers::{is_html, remove_conditions};
use crate::http::peer::{Peer, TrueClient};
use crate::origin::cache::{Asserted, Call, EntryId, Fetched, ResponseCache, UseCache, Whose};
use crate::origin::{Hop, Origin, OriginError, WantedCodings};

/// By which an origin is told that its includes are honoured (Edge Architecture Specification).
const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
/// By which it says that there are some; it is for us and ends here.
pub const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// A request as the origin will get it, and what may be needed to ask again.
pub struct Asked {
    request: Request<Body>,
    /// What the client accepts; the origin is told what we can undo.
    pub accepted: Accepted,
    /// What the client has of a page, as it says.
    pub held: Vec<HeaderValue>,
    codings: WantedCodings,
    /// A copy of the head, without ranges, for a page that came in part.
    whole: Option<Request<()>>,
}

/// What the origin answered, now or before, and how long that took.
pub struct Answer {
    pub response: Response<Body>,
    pub came: Came,
}

/// How an answer came.
#[derive(Clone, Debug)]
pub struct Came {
    pub took: Duration,
    /// What the shared cache could do.
    pub cache: CacheStatus,
    /// The stored response that it is, if it is one: what is made of its content may be kept under this name.
    pub entry: Option<EntryId>,
    /// Whose it is.
    pub whose: Whose,
}

/// What may become of the page that is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outlook {
    /// It must be rewritten.
    pub rewriting: bool,
    /// It may be another one than the origin's: now, for another visitor, or later.
    pub may_differ: bool,
    /// What it includes itself is to be laid in.
    pub includes: bool,
}

/// Where to ask, and for whom.
pub struct Asker<'a> {
    pub responses: &'a ResponseCache,
    pub origin: &'a Arc<Origin>,
    /// What the route asserts of its answers.
    pub asserted: &'a Asserted,
    /// What rules wrote into the request: answers may depend on it.
    pub written: &'a [u8],
    pub context: &'a Context,
    pub peer: &'a Peer,
    pub client: &'a TrueClient,
}

impl Asked {
    /// Prepares the client's request. `own_cookie` is the name of our cookie, which never reaches the origin.
    pub fn new(mut request: Request<Body>, own_cookie: &str, outlook: Outlook) -> Self {
        let headers = request.headers_mut();
        remove_cookie(headers, own_cookie);
        let accepted = accepted_codings(headers);
        let Outlook { rewriting, may_differ, includes } = outlook;
        let held: Vec<_> = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        if may_differ && (accepts_html(headers) || held.iter().any(tag::is_ours)) {
            // A browser that asks for a page must not be told that the one it has is still good: it may be the one
            // that the origin made, from before there were rules. Nor may an unchanged one be told to be kept as long
            // as the origin says, when it is this visitor's or this hour's.
            remove_conditions(headers);
        }
        if includes {
            headers.insert(SURROGATE_CAPABILITY, HeaderValue::from_static("inlay=\"ESI/1.0\""));
        }
        let codings = if rewriting { WantedCodings::DecodableByBoth } else { WantedCodings::AsReceived };
        let ranged = rewriting && request.headers().contains_key(header::RANGE);
        let whole = (ranged && matches!(*request.method(), Method::GET | Method::HEAD)).then(|| without_body(&request));
        Self { request, accepted, held, codings, whole }
    }

    /// How the client asks.
    pub fn method(&self) -> Method {
        self.request.method().clone()
    }

    /// Asks. A part of a page that is to be rewritten is asked for again, whole: the byte positions of a range mean
    /// nothing in a page that is laid out per visitor.
    ///
    /// # Errors
    /// Whatever kept the origin from answering.
    pub async fn send(self, asker: &Asker<'_>) -> Result<Answer, OriginError> {
        let asking = Instant::now();
        let Asker { responses, origin, asserted, written, context, peer, client } = *asker;
        // What is supposed may be another time or another request's fields: nobody else is to get such an answer.
        let own = context.site.protects(context.request.path()) || !context.supposed.is_nothing();
        let use_cache = if own { UseCache::Bypass } else { UseCache::Yes };
        let hop = Hop { peer, client, codings: self.codings };
        let call = Call { hop, asserted, written, use_cache, now: context.now };
        let mut fetched = responses.fetch(origin, self.request, &call).await?;
        if let Some(whole) = self.whole.filter(|_| is_part_of_a_page(&fetched.response)) {
            fetched = responses.fetch(origin, whole.map(|()| Body::empty()), &call).await?;
        }
        let Fetched { response, status, entry, whose } = fetched;
        Ok(Answer { response, came: Came { took: asking.elapsed(), cache: status, entry, whose } })
    }
}

fn is_part_of_a_page(response: &Response<Body>) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT && is_html(response.headers())
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    lines.any(|line| line.contains("text/html"))
}

fn without_body(request: &Request<Body>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    remove_conditions(copy.headers_mut());
    copy
}
