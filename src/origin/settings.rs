//! What is to be known of one origin.
//!
//! In: what `config` read. Out: plain data with its defaults. It must not hold anything that runs.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use http::uri::{Authority, Uri};

use crate::http::client::{Address, Bounds, Protocol, Timeouts, TrustSettings};
use crate::limits;

/// One origin: a site behind, on one or more servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginSettings {
    pub name: Arc<str>,
    /// At least one.
    pub servers: Vec<ServerUrl>,
    pub host: HostPolicy,
    /// Whether what it says of itself is rewritten for the client: `Location`, `Refresh`, cookie domains.
    pub rewrite_location: bool,
    pub protocol: Protocol,
    pub trust: TrustSettings,
    pub timeouts: Timeouts,
    /// Of each server.
    pub bounds: Bounds,
    pub balance: Balance,
    /// `None`: servers are judged by the requests that they answer only.
    pub health: Option<HealthCheck>,
    pub ejection: Ejection,
    /// During which the share of a server that came back grows to that of the others.
    pub slow_start: Duration,
    pub retry: Retry,
}

impl OriginSettings {
    /// An origin of which nothing is said but where it is.
    pub fn at(name: Arc<str>, servers: Vec<ServerUrl>) -> Self {
        Self {
            name,
            servers,
            host: HostPolicy::default(),
            rewrite_location: true,
            protocol: Protocol::default(),
            trust: TrustSettings::default(),
            timeouts: Timeouts::default(),
            bounds: Bounds::default(),
            balance: Balance::default(),
            health: None,
            ejection: Ejection::default(),
            slow_start: limits::ORIGIN_SLOW_START,
            retry: Retry::default(),
        }
    }
}

/// Where one server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerUrl {
    /// Absolute, http or https; its path is a prefix.
    Http(Uri),
    /// A Unix socket, and a prefix of the path.
    Unix { socket: PathBuf, prefix: String },
}

impl ServerUrl {
    /// The URL that paths are joined to; behind a socket the host is `localhost`. `None` if it can't be asked.
    pub fn base(&self) -> Option<Uri> {
        match self {
            Self::Http(url) => {
                let usable = url.host().is_some() && matches!(url.scheme_str(), Some("http" | "https"));
                usable.then(|| url.clone())
            }
            Self::Unix { prefix, .. } => format!("http://localhost{prefix}").parse().ok(),
        }
    }

    /// Where connections go.
    pub fn address(&self) -> Address {
        match self {
            Self::Http(url) => Address::Tcp(url.clone()),
            Self::Unix { socket, .. } => Address::Unix(socket.clone()),
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(url.authority().map_or("", Authority::as_str)),
            Self::Unix { socket, .. } => write!(f, "unix:{}", socket.display()),
        }
    }
}

/// The `Host` that the origin sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy {
    /// That of its own URL.
    #[default]
    Origin,
    /// That which the client asked for.
    Preserve,
    Name(Authority),
}

/// Which of several servers is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// The one with the fewest exchanges in flight.
    LeastConnections,
    /// The same one for the same value; when servers come or go, only the values of those move.
    Hash(HashKey),
}

/// The value that a server is chosen by. A request that has none is given to servers in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    Cookie(String),
    Header(HeaderName),
    /// The true client's address.
    Ip,
    /// The request's path, without the query.
    Path,
}

/// Questions that are put to each server regularly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Asked as it is, below no prefix.
    pub path: String,
    pub interval: Duration,
    /// For the whole answer's head.
    pub timeout: Duration,
    /// Good answers in a row after which a server is up.
    pub healthy: u32,
    /// Bad answers in a row after which it is down.
    pub unhealthy: u32,
    /// Good statuses.
    pub status: Vec<RangeInclusive<u16>>,
}

/// When a server that fails is left alone for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row: no answer, or 502, 503, 504. 0: never.
    pub failures: u32,
    /// How long at first; each time twice as long as before.
    pub base: Duration,
    /// How long at most.
    pub max: Duration,
}

impl Default for Ejection {
    fn default() -> Self {
        Self { failures: limits::ORIGIN_FAILURES, base: limits::ORIGIN_EJECTION, max: limits::ORIGIN_EJECTION_MAX }
    }
}

/// When a request is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Times that one request is tried, the first included.
    pub attempts: usize,
    pub on: Vec<Cause>,
}

impl Default for Retry {
    fn default() -> Self {
        let statuses = [502, 503, 504].map(Cause::Status);
        let on = [Cause::Connect, Cause::Reset].into_iter().chain(statuses).collect();
        Self { attempts: limits::ORIGIN_ATTEMPTS, on }
    }
}

/// What keeps a request from being answered well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There was no connection: nothing of the request has left.
    Connect,
    /// The connection ended without an answer.
    Reset,
    /// No answer in time.
    Timeout,
    /// The server says so itself.
    Status(u16),
}
