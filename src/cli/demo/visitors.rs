//! The browsers of the stage's visitors: what they send, and what they keep.
//!
//! In: a request that someone else's browser sent, or a response. Out: the request as the visitor's browser would have sent
//! it; cookies kept. It must not look into pages.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use super::aim::Side;
use super::edge::{Body, whole};
use super::jar::Jar;
use super::persona::{Errand, Persona};
use crate::clock::Clock;

/// Inlay's own cookie. It is of Inlay's side only: the shop never sees it.
const VISITOR_COOKIE: &str = "inlay_visitor";

/// A jar of cookies for each visitor.
#[derive(Debug)]
pub struct Visitors {
    jars: Mutex<HashMap<Persona, Jar>>,
    clock: Clock,
}

impl Visitors {
    /// Visitors with empty jars.
    pub fn new(clock: Clock) -> Self {
        Self { jars: Mutex::default(), clock }
    }

    /// Puts on a request what the visitor's browser sends, instead of what the one before the stage does.
    pub fn dress(&self, persona: Persona, side: Side, head: &mut Parts) {
        let hidden: &[&str] = match side {
            Side::Origin => &[VISITOR_COOKIE],
            Side::Inlay => &[],
        };
        head.headers.remove(COOKIE);
        head.headers.remove(REFERER);
        let now = self.clock.now();
        let jars = self.jars();
        let line = jars.get(&persona).and_then(|jar| jar.line(head.uri.path(), now, hidden));
        if let Some(line) = line {
            head.headers.insert(COOKIE, line);
        }
        for &(name, value) in persona.headers() {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
    }

    /// Keeps what a response to a request for `path` sets.
    pub fn keep(&self, persona: Persona, headers: &HeaderMap, path: &str) {
        let now = self.clock.now();
        let mut jars = self.jars();
        let jar = jars.entry(persona).or_default();
        jar.store(headers, path, now);
        if !persona.stays_known() {
            jar.forget(VISITOR_COOKIE);
        }
    }

    /// Whether the visitor has a cookie of this name.
    pub fn has(&self, persona: Persona, cookie: &str) -> bool {
        let now = self.clock.now();
        self.jars().get(&persona).is_some_and(|jar| jar.has(cookie, now))
    }

    /// Throws the visitor's cookies away.
    pub fn forget(&self, persona: Persona) {
        self.jars().remove(&persona);
    }

    fn jars(&self) -> MutexGuard<'_, HashMap<Persona, Jar>> {
        self.jars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request of an errand, not yet dressed.
pub fn errand(persona: Persona, errand: &Errand) -> Request<Body> {
    let mut request = own(persona, errand.path, errand.form);
    *request.method_mut() = Method::POST;
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, form);
    headers.insert(CONTENT_LENGTH, errand.form.len().into());
    request
}

/// A look at the home page, not yet dressed.
pub fn look(persona: Persona) -> Request<Body> {
    own(persona, "/", "")
}

fn own(persona: Persona, path: &'static str, body: &'static str) -> Request<Body> {
    let mut request = Request::new(whole(body));
    *request.uri_mut() = Uri::from_static(path);
    let host = HeaderValue::try_from(format!("{}.localhost", persona.key())).expect("invariant: keys are letters");
    request.headers_mut().insert(HOST, host);
    request
}
