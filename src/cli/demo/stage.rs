//! The stage: the page whose address the demo prints, and the traces it tells of.
//!
//! In: requests for its parts. Out: the page, its style and scripts, and reports of traced pages as JSON. It knows nothing
//! of how a page came to be.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
};
use http::{HeaderValue, Response, StatusCode};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::json;

use super::aim::PARTS;
use super::apis::Api;
use super::edge::{Body, whole};
use super::persona::Persona;
use super::report::{Record, Report};
use crate::limits::TRACES_KEPT;

/// Pages of the shop that the stage offers, and what is to be seen there.
const PAGES: [(&str, &str); 8] = [
    ("/", "Home"),
    ("/shop/", "All products"),
    ("/samples/", "A hundred samples"),
    ("/products/NW-101", "One product"),
    ("/search?q=rain", "Search"),
    ("/journal/rain-in-gent/", "Journal (under a CSP)"),
    ("/cart", "Cart"),
    ("/checkout/", "Checkout (protected)"),
];

/// The demo's APIs, as the stage calls them.
const APIS: [(Api, &str); 3] = [(Api::Weather, "Weather"), (Api::Stock, "Stock"), (Api::Loyalty, "Loyalty")];

/// How an API can be made to behave.
const MODES: [(&str, &str, &str); 5] = [
    ("well", "Well", "It answers at once"),
    ("slow", "Slow", "It answers after nine tenths of a second"),
    ("dead", "Dead", "It hangs up"),
    ("failing", "500", "It answers with status 500"),
    ("nonsense", "Wrong", "It answers with status 200, and with what is no JSON"),
];

/// The stage runs nothing but its own scripts, loads nothing from elsewhere, and frames the visitors' hosts alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self' http://*.localhost:*; frame-src 'self' http://*.localhost:*; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The stage's page and the latest traces.
#[derive(Debug)]
pub struct Stage {
    page: String,
    traces: Mutex<Traces>,
}

#[derive(Debug, Default)]
struct Traces {
    /// The number of the oldest one kept.
    first: u64,
    records: VecDeque<Arc<Record>>,
}

impl Default for Stage {
    fn default() -> Self {
        Self { page: page(), traces: Mutex::default() }
    }
}

impl Stage {
    /// The stage itself, or one of its parts.
    pub fn answer(&self, path: &str) -> Response<Body> {
        let part = match path {
            "/" => return under_a_policy(typed("text/html; charset=utf-8", self.page.clone())),
            _ => path.strip_prefix(PARTS).unwrap_or_default(),
        };
        match part.split_once('/').unwrap_or((part, "")) {
            ("stage.css", "") => typed("text/css; charset=utf-8", include_str!("assets/stage/stage.css")),
            ("stage.js", "") => typed("text/javascript; charset=utf-8", include_str!("assets/stage/stage.js")),
            ("world.js", "") => typed("text/javascript; charset=utf-8", include_str!("assets/stage/world.js")),
            ("waterfall.js", "") => typed("text/javascript; charset=utf-8", include_str!("assets/stage/waterfall.js")),
            ("rules.js", "") => typed("text/javascript; charset=utf-8", include_str!("assets/stage/rules.js")),
            ("frame.js", "") => typed("text/javascript; charset=utf-8", include_str!("assets/stage/frame.js")),
            ("icon.svg", "") => typed("image/svg+xml", include_str!("assets/stage/icon.svg")),
            // Asked across hosts, to learn whether their names resolve here.
            ("ping", "") => readable_everywhere(typed("text/plain", "here")),
            ("trace", number) => self.report(number),
            _ => not_found(),
        }
    }

    /// Keeps a record, and gives it back with the number under which it can be asked for.
    pub fn keep(&self, record: Record) -> (u64, Arc<Record>) {
        let record = Arc::new(record);
        let mut traces = self.traces();
        if traces.records.len() == TRACES_KEPT {
            traces.records.pop_front();
            traces.first += 1;
        }
        traces.records.push_back(Arc::clone(&record));
        (traces.first + traces.records.len() as u64 - 1, record)
    }

    /// The record of this number, if it is still kept.
    pub fn record(&self, number: u64) -> Option<Arc<Record>> {
        let traces = self.traces();
        let at = usize::try_from(number.checked_sub(traces.first)?).ok()?;
        traces.records.get(at).cloned()
    }

    fn report(&self, number: &str) -> Response<Body> {
        let record = number.parse().ok().and_then(|number| self.record(number));
        match record.map(|record| serde_json::to_vec(&Report::from(record.as_ref()))) {
            Some(Ok(json)) => typed("application/json", json),
            _ => not_found(),
        }
    }

    fn traces(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page() -> String {
    let visitors: Vec<_> = Persona::ALL
        .map(|persona| json!({ "key": persona.key(), "name": persona.name(), "about": persona.about() }))
        .into();
    let pages = PAGES.map(|(path, name)| json!({ "path": path, "name": name }));
    let apis = APIS.map(|(api, label)| json!({ "name": api.name(), "label": label }));
    let modes = MODES.map(|(key, name, about)| json!({ "key": key, "name": name, "about": about }));
    Environment::new()
        .render_named_str(
            "stage.html",
            include_str!("assets/stage/stage.html"),
            Serde(json!({ "visitors": visitors, "pages": pages, "apis": apis, "modes": modes })),
        )
        .expect("invariant: the bundled template renders, a test does so")
}

fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn under_a_policy(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn readable_everywhere(mut response: Response<Body>) -> Response<Body> {
    let anyone = HeaderValue::from_static("*");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    response
}

fn not_found() -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", "The stage has no such part.\n");
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
