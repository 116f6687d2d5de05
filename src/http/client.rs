//! The outbound client: HTTP/1.1 and HTTP/2 to one server, with a pool of connections.
//!
//! In: a request with an absolute URL. Out: the response's head as soon as it is there, its body streaming. It must not
//! follow redirects, repeat what the other side may have begun, or change headers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use rustls::RootCertStore;
use tokio::sync::watch;
use tokio::time::Instant;

use super::dial::{Dial, find};
use super::pool::{Lease, LeaseError, Pool, PoolSettings};
use super::reach::Inward;
use super::{Body, BodyError};
use super::{framing, interim, trust};
use crate::limits;

pub use super::anywhere::HttpClient;
pub use super::dial::{Address, DialError, Needs, Protocol};
pub use super::framing::FramingError;
pub use super::pool::Occupied;
pub use super::reach::{Names, Reach};
pub use super::trust::{Identity, TrustError, TrustSettings};

/// Sends requests to one server. Clones share their connections.
#[derive(Clone)]
pub struct ServerClient {
    pool: Pool,
    timeouts: Timeouts,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    pub address: Address,
    pub protocol: Protocol,
    pub trust: TrustSettings,
    pub timeouts: Timeouts,
    pub bounds: Bounds,
}

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The name, TCP and TLS together; also how long is waited for a connection to become free.
    pub connect: Duration,
    /// From the last byte of the request to the head of the response.
    pub first_byte: Duration,
    /// Between two pieces of a response's body.
    pub between_bytes: Duration,
    /// How long a connection that nobody uses is kept.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT_WAIT,
            first_byte: limits::FIRST_BYTE_WAIT,
            between_bytes: limits::BODY_STALL_WAIT,
            idle: limits::POOL_IDLE_WAIT,
        }
    }
}

/// How much one server is asked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub connections: usize,
    /// Exchanges that may wait for a connection.
    pub pending: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: limits::ORIGIN_CONNECTIONS, pending: limits::ORIGIN_PENDING }
    }
}

/// Why there is no response, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody answers there.
    #[error("the server can't be reached")]
    Unreachable(#[source] DialError),
    /// TLS could not be agreed on, or the certificate is not trusted.
    #[error("TLS with the server failed")]
    Tls(#[source] DialError),
    /// No connection within [`Timeouts::connect`].
    #[error("connecting to the server took too long")]
    ConnectTimeout(#[source] DialError),
    /// [`Bounds`] are reached.
    #[error("the server is asked as much as it may be")]
    Full(#[source] LeaseError),
    /// Connected, but no head of a response in time.
    #[error("the server did not answer within {} ms", .0.as_millis())]
    ResponseTimeout(Duration),
    /// What came is not HTTP as it should be.
    #[error("the server broke the protocol")]
    Protocol(#[source] hyper::Error),
    /// Where the response begins or ends is not certain.
    #[error("the server's response is not framed as it must be")]
    Framing(#[source] FramingError),
    /// The connection ended before the response's head.
    #[error("the server closed the connection without answering")]
    Aborted(#[source] hyper::Error),
    /// The request's own body failed: the fault of whoever sent it.
    #[error("the request's body ended too early")]
    RequestBody(#[source] hyper::Error),
}

impl SendError {
    /// The status with which a gateway reports it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::Full(_) => "connection_limit_reached",
            Self::ResponseTimeout(_) => "http_response_timeout",
            Self::Protocol(_) | Self::Framing(_) => "http_protocol_error",
            Self::Aborted(_) => "http_response_incomplete",
            Self::RequestBody(_) => "http_request_error",
        }
    }

    /// The address that may not be reached, if that is why.
    pub fn inward(&self) -> Option<&Inward> {
        find(self)
    }

    fn of(error: hyper::Error) -> Self {
        if find::<BodyError>(&error).is_some() {
            return Self::RequestBody(error);
        }
        let closed = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
        if closed || find::<std::io::Error>(&error).is_some() { Self::Aborted(error) } else { Self::Protocol(error) }
    }
}

impl From<LeaseError> for SendError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Dial(error @ DialError::Unreachable(_)) => Self::Unreachable(error),
            LeaseError::Dial(error @ DialError::Tls(_)) => Self::Tls(error),
            LeaseError::Dial(error @ DialError::TooSlow(_)) => Self::ConnectTimeout(error),
            LeaseError::Handshake(error) => Self::Aborted(error),
            LeaseError::Full => Self::Full(error),
        }
    }
}

/// A request that got no response.
#[derive(Debug)]
pub struct Unanswered {
    pub error: SendError,
    /// The request, where nothing of it has left.
    pub unsent: Option<Box<Request<Body>>>,
}

impl Unanswered {
    fn sent(error: SendError) -> Self {
        Self { error, unsent: None }
    }
}

impl ServerClient {
    /// A client without connections, which trusts `roots` and what the settings add to them.
    ///
    /// # Errors
    /// [`TrustError`] if files are of no use.
    pub fn new(settings: &ClientSettings, roots: impl FnOnce() -> RootCertStore) -> Result<Self, TrustError> {
        Self::reaching(settings, roots, Reach::Anywhere, Names::platform())
    }

    /// The same, which connects only to whom it may reach, as `names` tells addresses.
    ///
    /// # Errors
    /// [`TrustError`] if files are of no use.
    pub fn reaching(
        settings: &ClientSettings,
        roots: impl FnOnce() -> RootCertStore,
        reach: Reach,
        names: Names,
    ) -> Result<Self, TrustError> {
        let ClientSettings { address, protocol, trust, timeouts, bounds } = settings;
        let is_https = matches!(address, Address::Tcp(url) if url.scheme_str() == Some("https"));
        let tls = is_https.then(|| trust::config(roots(), trust)).transpose()?;
        let tls = tls.map(|config| (config, trust.server_name.as_deref()));
        let dial = Dial::new(address.clone(), tls, *protocol, timeouts.connect)?.reaching(reach, names);
        let pool = PoolSettings {
            connections: bounds.connections,
            pending: bounds.pending,
            wait: timeouts.connect,
            idle: timeouts.idle,
            age: limits::ORIGIN_CONNECTION_AGE,
        };
        Ok(Self { pool: Pool::new(dial, pool), timeouts: *timeouts })
    }

    /// Sends `request`, whose URL is absolute, and waits for the response's head during what [`Timeouts`] give the server.
    /// A body that stalls later fails. `Host` follows from the URL if it is missing. A response that switches protocols
    /// holds [`Occupied`] in its extensions.
    ///
    /// # Errors
    /// [`Unanswered`]. Only a kept connection that closed before anything was sent is replaced without a word.
    pub async fn send(&self, request: Request<Body>, needs: Needs) -> Result<Response<Body>, Unanswered> {
        let (turns, turn) = watch::channel(Turn::Sender);
        let told = turns.clone();
        let mut request = request.map(|body| match body.is_end_stream() {
            true => body,
            false => Body::wrap(Sent { body, turns }),
        });
        let flooded = interim::too_many(&mut request);
        let exchange = async {
            loop {
                let mut lease = match self.pool.lease(needs).await {
                    Ok(lease) => lease,
                    Err(error) => {
                        return Err(Unanswered { error: error.into(), unsent: Some(Box::new(request)) });
                    }
                };
                told.send_replace(Turn::Server(Instant::now()));
                match lease.sender.send(request).await {
                    Ok(response) => return self.answered(response, lease).map_err(Unanswered::sent),
                    Err(mut failed) => match failed.take_message() {
                        Some(unsent) if lease.is_reused => request = unsent,
                        unsent => {
                            let error = SendError::of(failed.into_error());
                            return Err(Unanswered { error, unsent: unsent.map(Box::new) });
                        }
                    },
                }
            }
        };
        tokio::select! {
            // A flood may come together with the answer behind it.
            biased;
            () = flooded => Err(Unanswered::sent(SendError::Framing(FramingError::Interim))),
            answered = exchange => answered,
            () = servers_turn_for(turn, self.timeouts.first_byte) => {
                Err(Unanswered::sent(SendError::ResponseTimeout(self.timeouts.first_byte)))
            }
        }
    }

    /// A response whose framing is in doubt has its connection closed with the lease: what else comes on it may belong to
    /// what was refused.
    fn answered(&self, response: Response<Incoming>, lease: Lease) -> Result<Response<Body>, SendError> {
        framing::check(&response).map_err(SendError::Framing)?;
        let mut response = response.map(|body| Body::from(body).stalling_at_most(self.timeouts.between_bytes));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            response.extensions_mut().insert(std::sync::Arc::new(lease.left_http()));
            return Ok(response);
        }
        let shared = lease.answered();
        Ok(response.map(|body| body.holding(shared)))
    }
}

/// A body that is longer or slower than it may be has a status of its own.
fn request_body_status(error: &hyper::Error) -> StatusCode {
    match find::<BodyError>(error) {
        Some(BodyError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Some(BodyError::TooSlow | BodyError::Stalled(_)) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn is_refused(error: &DialError) -> bool {
    find::<std::io::Error>(error).is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
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
