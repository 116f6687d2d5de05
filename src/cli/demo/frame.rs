//! The copy of a page that stands in one of the stage's frames.
//!
//! In: a response's head and its page, already marked. Out: the response for the frame: the stage's script at the end, no
//! header that keeps it out of a frame or tells of another body. What is served outside the stage never comes through here.

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, TRANSFER_ENCODING, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::aim::Side;
use super::edge::{Body, whole};
use super::persona::Persona;

/// What the frame's script is told.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub persona: Persona,
    pub side: Side,
    /// Path and query, as the site sees them.
    pub place: &'a str,
    /// The trace's number; `None` where nothing was rewritten.
    pub trace: Option<u64>,
}

/// The response for a frame.
pub fn framed(status: StatusCode, headers: &HeaderMap, page: &Bytes, told: Told<'_>) -> Response<Body> {
    let script = script(&told, nonce(headers));
    let mut copy = BytesMut::with_capacity(page.len() + script.len());
    copy.extend_from_slice(page);
    copy.extend_from_slice(script.as_bytes());
    let mut response = Response::new(whole(copy.freeze()));
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    let headers = response.headers_mut();
    for gone in
        [ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED, TRANSFER_ENCODING, X_FRAME_OPTIONS]
    {
        headers.remove(gone);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a response holds a page.
pub fn is_page(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn script(told: &Told<'_>, nonce: Option<&str>) -> String {
    let trace = told.trace.map(|trace| trace.to_string());
    format!(
        r#"<script src="/_stage/frame.js" data-visitor="{}" data-side="{}" data-place="{}" data-trace="{}" nonce="{}"></script>"#,
        told.persona.key(),
        told.side.key(),
        attribute(told.place),
        trace.unwrap_or_default(),
        nonce.unwrap_or_default(),
    )
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

/// The first nonce of the page's policy: the page trusts what bears it.
fn nonce(headers: &HeaderMap) -> Option<&str> {
    let policy = headers.get(CONTENT_SECURITY_POLICY)?.to_str().ok()?;
    let (_, rest) = policy.split_once("'nonce-")?;
    let (nonce, _) = rest.split_once('\'')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    nonce.bytes().all(is_plain).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_taken_from_the_policy() {
        let mut headers = HeaderMap::new();
        assert_eq!(nonce(&headers), None);
        let policy = "default-src 'self'; script-src 'nonce-aB+/9=' 'self'";
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        assert_eq!(nonce(&headers), Some("aB+/9="));
    }

    #[test]
    fn only_html_is_a_page() {
        let of = |kind| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        assert!(is_page(&of("Text/HTML; charset=utf-8")));
        assert!(!is_page(&of("image/svg+xml")));
        assert!(!is_page(&HeaderMap::new()));
    }
}
