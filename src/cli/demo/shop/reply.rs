//! How the shop answers: status, caching, conditions, compression.
//!
//! In: a body with what may be done with it. Out: the response to one request. Only GET and HEAD are conditional or compressed. It
//! must not know what a page says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::files::File;
use super::packing::{entity_tag, gzip};

/// When the site was last put online; it does not change while the demo runs.
const PUBLISHED: &str = "Mon, 02 Mar 2026 07:30:00 GMT";
const SHARED: &str = "public, max-age=60, stale-while-revalidate=600";
const PRIVATE: &str = "private, no-store";
const FILE: &str = "public, max-age=86400";

/// A response that does not yet know its request.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// The same compressed, where it is at hand.
    gzip: Option<Bytes>,
    /// What revalidates it; without, it is not stored.
    entity_tag: Option<String>,
}

impl Reply {
    /// A page that is the same for everyone.
    pub fn shared(html: String) -> Self {
        let mut reply = Self::page(html);
        reply.entity_tag = Some(entity_tag(&reply.body));
        reply.with(CACHE_CONTROL, SHARED).with(LAST_MODIFIED, PUBLISHED)
    }

    /// A page for whoever asked for it.
    pub fn private(html: String) -> Self {
        Self::page(html).with(CACHE_CONTROL, PRIVATE)
    }

    /// Facts for the shop's own script.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::new(StatusCode::OK, Bytes::from(value.to_string()))
            .with(CONTENT_TYPE, "application/json")
            .with(CACHE_CONTROL, PRIVATE)
    }

    /// A bundled file.
    pub fn file(file: &File) -> Self {
        let mut reply = Self::new(StatusCode::OK, file.bytes.clone());
        reply.gzip = Some(file.gzip.clone());
        reply.entity_tag = Some(file.entity_tag.clone());
        reply.with(CONTENT_TYPE, file.content_type).with(CACHE_CONTROL, FILE).with(LAST_MODIFIED, PUBLISHED)
    }

    /// After a form: go there, with these cookies.
    pub fn see_other(place: &str, cookies: Vec<String>) -> Self {
        let mut reply =
            Self::new(StatusCode::SEE_OTHER, Bytes::new()).with(LOCATION, place).with(CACHE_CONTROL, PRIVATE);
        for cookie in cookies {
            if let Ok(line) = HeaderValue::try_from(cookie) {
                reply.headers.append(SET_COOKIE, line);
            }
        }
        reply
    }

    /// It has always been there.
    pub fn moved(place: &'static str) -> Self {
        Self::new(StatusCode::PERMANENT_REDIRECT, Bytes::new()).with(LOCATION, place).with(CACHE_CONTROL, FILE)
    }

    /// A method this shop has no use for.
    pub fn not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Bytes::new()).with(ALLOW, "GET, HEAD, POST")
    }

    /// The same with another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same under a content security policy that lets run only what bears this nonce.
    pub fn with_policy(self, nonce: &str) -> Self {
        let policy = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; base-uri 'none'"
        );
        self.with(CONTENT_SECURITY_POLICY, &policy)
    }

    /// The response to this request.
    pub fn send(mut self, head: &Parts) -> Response<Full<Bytes>> {
        let compressed = !self.body.is_empty() && accepts_gzip(&head.headers);
        if let Some(tag) = self.tag(compressed) {
            if revalidates(&head.headers, &tag) {
                self.status = StatusCode::NOT_MODIFIED;
                self.body = Bytes::new();
            }
            self = self.with(ETAG, &tag);
        }
        self = self.with(VARY, "Accept-Encoding");
        if self.status == StatusCode::NOT_MODIFIED {
            self.headers.remove(CONTENT_TYPE);
        } else {
            self = self.coded(compressed);
        }
        let body = match head.method {
            http::Method::HEAD => Bytes::new(),
            _ => self.body,
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn new(status: StatusCode, body: Bytes) -> Self {
        Self { status, headers: HeaderMap::new(), body, gzip: None, entity_tag: None }
    }

    fn page(html: String) -> Self {
        Self::new(StatusCode::OK, Bytes::from(html)).with(CONTENT_TYPE, "text/html; charset=utf-8")
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The tag of the form that is sent: two codings are two representations (RFC 9110, 8.8.3.3).
    fn tag(&self, compressed: bool) -> Option<String> {
        let tag = self.entity_tag.as_ref()?;
        Some(match compressed {
            true => format!("\"{tag}-gzip\""),
            false => format!("\"{tag}\""),
        })
    }

    fn coded(mut self, compressed: bool) -> Self {
        if compressed {
            self.body = self.gzip.take().unwrap_or_else(|| gzip(&self.body));
            self = self.with(CONTENT_ENCODING, "gzip");
        }
        let length = self.body.len();
        self.with(CONTENT_LENGTH, &length.to_string())
    }
}

/// A fresh nonce for one response.
pub fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("invariant: the system has random bytes");
    STANDARD.encode(bytes)
}

/// Whether gzip is named in `Accept-Encoding`, and not with a weight of nought.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(
        |item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let refused = parts.filter_map(|part| part.strip_prefix("q=")).any(|weight| weight.parse() == Ok(0.0));
            named && !refused
        },
    )
}

/// RFC 9110, 13.1.2, where weak comparison is enough.
fn revalidates(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}
