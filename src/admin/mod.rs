//! The second port: health, metrics, and the API for those who run it.
//!
//! In: requests on the admin port. Out: answers of ours. It must not be reachable by visitors, nor change what it was not handed.

mod access;
mod audiences;
mod bulk;
mod explaining;
mod exporting;
mod items;
mod previewing;
mod profiles;
mod purging;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use crate::content::Tallied;
use crate::exchange::{Exchange, Switch};
use crate::http::problem::problem;
use crate::http::{Body, BodyError};
use crate::limits::{ADMIN_BODY_BYTES, ADMIN_BODY_WAIT};
use crate::origin::cache::Severity;
use crate::telemetry::FragmentFigures;
use access::{Access, Refusal};
use audiences::Counted;
use bulk::Lined;
use purging::Order;

/// What the last reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReloadState {
    /// What lies in the folder is what runs.
    #[default]
    Current,
    /// It was refused; the revision from before still runs.
    Refused {
        /// The problems as `inlay check` prints them.
        problems: String,
    },
}

/// The admin port's answers.
#[derive(Debug)]
pub struct Admin {
    exchange: Arc<Exchange>,
    access: Access,
    reload: ArcSwap<ReloadState>,
    draining: AtomicBool,
    /// Who is on lists, as it was counted last.
    members: Counted,
}

impl Admin {
    /// Answers about `exchange`. Without a token the API answers only to programs on this machine.
    pub fn new(exchange: Arc<Exchange>, token: Option<String>) -> Self {
        Self {
            exchange,
            access: Access::new(token),
            reload: ArcSwap::from_pointee(ReloadState::Current),
            draining: AtomicBool::new(false),
            members: Counted::default(),
        }
    }

    /// From now on not ready, so that load balancers look elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The files were read again, and this is what it came to.
    pub fn reloaded(&self, state: ReloadState) {
        self.reload.store(Arc::new(state));
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/healthz" if read => text(StatusCode::OK, "ok\n"),
            "/readyz" if read => self.readiness(),
            "/metrics" if read => self.metrics().await,
            "/healthz" | "/readyz" | "/metrics" => problem(StatusCode::METHOD_NOT_ALLOWED, "This is read with GET."),
            path => match path.strip_prefix("/api/v1/").map(str::to_owned) {
                Some(call) => match self.access.check(&request) {
                    Ok(()) => self.api(request, &call).await,
                    Err(refusal) => refused(refusal),
                },
                None => problem(StatusCode::NOT_FOUND, "Here are /healthz, /readyz, /metrics and /api/v1/."),
            },
        }
    }

    fn readiness(&self) -> Response<Body> {
        match self.draining.load(Ordering::Relaxed) {
            false => text(StatusCode::OK, "ready\n"),
            true => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    }

    async fn metrics(&self) -> Response<Body> {
        self.exchange.responses.measure();
        self.exchange.pages.measure();
        self.exchange.fuses.measure(&self.exchange.revision.load());
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        self.exchange.metrics.tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
        let revision = self.exchange.revision.load();
        let fragments: Vec<FragmentFigures> =
            revision.library.tallies().into_iter().map(|(name, told)| figures(&name, told)).collect();
        let (selectors, servers) = (self.exchange.selector_figures(&revision), revision.sites.origins.figures());
        let audiences = self.audience_figures().await;
        let text_of_all = self.exchange.metrics.text(&fragments, &selectors, &servers, &audiences);
        let mut response = text(StatusCode::OK, &text_of_all);
        let format = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, format);
        response
    }

    async fn api(&self, request: Request<Body>, call: &str) -> Response<Body> {
        match call.split_once('/') {
            Some(("profiles", rest)) => {
                let (profiles, now) = (&self.exchange.profiles, self.exchange.clock.now());
                let (method, body) = (request.method().clone(), request.into_body());
                return profiles::answer(profiles, &method, rest, body, now).await.unwrap_or_else(|refused| refused);
            }
            Some(("items", rest)) => {
                let (items, now) = (&self.exchange.items, self.exchange.clock.now());
                let (method, body) = (request.method().clone(), request.into_body());
                return items::answer(items, &method, rest, body, now).await.unwrap_or_else(|refused| refused);
            }
            Some(("audiences", rest)) => return self.members(request, rest).await.unwrap_or_else(|refused| refused),
            _ => {}
        }
        match (request.method(), call) {
            (&Method::GET, "revision") => self.revision(),
            (&Method::GET, "off") => self.switched(),
            (&Method::PUT, "off") => self.switch(Switch::Off),
            (&Method::DELETE, "off") => self.switch(Switch::On),
            (&Method::POST, "purge") => self.purge(request.into_body()).await.unwrap_or_else(|refused| refused),
            (&Method::POST, "explain") => self.explain(request.into_body()).await.unwrap_or_else(|refused| refused),
            (&Method::POST, "preview") => self.preview(request.into_body()).await.unwrap_or_else(|refused| refused),
            (&Method::GET, "profiles") => exporting::profiles(self.exchange.profiles.store()),
            (&Method::POST, "profiles") => self.take(&Lined::Profiles, request.into_body()).await,
            (&Method::POST, "events") => self.take(&Lined::Events, request.into_body()).await,
            (&Method::POST, "items") => {
                let (items, now) = (&self.exchange.items, self.exchange.clock.now());
                items::take(items, request.into_body(), now).await.unwrap_or_else(|refused| refused)
            }
            (&Method::GET, "audiences") => self.audiences().await.unwrap_or_else(|refused| refused),
            (
                _,
                "revision" | "off" | "purge" | "explain" | "preview" | "profiles" | "events" | "audiences" | "items",
            ) => problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "`off` takes GET, PUT and DELETE; `explain`, `preview`, `purge`, `events` and `items` take POST; `profiles` takes GET and \
                 POST; `revision` and `audiences` take GET.",
            ),
            _ => problem(
                StatusCode::NOT_FOUND,
                "The API has /api/v1/revision, /api/v1/off, /api/v1/purge, /api/v1/explain, /api/v1/preview, /api/v1/profiles, \
                 /api/v1/events, /api/v1/items and /api/v1/audiences.",
            ),
        }
    }

    /// Takes lines in.
    async fn take(&self, lined: &Lined, body: Body) -> Response<Body> {
        let (profiles, now) = (&self.exchange.profiles, self.exchange.clock.now());
        bulk::take(profiles, lined, body, now).await.unwrap_or_else(|refused| refused)
    }

    /// Purges what the body names, and tells how many stored responses that were; or, as an error, what is wrong with it.
    async fn purge(&self, body: Body) -> Result<Response<Body>, Response<Body>> {
        let body = read(body).await?;
        let order = Order::read(&body).map_err(|error| problem(StatusCode::BAD_REQUEST, &error.to_string()))?;
        tracing::info!(purges = ?order.purges, severity = ?order.severity, "purged by the admin API");
        let (responses, soft) = (self.exchange.responses.clone(), order.severity == Severity::Soft);
        // All that is stored is gone through: not on a thread that others wait for.
        let purged = tokio::task::spawn_blocking(move || responses.purge(&order.purges, order.severity)).await;
        match purged {
            Ok(purged) => Ok(document(&json!({ "purged": purged, "soft": soft }))),
            Err(_) => Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "The purge was broken off; send it again.")),
        }
    }

    fn revision(&self) -> Response<Body> {
        let revision = self.exchange.revision.load();
        let problems = match &**self.reload.load() {
            ReloadState::Current => None,
            ReloadState::Refused { problems } => Some(problems.clone()),
        };
        document(&json!({
            "revision": &*revision.id,
            "rules": revision.book.rules().len(),
            "refused": problems,
        }))
    }

    fn switch(&self, to: Switch) -> Response<Body> {
        tracing::warn!(?to, "personalisation was switched by the admin API");
        self.exchange.switch(to);
        self.switched()
    }

    fn switched(&self) -> Response<Body> {
        document(&json!({ "off": self.exchange.is_off() }))
    }
}

/// A call's body; as an error, why it is not read.
async fn read(body: Body) -> Result<Bytes, Response<Body>> {
    match timeout(ADMIN_BODY_WAIT, body.collect_at_most(ADMIN_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error @ BodyError::TooLong(_))) => Err(problem(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string())),
        Ok(Err(error)) => Err(problem(StatusCode::BAD_REQUEST, &error.to_string())),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "The body took too long to come.")),
    }
}

fn figures(name: &str, told: Tallied) -> FragmentFigures {
    let Tallied { renders, hits, failures, blanks, varies_by } = told;
    FragmentFigures { name: name.to_owned(), renders, hits, blanks, failures, varies_by: varies_by.join(" ") }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(text.to_owned()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn document(value: &serde_json::Value) -> Response<Body> {
    let mut response = text(StatusCode::OK, &format!("{value}\n"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refused(refusal: Refusal) -> Response<Body> {
    let status = match refusal {
        Refusal::NoToken | Refusal::WrongToken => StatusCode::UNAUTHORIZED,
        Refusal::NotLocal | Refusal::FromAPage => StatusCode::FORBIDDEN,
    };
    let mut response = problem(status, &refusal.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"inlay\""));
    }
    response
}
