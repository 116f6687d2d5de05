//! The outbound client: HTTP/1.1 and HTTP/2 over TCP and TLS, with a pool of connections.
//!
//! In: a request with an absolute URL. Out: the response's head as soon as it is there, its body streaming. It must not
//! follow redirects, repeat what the other side may have begun, or change headers.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::dial::{self, Dial, find};
use super::{Body, BodyError};
use super::{framing, interim};
use crate::limits;

pub use super::dial::{DialError, Protocols, RootsError};
pub use super::framing::FramingError;

/// Sends requests. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    any: legacy::Client<Dial, Body>,
    http1: legacy::Client<Dial, Body>,
}

/// Why there is no response, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody answers there.
    #[error("the server can't be reached")]
    Unreachable(#[source] legacy::Error),
    /// TLS could not be agreed on, or the certificate is not trusted.
    #[error("TLS with the server failed")]
    Tls(#[source] legacy::Error),
    /// No connection within [`CONNECT_WAIT`](limits::CONNECT_WAIT).
    #[error("connecting to the server took too long")]
    ConnectTimeout(#[source] legacy::Error),
    /// Connected, but no head of a response in time.
    #[error("the server did not answer within {} s", .0.as_secs())]
    ResponseTimeout(Duration),
    /// What came is not HTTP as it should be.
    #[error("the server broke the protocol")]
    Protocol(#[source] legacy::Error),
    /// Where the response begins or ends is not certain.
    #[error("the server's response is not framed as it must be")]
    Framing(#[source] FramingError),
    /// The connection ended before the response's head.
    #[error("the server closed the connection without answering")]
    Aborted(#[source] legacy::Error),
    /// The request's own body failed: the fault of whoever sent it.
    #[error("the request's body ended too early")]
    RequestBody(#[source] legacy::Error),
}

impl SendError {
    /// The status with which a gateway reports it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::RequestBody(error) => request_body_status(error),
            Self::Unreachable(_) | Self::Tls(_) | Self::Protocol(_) | Self::Framing(_) | Self::Aborted(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// The error type of RFC 9209 section 2.3.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Unreachable(error) if is_refused(error) => "connection_refused",
            Self::Unreachable(_) => "destination_unavailable",
            Self::Tls(_) => "tls_protocol_error",
            Self::ConnectTimeout(_) => "connection_timeout",
            Self::ResponseTimeout(_) => "http_response_timeout",
            Self::Protocol(_) | Self::Framing(_) => "http_protocol_error",
            Self::Aborted(_) => "http_response_incomplete",
            Self::RequestBody(_) => "http_request_error",
        }
    }

    fn of(error: legacy::Error) -> Self {
        if find::<BodyError>(&error).is_some() {
            return Self::RequestBody(error);
        }
        match find::<DialError>(&error) {
            Some(DialError::Unreachable(_)) => return Self::Unreachable(error),
            Some(DialError::Tls(_)) => return Self::Tls(error),
            Some(DialError::TooSlow) => return Self::ConnectTimeout(error),
            None => {}
        }
        let http = find::<hyper::Error>(&error);
        let closed = http.is_some_and(|http| http.is_incomplete_message() || http.is_canceled() || http.is_closed());
        if closed || find::<std::io::Error>(&error).is_some() { Self::Aborted(error) } else { Self::Protocol(error) }
    }
}

impl HttpClient {
    /// A client that trusts the platform's certificate authorities and those in the PEM file `ca`.
    ///
    /// # Errors
    /// [`RootsError`] if `ca` is of no use.
    pub fn new(ca: Option<&Path>) -> Result<Self, RootsError> {
        let tls = dial::trust(ca)?;
        Ok(Self { any: pool(Dial::new(tls.clone(), Protocols::Any)), http1: pool(Dial::new(tls, Protocols::Http1)) })
    }

    /// Sends `request`, whose URL is absolute, and waits for the response's head: at most
    /// [`FIRST_BYTE_WAIT`](limits::FIRST_BYTE_WAIT) during which it is the server's turn. A body that stalls later
    /// fails after [`BODY_STALL_WAIT`](limits::BODY_STALL_WAIT). `Host` follows from the URL if it is missing.
    ///
    /// # Errors
    /// [`SendError`]. Only a reused connection that closed before the request left is replaced without a word.
    pub async fn send(&self, request: Request<Body>, protocols: Protocols) -> Result<Response<Body>, SendError> {
        let client = match protocols {
            Protocols::Any => &self.any,
            Protocols::Http1 => &self.http1,
        };
        let (turns, turn) = watch::channel(Turn::Server(Instant::now()));
        let mut request = request.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::wrap(Sent { body, turns }),
        });
        // The version is agreed on per connection; what the request came with says nothing about it.
        *request.version_mut() = Version::HTTP_11;
        let connection = capture_connection(&mut request);
        let flooded = interim::too_many(&mut request);
        let refused = |error| {
            abandon(&connection);
            SendError::Framing(error)
        };
        tokio::select! {
            // A flood may come together with the answer behind it.
            biased;
            () = flooded => Err(refused(FramingError::Interim)),
            response = client.request(request) => {
                let response = response.map_err(SendError::of)?;
                framing::check(&response).map_err(refused)?;
                Ok(response.map(|body| Body::from(body).stalling_at_most(limits::BODY_STALL_WAIT)))
            }
            () = servers_turn_for(turn, limits::FIRST_BYTE_WAIT) => {
                Err(SendError::ResponseTimeout(limits::FIRST_BYTE_WAIT))
            }
        }
    }
}

/// Keeps a connection out of the pool: what else comes on it may belong to a response that was refused.
fn abandon(connection: &CaptureConnection) {
    if let Some(connection) = connection.connection_metadata().as_ref() {
        connection.poison();
    }
}

/// A body that is longer or slower than it may be has a status of its own.
fn request_body_status(error: &legacy::Error) -> StatusCode {
    match find::<BodyError>(error) {
        Some(BodyError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Some(BodyError::TooSlow | BodyError::Stalled(_)) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn is_refused(error: &legacy::Error) -> bool {
    find::<std::io::Error>(error).is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn pool(dial: Dial) -> legacy::Client<Dial, Body> {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(limits::POOL_IDLE_WAIT)
        .pool_max_idle_per_host(limits::POOL_IDLE_PER_HOST)
        .http1_max_buf_size(limits::RESPONSE_HEAD_BYTES)
        .http1_max_headers(limits::RESPONSE_HEADERS)
        .http2_max_header_list_size(u32::try_from(limits::RESPONSE_HEAD_BYTES).unwrap_or(u32::MAX))
        .http2_adaptive_window(true)
        .build(dial)
}

/// Who has to act next, before the response's head is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Whoever sends the request's body, which has its own bound.
    Sender,
    /// The server, since then.
    Server(Instant),
}

async fn servers_turn_for(mut turn: watch::Receiver<Turn>, bound: Duration) {
    loop {
        let now = *turn.borrow_and_update();
        let due = async {
            match now {
                Turn::Sender => std::future::pending().await,
                Turn::Server(since) => tokio::time::sleep_until(since + bound).await,
            }
        };
        tokio::select! {
            () = due => return,
            // Fails once the body is gone; the server's last turn goes on.
            Ok(()) = turn.changed() => {}
        }
    }
}

/// A request's body that tells whose turn it is.
struct Sent {
    body: Body,
    turns: watch::Sender<Turn>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.turns.send_replace(if frame.is_pending() { Turn::Sender } else { Turn::Server(Instant::now()) });
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
