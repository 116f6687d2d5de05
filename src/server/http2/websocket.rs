//! WebSocket over HTTP/2 (RFC 8441), made a handshake of HTTP/1.1 (RFC 6455), so that nobody behind the server need know of it.
//!
//! In: an extended CONNECT; later the response to what became of it. Out: a `GET` that asks for a switch of protocols; later
//! 200 where that was granted. It must not open the tunnel: who asks the origin does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::ext::Protocol;
use sha1::{Digest, Sha1};

use crate::http::Body;
use crate::http::annotations::append_proxy_status;
use crate::http::headers::insert_upgrade;
use crate::http::problem::problem;
use crate::limits::OWN_NAME;
use crate::server::refusal::Refusal;

/// What a server appends to the key before it hashes it (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake that was asked of the origin in the client's name.
#[derive(Debug)]
pub struct Handshake {
    /// The only right answer to the key.
    accept: String,
}

impl Handshake {
    /// Makes the `GET` of an extended CONNECT; `None` for all other requests, which stay as they are. The version stays too:
    /// it says how the request came.
    ///
    /// # Errors
    /// [`Refusal::Protocol`] where it is not WebSocket that is asked for.
    pub fn begin<B>(request: &mut Request<B>) -> Result<Option<Self>, Refusal> {
        let Some(protocol) = request.extensions_mut().remove::<Protocol>() else { return Ok(None) };
        if !protocol.as_ref().eq_ignore_ascii_case(b"websocket") {
            return Err(Refusal::Protocol);
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("invariant: the operating system has random bytes");
        let key = STANDARD.encode(random);
        *request.method_mut() = Method::GET;
        let headers = request.headers_mut();
        insert_upgrade(headers, HeaderValue::from_static("websocket"));
        let value = HeaderValue::try_from(&key).expect("invariant: base64 is a field's value");
        headers.insert(header::SEC_WEBSOCKET_KEY, value);
        Ok(Some(Self { accept: accept(&key) }))
    }

    /// What the client is told: 200 opens the tunnel and so must no other response of that class (section 4).
    pub fn end(self, mut response: Response<Body>) -> Response<Body> {
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS if self.is_granted(response.headers()) => {
                *response.status_mut() = StatusCode::OK;
                for name in OF_HTTP1 {
                    response.headers_mut().remove(name);
                }
                response
            }
            status if status == StatusCode::SWITCHING_PROTOCOLS || status.is_success() => refused(),
            _ => response,
        }
    }

    fn is_granted(&self, headers: &HeaderMap) -> bool {
        headers.get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value.as_bytes() == self.accept.as_bytes())
    }
}

/// What a switch in HTTP/1.1 has and a stream must not have.
const OF_HTTP1: [header::HeaderName; 5] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_ACCEPT,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// The origin answered as if nothing but a page had been asked for, or does not know what a WebSocket is.
fn refused() -> Response<Body> {
    let mut response = problem(StatusCode::BAD_GATEWAY, "The website behind this proxy did not open a WebSocket.");
    append_proxy_status(response.headers_mut(), OWN_NAME, "http_upgrade_failed", None);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> (Request<()>, Handshake) {
        let mut request = Request::connect("https://a/chat").body(()).unwrap();
        request.extensions_mut().insert(Protocol::from_static("WebSocket"));
        let handshake = Handshake::begin(&mut request).unwrap().unwrap();
        (request, handshake)
    }

    fn answered(handshake: Handshake, status: u16, accept: &str) -> u16 {
        let response = Response::builder().status(status).header("sec-websocket-accept", accept);
        handshake.end(response.body(Body::empty()).unwrap()).status().as_u16()
    }

    #[test]
    fn a_key_has_one_answer() {
        // The example of RFC 6455 section 1.3.
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let (request, handshake) = asked();
        assert_eq!((request.method(), request.uri().path()), (&Method::GET, "/chat"));
        let key = request.headers()["sec-websocket-key"].to_str().unwrap();
        assert_ne!(key, asked().0.headers()["sec-websocket-key"]);
        let right = accept(key);
        assert_eq!(answered(handshake, 101, &right), 200);
        assert_eq!(answered(asked().1, 101, &right), 502);
    }

    #[test]
    fn only_a_switch_opens_the_tunnel() {
        for (status, told) in [(200, 502), (204, 502), (301, 301), (403, 403), (502, 502)] {
            assert_eq!(answered(asked().1, status, ""), told);
        }
    }

    #[test]
    fn other_requests_stay_and_other_protocols_are_refused() {
        let mut request = Request::get("https://a/").body(()).unwrap();
        assert!(Handshake::begin(&mut request).unwrap().is_none());
        request.extensions_mut().insert(Protocol::from_static("connect-udp"));
        assert_eq!(Handshake::begin(&mut request).unwrap_err(), Refusal::Protocol);
    }
}
