//! The second port: health, metrics, and the API for those who run it.
//!
//! In: requests on the admin port. Out: answers of ours. It must not be reachable by visitors, nor change what it was not handed.

mod access;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::content::Tallied;
use crate::exchange::{Exchange, Switch};
use crate::http::Body;
use crate::http::problem::problem;
use crate::telemetry::FragmentFigures;
use access::{Access, Refusal};

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
}

impl Admin {
    /// Answers about `exchange`. Without a token the API answers only to programs on this machine.
    pub fn new(exchange: Arc<Exchange>, token: Option<String>) -> Self {
        Self {
            exchange,
            access: Access::new(token),
            reload: ArcSwap::from_pointee(ReloadState::Current),
            draining: AtomicBool::new(false),
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
    pub fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/healthz" if read => text(StatusCode::OK, "ok\n"),
            "/readyz" if read => self.readiness(),
            "/metrics" if read => self.metrics(),
            "/healthz" | "/readyz" | "/metrics" => problem(StatusCode::METHOD_NOT_ALLOWED, "This is read with GET."),
            path => match path.strip_prefix("/api/v1/") {
                Some(call) => match self.access.check(request) {
                    Ok(()) => self.api(request.method(), call),
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

    fn metrics(&self) -> Response<Body> {
        self.exchange.responses.measure();
        self.exchange.pages.measure();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        self.exchange.metrics.tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
        let revision = self.exchange.revision.load();
        let fragments: Vec<FragmentFigures> =
            revision.library.tallies().into_iter().map(|(name, told)| figures(&name, told)).collect();
        let text_of_all = self.exchange.metrics.text(&fragments, &revision.sites.origins.figures());
        let mut response = text(StatusCode::OK, &text_of_all);
        let format = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, format);
        response
    }

    fn api(&self, method: &Method, call: &str) -> Response<Body> {
        match (method, call) {
            (&Method::GET, "revision") => self.revision(),
            (&Method::GET, "off") => self.switched(),
            (&Method::PUT, "off") => self.switch(Switch::Off),
            (&Method::DELETE, "off") => self.switch(Switch::On),
            (_, "revision" | "off") => {
                problem(StatusCode::METHOD_NOT_ALLOWED, "`off` takes GET, PUT and DELETE; `revision` takes GET.")
            }
            _ => problem(StatusCode::NOT_FOUND, "The API has /api/v1/revision and /api/v1/off."),
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
