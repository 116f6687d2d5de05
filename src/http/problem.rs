//! Problem documents: answers of our own that say what is wrong (RFC 9457).
//!
//! In: a status and a sentence for people. Out: the response. It must not decide what is wrong.

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::Body;

/// `application/problem+json` with the status's own title; never to be stored.
pub fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let document =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    let mut response = Response::new(Body::full(document.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
