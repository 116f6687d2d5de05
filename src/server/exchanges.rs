//! The exchanges on one connection, and its end.
//!
//! In: a stream that is ready for HTTP. Out: the service called for each request on it; the stream closed when it is idle, when
//! the shutdown drains and its exchanges have ended, or when the shutdown cuts. It must not know the service.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::sync::Notify;

use super::admission;
use super::counted::Counted;
use super::crowd::{Leave, Place};
use super::guard::guard;
use super::http2;
use super::line::{Line, Turn};
use super::pace::Paced;
use super::parting::{Parting, Stream};
use super::protocol::{Failure, Protocol};
use super::terms::Terms;
use crate::http::Body;
use crate::http::bounds::Bounds;
use crate::http::peer::Peer;
use crate::limits;
use crate::shutdown::Shutdown;

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
        let answer = |mut request: Request<Incoming>| {
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
        };
        let service = service_fn(answer);
        let mut line = Line::new(http2::Watched::new(stream, terms), protocol, &service);
        let (mut stage, mut rest) = (Stage::Open, limits::REST_WAIT);
        loop {
            stage = tokio::select! {
                turn = line.run() => match turn? {
                    Turn::Ended => return Ok(()),
                    Turn::Woken => {
                        activity.touch();
                        rest = limits::REST_WAIT;
                        stage
                    }
                },
                () = shutdown.cut() => return Ok(()),
                () = shutdown.draining(), if stage == Stage::Open => Stage::Last,
                () = tokio::time::sleep(limits::LAST_REQUEST_WAIT), if stage == Stage::Last => Stage::Closing,
                () = full.notified(), if stage == Stage::Open => Stage::Closing,
                () = leave.asked(), if stage == Stage::Open => Stage::MakingRoom,
                () = activity.idle_for(stage.patience(rest, &terms.bounds)) => match stage {
                    Stage::Open if rest < terms.bounds.idle_wait => {
                        let rests = watch.spoken().is_some_and(|spoken| line.rest(spoken));
                        // Where it can't yet, it is asked again later and later.
                        rest = if rests { Duration::MAX } else { rest.saturating_mul(2) };
                        stage
                    }
                    Stage::Open | Stage::Last => Stage::Closing,
                    Stage::Closing | Stage::MakingRoom => return Ok(()),
                },
            };
            if matches!(stage, Stage::Closing | Stage::MakingRoom) {
                line.close();
                // Its patience begins now.
                activity.touch();
            }
        }
    }
}

impl Stage {
    /// How long a connection may be idle before something is done about it; one that is open rests before it is closed.
    fn patience(self, rest: Duration, bounds: &Bounds) -> Duration {
        match self {
            Stage::Open => bounds.idle_wait.min(rest),
            Stage::Last => bounds.idle_wait,
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
