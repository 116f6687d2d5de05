//! What stands between a connection and the service: only requests that can be read in one way, and are within their bounds,
//! are served.
//!
//! In: a request as the HTTP library hands it on, and what was seen of its bytes. Out: the service's response, or a
//! refusal; either ends the connection where the next request would not be certain. It must not know the service.

use std::future::{Future, ready};
use std::sync::Arc;

use futures_util::future::Either;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::guard::Watch;
use super::http2::Handshake;
use super::intake::{self, Made, Taken};
use super::refusal::Refusal;
use super::strict;
use super::terms::Terms;
use crate::http::Body;
use crate::http::headers::leave_connection;
use crate::http::peer::Peer;

/// Serves one request, or refuses it. To be called for each on the connection, in their order.
pub fn serve<S, F>(
    mut request: Request<Incoming>,
    peer: Peer,
    watch: &Watch,
    terms: &Arc<Terms>,
    service: &S,
) -> impl Future<Output = Response<Body>> + Send + use<S, F>
where
    S: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (last, version) = (Last::of(&request), request.version());
    let (last, response) = match admit(&mut request, watch, terms) {
        Ok((number, handshake)) => {
            let last = if number >= terms.bounds.requests_per_connection { Last::OfMany } else { last };
            let (mut head, body) = request.into_parts();
            leave_connection(&mut head.headers);
            let (body, taken) = intake::take(Body::from(body), &head.headers, &terms.bounds);
            let unread = Unread { expected: head.headers.contains_key(header::EXPECT), taken };
            let mut request = Request::from_parts(head, body);
            request.extensions_mut().insert(peer);
            let (response, terms) = (service(request), Arc::clone(terms));
            (
                last,
                Either::Left(async move {
                    let response = unread.answer(response.await, version, &terms);
                    match handshake {
                        Some(handshake) => handshake.end(response),
                        None => response,
                    }
                }),
            )
        }
        Err(refusal) => {
            tracing::info!(client = %peer.address, reason = %refusal, "a request was refused");
            terms.count_refusal(refusal);
            (last, Either::Right(ready(refusal.response(version))))
        }
    };
    async move { last.closing(response.await, version) }
}

/// A request's number, and the handshake that it has become, if it may be served.
fn admit(request: &mut Request<Incoming>, watch: &Watch, terms: &Terms) -> Result<(u64, Option<Handshake>), Refusal> {
    let number = watch.next()?;
    let handshake = Handshake::begin(request)?;
    check(request, terms)?;
    Ok((number, handshake))
}

/// What can be known of a request from its head.
fn check(request: &Request<Incoming>, terms: &Terms) -> Result<(), Refusal> {
    strict::check(request)?;
    strict::check_size(request, &terms.bounds)?;
    intake::check_length(request.body(), &terms.bounds)
}

/// A body of which some may not have been read when the response is there.
struct Unread {
    /// The client may wait for `100 Continue` before it sends any.
    expected: bool,
    taken: Option<Taken>,
}

impl Unread {
    /// The response, unless the client is to blame for it: then that is what it is told.
    fn answer(self, mut response: Response<Body>, version: Version, terms: &Terms) -> Response<Body> {
        let refused = |refusal: Refusal| {
            terms.count_refusal(refusal);
            refusal.response(version)
        };
        match self.taken.as_ref().map(Taken::made) {
            Some(Made::TooLong) => refused(Refusal::BodyTooLong),
            Some(Made::TooSlow) => refused(Refusal::BodyTooSlow),
            // It may send the body all the same, or the next request: that can't be told apart (RFC 9110 section 10.1.1).
            Some(Made::Nothing) if self.expected => {
                close(&mut response, version);
                response
            }
            _ => response,
        }
    }
}

/// Whether a request is the last on its connection whatever the response is.
#[derive(Clone, Copy)]
enum Last {
    No,
    /// It asks to leave HTTP, so that what the client sent after it is not read as requests (`framing`).
    Upgrade,
    /// There were as many as there may be on one connection.
    OfMany,
}

impl Last {
    fn of<B>(request: &Request<B>) -> Self {
        let mut upgrades = request.headers().get_all(header::UPGRADE).iter();
        let asks = upgrades.any(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if asks && request.version() < Version::HTTP_2 { Self::Upgrade } else { Self::No }
    }

    fn closing(self, mut response: Response<Body>, version: Version) -> Response<Body> {
        let stays = matches!(self, Self::No) || response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !stays {
            close(&mut response, version);
        }
        response
    }
}

/// Ends the connection with this response. An HTTP/2 connection ends otherwise.
fn close(response: &mut Response<Body>, version: Version) {
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
