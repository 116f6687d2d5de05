//! One accepted connection, from the handshake to its end.
//!
//! In: a socket. Out: the service called for each request on it; the connection closed when it is idle, when the
//! shutdown drains and its exchanges have ended, or when the shutdown cuts. It must not know the service.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::admission;
use super::guard::guard;
use super::tls::{self, Tls};
use crate::http::activity::{Activity, InUse};
use crate::http::peer::{Peer, Security};
use crate::http::{Body, BodyError};
use crate::limits;
use crate::shutdown::Shutdown;

/// HTTP/1.1 and HTTP/2 with their bounds; which one it is shows in a connection's first bytes.
pub struct Protocol(auto::Builder<TokioExecutor>);

impl Protocol {
    pub fn new() -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::REQUEST_HEAD_WAIT)
            .max_buf_size(limits::REQUEST_HEAD_BYTES)
            .max_headers(limits::REQUEST_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits::REQUEST_HEAD_BYTES).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits::STREAMS_PER_CONNECTION)
            .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(limits::STREAM_SEND_BYTES)
            .max_pending_accept_reset_streams(limits::RESETS_PENDING);
        Self(builder)
    }
}

/// A connection as it was accepted.
pub struct Connection {
    pub stream: TcpStream,
    pub address: SocketAddr,
    pub tls: Option<Tls>,
    /// Counts it among [`CONNECTIONS`](limits::CONNECTIONS) until it ends.
    pub permit: OwnedSemaphorePermit,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Each response is the last one; a request may be on its way.
    Last,
    /// The client has been told; exchanges in progress go on.
    Closing,
}

impl Connection {
    /// Serves it to its end. Errors are the client's and only traced.
    pub async fn serve<S, F>(self, protocol: Arc<Protocol>, service: S, shutdown: Shutdown)
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let held = shutdown.hold();
        let address = self.address;
        if let Err(error) = self.secured(&protocol, service, &shutdown).await {
            tracing::debug!(client = %address, error = &*error as &dyn std::error::Error, "a connection failed");
        }
        drop(held);
    }

    async fn secured<S, F>(self, protocol: &Protocol, service: S, shutdown: &Shutdown) -> Result<(), Failure>
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { stream, address, tls, permit: _permit } = self;
        // Small writes (events, fragments) must not wait for the client's acknowledgement of the ones before.
        stream.set_nodelay(true)?;
        let security = if tls.is_some() { Security::Tls } else { Security::Plain };
        let peer = Peer { address, local: stream.local_addr()?, security };
        match tls {
            None => exchanges(stream, peer, protocol, service, shutdown).await?,
            Some(tls) => {
                let handshake = tokio::time::timeout(limits::HANDSHAKE_WAIT, tls.accept(stream));
                let stream = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                let shown = tls::client_certificate(&stream);
                let service = move |mut request: Request<Body>| {
                    if let Some(shown) = &shown {
                        request.extensions_mut().insert(shown.clone());
                    }
                    service(request)
                };
                exchanges(stream, peer, protocol, service, shutdown).await?;
            }
        }
        Ok(())
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves the exchanges on a connection that is ready for HTTP.
async fn exchanges<I, S, F>(
    stream: I,
    peer: Peer,
    protocol: &Protocol,
    service: S,
    shutdown: &Shutdown,
) -> Result<(), Failure>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<Body>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let activity = Activity::begin();
    let in_use = activity.clone();
    let (stream, watch) = guard(stream);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_use = in_use.enter();
        let (version, ending) = (request.version(), shutdown.clone());
        let response = admission::serve(request, peer, &watch, &service);
        async move {
            let mut response = response.await.map(|body| Counted { body, failing: None, _in_use: in_use });
            if ending.is_draining() {
                tell_the_end(&mut response, version);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(protocol.0.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut stage = Stage::Open;
    loop {
        stage = tokio::select! {
            ended = connection.as_mut() => return ended,
            () = shutdown.cut() => return Ok(()),
            () = shutdown.draining(), if stage == Stage::Open => Stage::Last,
            () = tokio::time::sleep(limits::LAST_REQUEST_WAIT), if stage == Stage::Last => Stage::Closing,
            () = activity.idle_for(patience(stage)) => match stage {
                Stage::Open | Stage::Last => Stage::Closing,
                Stage::Closing => return Ok(()),
            },
        };
        if stage == Stage::Closing {
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// Says that a response is the last on its connection (RFC 9112 section 9.6). In HTTP/2 GOAWAY says it, and after a switch of
/// protocols there is nothing to say it to.
fn tell_the_end<B>(response: &mut Response<B>, version: Version) {
    if version < Version::HTTP_2 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// How long a connection may be idle.
fn patience(stage: Stage) -> std::time::Duration {
    match stage {
        Stage::Open | Stage::Last => limits::REQUEST_HEAD_WAIT,
        Stage::Closing => limits::CLOSE_WAIT,
    }
}

/// A response's body, during which its connection is in use. An error in it comes late, so that what came before it is
/// not lost with the connection.
struct Counted {
    body: Body,
    failing: Option<Failing>,
    _in_use: InUse,
}

/// An error that is held back.
struct Failing {
    /// Taken when it is told.
    error: Option<BodyError>,
    due: Pin<Box<Sleep>>,
}

impl Failing {
    fn begin(error: BodyError) -> Self {
        Self { error: Some(error), due: Box::pin(tokio::time::sleep(limits::BROKEN_BODY_WAIT)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<BodyError>> {
        ready!(self.due.as_mut().poll(cx));
        Poll::Ready(self.error.take())
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.failing.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Err(error)) => self.failing = Some(Failing::begin(error)),
                frame => return Poll::Ready(frame),
            }
        }
        match &mut self.failing {
            Some(failing) => failing.poll(cx).map(|error| error.map(Err)),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failing.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
