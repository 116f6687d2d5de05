//! What clients may take, as written.
//!
//! In: a tree. Out: [`RawLimits`]. It must not fill in defaults.

use crate::config::read::record::record;
use crate::config::read::scalars::{ByteRate, Duration, Integer, Size};

record! {
    /// What clients may take.
    RawLimits: "a map such as `{ body: 10MiB, connections: 1000 }`" {
        /// Bytes of a request's head; 64KiB by default, past it the answer is 431.
        key "request_head" request_head: Size,
        /// Header lines of a request; 128 by default, past it the answer is 431.
        key "headers" headers: Integer,
        /// Bytes of a request's target; 8KiB by default, past it the answer is 414.
        key "uri" uri: Size,
        /// Bytes of a request's body; any by default, because bodies stream through; past it the answer is 413.
        key "body" body: Size,
        /// Connections at once; 16384 by default, past it idle ones make room.
        key "connections" connections: Integer,
        /// Connections at once of one client address (IPv6: of one /64); 4096 by default, past it the answer is 429.
        key "connections_per_client" connections_per_client: Integer,
        /// Requests on one connection; 100000 by default, then it ends.
        key "requests_per_connection" requests_per_connection: Integer,
        /// Streams at once on an HTTP/2 connection; 128 by default.
        key "streams" streams: Integer,
        /// How long a TLS handshake may take; 10s by default.
        key "handshake_wait" handshake_wait: Duration,
        /// From the first byte of a request's head to its last; 20s by default, past it the answer is 408.
        key "request_head_wait" request_head_wait: Duration,
        /// How long a connection is kept without a request; 60s by default.
        key "idle_wait" idle_wait: Duration,
        /// How fast a request's body must come; 240B/s by default, below it the answer is 408; 0B/s: any.
        key "body_rate" body_rate: ByteRate,
        /// How fast a response must be taken; 240B/s by default, 0B/s: any.
        key "response_rate" response_rate: ByteRate,
        /// Over how much time of waiting those rates are measured; 30s by default.
        key "rate_window" rate_window: Duration,
        /// How long what is in flight may take when the process stops; 30s by default.
        key "drain_wait" drain_wait: Duration,
    }
    later []
}
