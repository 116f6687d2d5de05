//! HTTP/1.1 and HTTP/2 as the library serves them, with their bounds.
//!
//! In: the terms of the server. Out: the library's settings. It must not know connections.

use std::sync::Arc;

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;

use super::http2;
use super::terms::Terms;
use crate::limits;

/// Bytes that the library may hold beyond a head, so that one which is just small enough is not too large for it.
const READ_AHEAD_BYTES: usize = 8 * 1024;

/// HTTP/1.1 and HTTP/2 with their bounds; which one it is shows in a connection's first bytes.
pub struct Protocol(pub(super) auto::Builder<http2::Streams>);

impl Protocol {
    /// Heads of HTTP/1.1, and the waits for them, are bounded by `guard`, so that the client is told.
    pub fn new(terms: &Arc<Terms>) -> Self {
        let bounds = &terms.bounds;
        let mut builder = auto::Builder::new(http2::Streams::new(terms));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(bounds.request_head.saturating_add(READ_AHEAD_BYTES))
            .max_headers(bounds.headers);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(bounds.request_head).unwrap_or(u32::MAX))
            .max_concurrent_streams(bounds.streams)
            .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(limits::STREAM_SEND_BYTES)
            .enable_connect_protocol()
            .max_pending_accept_reset_streams(limits::RESETS_PENDING)
            .max_local_error_reset_streams(limits::STREAM_ERRORS);
        Self(builder)
    }
}
