//! The exchanges on one connection, and its end.
//!
//! In: a stream that is ready for HTTP. Out: the service called for each request on it; the stream closed when it is idle, when
//! the shutdown drains and its exchanges have ended, or when the shutdown cuts. It must not know the service.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use super::admission;
use super::counted::Counted;
use super::crowd::{Leave, Place};
use super::guard::guard;
use super::http2;
use super::pace::Paced;
use super::parting::{Parting, Stream};
use super::protocol::Protocol;
use super::terms::Terms;
use crate::http::Body;
use crate::http::bounds::Bounds;
use crate::http::peer::Peer;
use crate::limits;
use crate::shutdown::Shutdown;

/// Any of the library's errors: they are only traced.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

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
                let mut response = response?.await.map(|body| http2::Pieces::new(Counted::new(body, in_use)));
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
