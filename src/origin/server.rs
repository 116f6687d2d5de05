//! One of an origin's servers: its connections, how it is, and what it was asked.
//!
//! In: requests for it. Out: its answers, noted: their heads here, how their bodies end by [`Observed`]. It must not decide
//! whether it is asked.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Request, Response, StatusCode, Uri};
use rustls::RootCertStore;
use tokio::time::Instant;

use super::balance::{self, Candidate};
use super::failure::OriginsError;
use super::health::{Answer, Change, Fitness, Health};
use super::observed::{End, Observed};
use super::retry::is_gateway_failure;
use super::settings::{HealthCheck, OriginSettings, ServerUrl};
use crate::http::Body;
use crate::http::client::{ClientSettings, Needs, SendError, ServerClient, Unanswered};
use crate::telemetry::ServerFigures;

/// One server.
pub struct Server {
    /// As it stands in logs and metrics: its host and port, or its socket.
    pub name: Arc<str>,
    /// What paths are joined to.
    pub base: Uri,
    origin: Arc<str>,
    client: ServerClient,
    settings: OriginSettings,
    seed: u64,
    health: Mutex<Health>,
    in_flight: AtomicUsize,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    failures: AtomicU64,
    retries: AtomicU64,
    ejections: AtomicU64,
}

/// An exchange with a server, until this is dropped.
pub struct InFlight(Arc<Server>);

impl InFlight {
    fn end(self, end: End) {
        self.0.note(match end {
            End::Good => Outcome::Succeeded,
            End::Broken => Outcome::Failed,
        });
    }
}

/// What an exchange says of the server, so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A head came, and no gateway's failure; its body is still to come.
    Answered,
    /// The whole answer came.
    Succeeded,
    /// No answer, a gateway's failure, or an answer that broke off.
    Failed,
    /// Nothing: the fault, if there is one, is ours or the client's.
    Unknown,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    /// A server without connections, of which nothing is known. `roots`: whom the platform trusts.
    ///
    /// # Errors
    /// [`OriginsError`]: its URL, or the files for TLS.
    pub fn new(
        url: &ServerUrl,
        settings: &OriginSettings,
        roots: impl FnOnce() -> RootCertStore,
    ) -> Result<Self, OriginsError> {
        let origin = &settings.name;
        let no_url = || OriginsError::Url { name: origin.clone(), url: url.to_string() };
        let client = ServerClient::new(&reaching(url, settings), roots)
            .map_err(|source| OriginsError::Trust { name: origin.clone(), source: Box::new(source) })?;
        let name: Arc<str> = url.to_string().into();
        Ok(Self {
            base: url.base().ok_or_else(no_url)?,
            origin: origin.clone(),
            client,
            settings: settings.clone(),
            seed: balance::hash(name.as_bytes()),
            health: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            counts: Counts::default(),
            name,
        })
    }

    /// How it looks to whoever chooses.
    pub fn candidate(&self) -> Candidate {
        let now = Instant::now().into_std();
        let fitness = self.health().fitness(now, self.settings.slow_start);
        Candidate { seed: self.seed, in_flight: self.in_flight.load(Ordering::Relaxed), fitness }
    }

    /// Asks it. What comes of it is noted; the exchange counts as in flight until the body has been read or dropped.
    ///
    /// # Errors
    /// As [`ServerClient::send`].
    pub async fn ask(self: &Arc<Self>, request: Request<Body>, needs: Needs) -> Result<Response<Body>, Unanswered> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        self.health().asked(Instant::now().into_std(), &self.settings.ejection);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight(Arc::clone(self));
        let answered = self.client.send(request, needs).await;
        let outcome = match &answered {
            Ok(response) if is_gateway_failure(response.status()) => Outcome::Failed,
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => Outcome::Succeeded,
            Ok(_) => Outcome::Answered,
            Err(unanswered) if is_its_fault(&unanswered.error) => Outcome::Failed,
            Err(_) => Outcome::Unknown,
        };
        self.note(outcome);
        let mut response = answered?;
        match outcome {
            Outcome::Succeeded => {
                response.extensions_mut().insert(Arc::new(in_flight));
                Ok(response)
            }
            Outcome::Answered => Ok(response.map(|body| Observed::begin(body, move |end| in_flight.end(end)))),
            // Another failure of the same exchange is none of its own.
            Outcome::Failed | Outcome::Unknown => Ok(response.map(|body| body.holding(in_flight))),
        }
    }

    /// A request goes to it because another server failed, or it did itself.
    pub fn count_retry(&self) {
        self.counts.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A health check came to this.
    pub fn probed(&self, answer: Answer, check: &HealthCheck) {
        let change = self.health().probed(answer, Instant::now().into_std(), check);
        self.tell(change);
    }

    /// An exchange came to this.
    fn note(&self, outcome: Outcome) {
        if outcome == Outcome::Failed {
            self.counts.failures.fetch_add(1, Ordering::Relaxed);
        }
        let (now, ejection) = (Instant::now().into_std(), &self.settings.ejection);
        let change = match outcome {
            Outcome::Answered => self.health().answered(now, ejection),
            Outcome::Succeeded => self.health().succeeded(now, ejection),
            Outcome::Failed => self.health().failed(now, ejection),
            Outcome::Unknown => None,
        };
        self.tell(change);
    }

    fn tell(&self, change: Option<Change>) {
        let (origin, server) = (&*self.origin, &*self.name);
        match change {
            None => {}
            Some(Change::WentDown) => tracing::warn!(origin, server, "down: its health checks fail"),
            Some(Change::CameUp) => tracing::info!(origin, server, "up: its health checks are good"),
            Some(Change::Ejected { length }) => {
                self.counts.ejections.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(origin, server, seconds = length.as_secs(), "ejected: requests to it failed");
            }
            Some(Change::Returned) => tracing::info!(origin, server, "back: it answers requests again"),
        }
    }

    /// What it was asked, and how it is.
    pub fn figures(&self) -> ServerFigures {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let fitness = self.candidate().fitness;
        ServerFigures {
            origin: self.origin.to_string(),
            server: self.name.to_string(),
            up: matches!(fitness, Fitness::Fit { .. }),
            in_flight: self.in_flight.load(Ordering::Relaxed) as u64,
            requests: count(&self.counts.requests),
            failures: count(&self.counts.failures),
            retries: count(&self.counts.retries),
            ejections: count(&self.counts.ejections),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a client reaches the server at `url`.
pub fn reaching(url: &ServerUrl, settings: &OriginSettings) -> ClientSettings {
    ClientSettings {
        address: url.address(),
        protocol: settings.protocol,
        trust: settings.trust.clone(),
        timeouts: settings.timeouts,
        bounds: settings.bounds,
    }
}

/// Whether a failure says something about the server, and not about how much we ask it or who asks.
fn is_its_fault(error: &SendError) -> bool {
    !matches!(error, SendError::Full(_) | SendError::RequestBody(_))
}
