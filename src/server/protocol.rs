//! HTTP/1.1 and HTTP/2 as the library serves them, with their bounds.
//!
//! In: the terms of the server, streams. Out: the library at work on them. It must not know when to begin or to end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;

use super::counted::Counted;
use super::http2;
use super::terms::Terms;
use crate::limits;

/// Any of the library's errors: they are only traced.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes that the library may hold beyond a head, so that one which is just small enough is not too large for it.
const READ_AHEAD_BYTES: usize = 8 * 1024;

/// HTTP/1.1 and HTTP/2 with their bounds.
pub struct Protocol {
    /// Which of both it is shows in a connection's first bytes.
    either: auto::Builder<http2::Streams>,
    http1: http1::Builder,
}

/// What answers requests, as the library asks for it.
pub trait Serves:
    Copy
    + Service<Request<Incoming>, Response = Response<http2::Pieces<Counted>>, Error = h2::Error, Future: Send + 'static>
{
}

impl<S> Serves for S where
    S: Copy
        + Service<
            Request<Incoming>,
            Response = Response<http2::Pieces<Counted>>,
            Error = h2::Error,
            Future: Send + 'static,
        >
{
}

/// The library at work on one stream. Boxed, because it is large and not always there.
pub enum Conversation<'a, I, S: Serves> {
    Either(Pin<Box<auto::UpgradeableConnection<'a, I, S, http2::Streams>>>),
    Http1(Pin<Box<http1::UpgradeableConnection<I, S>>>),
}

impl Protocol {
    /// Heads of HTTP/1.1, and the waits for them, are bounded by `guard`, so that the client is told.
    pub fn new(terms: &Arc<Terms>) -> Self {
        let bounds = &terms.bounds;
        let buffer = bounds.request_head.saturating_add(READ_AHEAD_BYTES);
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(buffer).max_headers(bounds.headers);
        let mut either = auto::Builder::new(http2::Streams::new(terms));
        either
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(buffer)
            .max_headers(bounds.headers);
        either
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
        Self { either, http1 }
    }

    /// Begins a connection.
    pub fn begin<I, S>(&self, stream: I, service: S) -> Conversation<'_, I, S>
    where
        I: Read + Write + Unpin + Send + 'static,
        S: Serves,
    {
        Conversation::Either(Box::pin(self.either.serve_connection_with_upgrades(stream, service)))
    }

    /// Goes on with a connection that has shown itself as one of HTTP/1.1.
    pub fn go_on<I, S>(&self, stream: I, service: S) -> Conversation<'_, I, S>
    where
        I: Read + Write + Unpin + Send + 'static,
        S: Serves,
    {
        Conversation::Http1(Box::pin(self.http1.serve_connection(stream, service).with_upgrades()))
    }
}

impl<I, S> Conversation<'_, I, S>
where
    I: Read + Write + Unpin + Send + 'static,
    S: Serves,
{
    /// Ready when the connection has ended.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self {
            Self::Either(connection) => connection.as_mut().poll(cx),
            Self::Http1(connection) => connection.as_mut().poll(cx).map_err(Into::into),
        }
    }

    /// Takes no more requests; those that have begun go on.
    pub fn close(&mut self) {
        match self {
            Self::Either(connection) => connection.as_mut().graceful_shutdown(),
            Self::Http1(connection) => connection.as_mut().graceful_shutdown(),
        }
    }
}
