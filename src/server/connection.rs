//! One accepted connection, from the handshake to its end.
//!
//! In: a socket. Out: the service called for each request on it; the connection closed when it is idle, when the
//! shutdown drains and its exchanges have ended, or when the shutdown cuts. It must not know the service.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::admission;
use super::crowd::{Leave, Place};
use super::guard::guard;
use super::http2;
use super::pace::Paced;
use super::parting::{Parting, Stream};
use super::proxied;
use super::refusal::Refusal;
use super::terms::Terms;
use super::tls::{self, Tls};
use crate::http::activity::InUse;
use crate::http::bounds::Bounds;
use crate::http::peer::{Peer, Security};
use crate::http::proxy_protocol::ProxyProtocol;
use crate::http::{Body, BodyError};
use crate::limits;
use crate::shutdown::Shutdown;

/// Bytes that the library may hold beyond a head, so that one which is just small enough is not too large for it.
const READ_AHEAD_BYTES: usize = 8 * 1024;

/// HTTP/1.1 and HTTP/2 with their bounds; which one it is shows in a connection's first bytes.
pub struct Protocol(auto::Builder<http2::Streams>);

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

/// A connection as it was accepted.
pub struct Connection {
    pub stream: TcpStream,
    /// Of the other end; whose connection it is may have to be told.
    pub address: SocketAddr,
    pub proxy_protocol: ProxyProtocol,
    pub tls: Option<Tls>,
    /// Kept until it ends.
    pub place: Place,
    /// When it is to make room.
    pub leave: Leave,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Each response is the last one; a request may be on its way.
    Last,
    /// The client has been told; exchanges in progress go on.
    Closing,
    /// The same, and others wait for the room.
    MakingRoom,
}

impl Connection {
    /// Serves it to its end. Errors are the client's and only traced.
    pub async fn serve<S, F>(self, protocol: Arc<Protocol>, terms: Arc<Terms>, service: S, shutdown: Shutdown)
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let held = shutdown.hold();
        let address = self.address;
        if let Err(error) = self.secured(&protocol, &terms, service, &shutdown).await {
            if let Some(refusal) = refused_by_library(&error) {
                terms.count_refusal(refusal);
            }
            tracing::debug!(client = %address, error = &*error as &dyn std::error::Error, "a connection failed");
        }
        drop(held);
    }

    async fn secured<S, F>(
        self,
        protocol: &Protocol,
        terms: &Arc<Terms>,
        service: S,
        shutdown: &Shutdown,
    ) -> Result<(), Failure>
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { mut stream, address, proxy_protocol, tls, mut place, leave } = self;
        // Small writes (events, fragments) must not wait for the client's acknowledgement of the ones before.
        stream.set_nodelay(true)?;
        let address = match proxy_protocol {
            ProxyProtocol::Off => address,
            ProxyProtocol::Required => {
                let told = proxied::client(&mut stream, address, terms).await;
                told.inspect_err(|error| terms.count_unproxied(error))?
            }
        };
        let security = if tls.is_some() { Security::Tls } else { Security::Plain };
        let peer = Peer { address, local: stream.local_addr()?, security };
        if terms.is_client(address.ip())
            && let Err(refusal) = place.count(address.ip())
        {
            terms.count_refusal(refusal);
            if tls.is_none() {
                Parting::new(stream, place).refuse(refusal);
            }
            return Ok(());
        }
        match tls {
            None => Exchanges { stream, place, leave, peer }.serve(protocol, terms, service, shutdown).await,
            Some(tls) => {
                let handshake = tokio::time::timeout(terms.bounds.handshake_wait, tls.accept(stream));
                let accepted = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                let Some(stream) = accepted else { return Ok(()) };
                let shown = tls::client_certificate(&stream);
                let service = move |mut request: Request<Body>| {
                    if let Some(shown) = &shown {
                        request.extensions_mut().insert(shown.clone());
                    }
                    service(request)
                };
                Exchanges { stream, place, leave, peer }.serve(protocol, terms, service, shutdown).await
            }
        }
    }
}

/// Any of the library's errors: they are only traced.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Why the library refused a request by itself, and told the client so, if that is how a connection ended.
fn refused_by_library(failure: &Failure) -> Option<Refusal> {
    match failure.downcast_ref::<hyper::Error>()? {
        error if error.is_parse_too_large() => Some(Refusal::HeadTooLarge),
        error if error.is_parse() => Some(Refusal::Malformed),
        _ => None,
    }
}

/// A connection that is ready for HTTP.
pub struct Exchanges<I> {
    pub stream: I,
    pub place: Place,
    pub leave: Leave,
    pub peer: Peer,
}

impl<I: Stream> Exchanges<I> {
    /// Serves them to their end.
    ///
    /// # Errors
    /// What the HTTP library could not go on after.
    pub async fn serve<S, F>(
        self,
        protocol: &Protocol,
        terms: &Arc<Terms>,
        service: S,
        shutdown: &Shutdown,
    ) -> Result<(), Failure>
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { stream, place, mut leave, peer } = self;
        let activity = place.activity().clone();
        let stream = Parting::new(Paced::new(stream, terms), place);
        let (stream, watch) = guard(stream, terms, &activity);
        let (in_use, full, most) = (activity.clone(), Notify::new(), terms.bounds.requests_per_connection);
        let service = service_fn(|mut request: Request<Incoming>| {
            let in_use = Arc::new(in_use.enter());
            if request.method() == Method::CONNECT {
                // A tunnel outlives its response.
                request.extensions_mut().insert(Arc::clone(&in_use));
            }
            let (version, ending) = (request.version(), shutdown.clone());
            let response = http2::check(&request).map(|()| admission::serve(request, peer, &watch, terms, &service));
            if watch.requests() >= most {
                full.notify_one();
            }
            async move {
                // An error ends the stream with its code.
                let mut response =
                    response?.await.map(|body| http2::Pieces::new(Counted { body, failing: None, _in_use: in_use }));
                if ending.is_draining() {
                    tell_the_end(&mut response, version);
                }
                Ok::<_, h2::Error>(response)
            }
        });
        let mut connection =
            pin!(protocol.0.serve_connection_with_upgrades(TokioIo::new(http2::Watched::new(stream, terms)), service));
        let mut stage = Stage::Open;
        loop {
            stage = tokio::select! {
                ended = connection.as_mut() => return ended,
                () = shutdown.cut() => return Ok(()),
                () = shutdown.draining(), if stage == Stage::Open => Stage::Last,
                () = tokio::time::sleep(limits::LAST_REQUEST_WAIT), if stage == Stage::Last => Stage::Closing,
                () = full.notified(), if stage == Stage::Open => Stage::Closing,
                () = leave.asked(), if stage == Stage::Open => Stage::MakingRoom,
                () = activity.idle_for(stage.patience(&terms.bounds)) => match stage {
                    Stage::Open | Stage::Last => Stage::Closing,
                    Stage::Closing | Stage::MakingRoom => return Ok(()),
                },
            };
            if matches!(stage, Stage::Closing | Stage::MakingRoom) {
                connection.as_mut().graceful_shutdown();
                // Its patience begins now.
                activity.touch();
            }
        }
    }
}

impl Stage {
    /// How long a connection may be idle.
    fn patience(self, bounds: &Bounds) -> Duration {
        match self {
            Stage::Open | Stage::Last => bounds.idle_wait,
            Stage::Closing => limits::CLOSE_WAIT,
            Stage::MakingRoom => limits::EVICTION_WAIT,
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

/// A response's body, during which its connection is in use. An error in it comes late, so that what came before it is
/// not lost with the connection.
struct Counted {
    body: Body,
    failing: Option<Failing>,
    _in_use: Arc<InUse>,
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
