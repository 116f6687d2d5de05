//! What stands between a connection and the service: only requests that can be read in one way are served.
//!
//! In: a request as the HTTP library hands it on, and what was seen of its bytes. Out: the service's response, or a
//! refusal; either ends the connection where the next request would not be certain. It must not know the service.

use std::future::{Future, ready};

use futures_util::future::Either;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::guard::Watch;
use super::strict;
use crate::http::Body;
use crate::http::peer::Peer;
use crate::limits;

/// Serves one request, or refuses it. To be called for each on the connection, in their order.
pub fn serve<S, F>(
    request: Request<Incoming>,
    peer: Peer,
    watch: &Watch,
    service: &S,
) -> impl Future<Output = Response<Body>> + Send + use<S, F>
where
    S: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let last = Last::of(&request);
    let response = match watch.next().and_then(|()| strict::check(&request)) {
        Ok(()) => {
            let mut request = request.map(|body| Body::from(body).stalling_at_most(limits::BODY_STALL_WAIT));
            request.extensions_mut().insert(peer);
            Either::Left(service(request))
        }
        Err(refusal) => {
            tracing::info!(client = %peer.address, reason = %refusal, "a request was refused");
            Either::Right(ready(refusal.response(request.version())))
        }
    };
    async move { last.closing(response.await) }
}

/// Whether a request is the last on its connection whatever the response is.
#[derive(Clone, Copy)]
enum Last {
    No,
    /// It asks to leave HTTP, so that what the client sent after it is not read as requests (`framing`).
    Upgrade,
}

impl Last {
    fn of<B>(request: &Request<B>) -> Self {
        let mut upgrades = request.headers().get_all(header::UPGRADE).iter();
        let asks = upgrades.any(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if asks && request.version() < Version::HTTP_2 { Self::Upgrade } else { Self::No }
    }

    fn closing<B>(self, mut response: Response<B>) -> Response<B> {
        if matches!(self, Self::Upgrade) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
