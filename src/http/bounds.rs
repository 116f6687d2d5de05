//! What one client, and all of them together, may take.
//!
//! In: nothing, or what the deployment says (`limits:`). Out: one record of numbers, with the defaults of
//! [`limits`](crate::limits). It must not enforce anything.

use std::time::Duration;

use crate::limits;

/// The bounds of the connections that are accepted. Each has one name, which is also its key in `limits:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request's head; past it the answer is 431.
    pub request_head: usize,
    /// Header lines of one request; past it the answer is 431.
    pub headers: usize,
    /// Bytes of a request's target; past it the answer is 414.
    pub uri: usize,
    /// Bytes of a request's body; past it the answer is 413. `None`: bodies stream through, their size is the origin's matter.
    pub body: Option<u64>,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one client at once; past it the answer is 429. Trusted proxies are not counted.
    pub connections_per_client: usize,
    /// Requests on one connection; it ends after the last.
    pub requests_per_connection: u64,
    /// Streams at once on one HTTP/2 connection.
    pub streams: u32,
    /// For a TLS handshake.
    pub handshake_wait: Duration,
    /// From the first byte of a request's head to its last; past it the answer is 408.
    pub request_head_wait: Duration,
    /// For the next request on a connection.
    pub idle_wait: Duration,
    /// At which a request's body must come; below it the answer is 408.
    pub body_rate: MinimumRate,
    /// At which a response must be taken.
    pub response_rate: MinimumRate,
    /// For what is in flight when the process stops.
    pub drain_wait: Duration,
}

/// So many bytes a second, measured over the time spent in waiting for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinimumRate {
    /// 0: any.
    pub bytes_per_second: u64,
    /// Within each such time of waiting as many bytes must move as the rate says.
    pub window: Duration,
}

impl MinimumRate {
    /// Bytes that must move in one window.
    pub fn quota(self) -> u64 {
        self.bytes_per_second.saturating_mul(self.window.as_millis() as u64) / 1_000
    }
}

impl Default for Bounds {
    fn default() -> Self {
        let rate = MinimumRate { bytes_per_second: limits::CLIENT_RATE, window: limits::CLIENT_RATE_WINDOW };
        Self {
            request_head: limits::REQUEST_HEAD_BYTES,
            headers: limits::REQUEST_HEADERS,
            uri: limits::URI_BYTES,
            body: None,
            connections: limits::CONNECTIONS,
            connections_per_client: limits::CONNECTIONS_PER_CLIENT,
            requests_per_connection: limits::REQUESTS_PER_CONNECTION,
            streams: limits::STREAMS_PER_CONNECTION,
            handshake_wait: limits::HANDSHAKE_WAIT,
            request_head_wait: limits::REQUEST_HEAD_WAIT,
            idle_wait: limits::IDLE_WAIT,
            body_rate: rate,
            response_rate: rate,
            drain_wait: limits::DRAIN_WAIT,
        }
    }
}
