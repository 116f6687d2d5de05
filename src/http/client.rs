//! The outbound client: HTTP/1.1 and HTTP/2 to one server, with a pool of connections.
//!
//! In: a request with an absolute URL. Out: the response's head as soon as it is there, its body streaming. It must not
//! follow redirects, repeat what the other side may have begun, or change headers.

mod failure;
mod turn;

use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use rustls::RootCertStore;
use tokio::sync::watch;
use tokio::time::Instant;

use super::dial::Dial;
use super::pool::{Lease, Pool, PoolSettings};
use super::{Body, framing, interim, trust};
use crate::limits;
use turn::{Sent, Turn, servers_turn_for};

pub use super::anywhere::HttpClient;
pub use super::dial::{Address, DialError, Needs, Protocol};
pub use super::framing::FramingError;
pub use super::pool::Occupied;
pub use super::reach::{Names, Reach};
pub use super::trust::{Identity, TrustError, TrustSettings};
pub use failure::{SendError, Unanswered};

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
            false => Body::wrap(Sent::telling(body, turns)),
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
