//! One HTTP exchange with a source, redirects among it.
//!
//! In: a request that is ready. Out: the head of what was answered, with the body still to come; or the whole of that, within bounds. It must not judge what the
//! answer says.

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::response::Parts;
use http::{Method, StatusCode};
use url::Url;

use super::client::Clients;
use super::definition::Redirects;
use super::failure::SourceError;
use super::request::Wire;
use crate::http::Body;
use crate::http::coding::{Codings, DecodedBody};

/// What an exchange may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub redirects: &'a Redirects,
    /// Of the body, decoded.
    pub bytes: usize,
}

/// What was answered, as far as its head: the body is still to come, plain.
pub(super) struct Begun {
    pub head: Parts,
    pub body: Body,
}

/// Sends a request and follows where it is led, as far as that is allowed; the whole body of the answer.
///
/// # Errors
/// [`SourceError`]; a status that is not `wanted` is one.
pub(super) async fn exchange(
    clients: &Clients,
    wire: Wire,
    bounds: Bounds<'_>,
    wanted: &(dyn Fn(StatusCode) -> bool + Sync),
) -> Result<Bytes, SourceError> {
    let Begun { body, .. } = begin(clients, wire, bounds.redirects, wanted).await?;
    body.collect_at_most(bounds.bytes).await.map_err(SourceError::Body)
}

/// The same up to the answer's head.
///
/// # Errors
/// [`SourceError`]; a status that is not `wanted` is one.
pub(super) async fn begin(
    clients: &Clients,
    mut wire: Wire,
    redirects: &Redirects,
    wanted: &(dyn Fn(StatusCode) -> bool + Sync),
) -> Result<Begun, SourceError> {
    for hop in 0..=redirects.follow {
        let (head, body) = clients.send(&wire).await?.into_parts();
        if wanted(head.status) {
            let body = plain(&head.headers, body)?;
            return Ok(Begun { head, body });
        }
        if redirects.follow == 0 || !is_redirect(head.status) {
            return Err(SourceError::Status { status: head.status, after: retry_after(&head.headers) });
        }
        if hop == redirects.follow {
            break;
        }
        wire = follow(wire, &head, redirects)?;
    }
    Err(SourceError::Redirect("too many in a row"))
}

/// The body without its codings.
fn plain(headers: &HeaderMap, body: Body) -> Result<Body, SourceError> {
    match Codings::of(headers) {
        Codings::Known(codings) if codings.is_empty() => Ok(body),
        Codings::Known(codings) => Ok(Body::wrap(DecodedBody::new(body, &codings))),
        Codings::Undecodable => Err(SourceError::Unexpected("its coding can't be undone".to_owned())),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request to where a redirect leads. Nothing secret goes to another server, and nothing but a GET where the method changes.
fn follow(mut wire: Wire, head: &Parts, redirects: &Redirects) -> Result<Wire, SourceError> {
    let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| wire.url.join(location).ok());
    let target = target.ok_or(SourceError::Redirect("it does not say where to"))?;
    check(&wire.url, &target, redirects)?;
    if target.origin() != wire.url.origin() {
        wire.headers = wire
            .headers
            .into_iter()
            .filter_map(|(name, value)| Some((name?, value)))
            .filter(|(_, value)| !value.is_sensitive())
            .collect();
        wire.headers.remove(header::COOKIE);
    }
    let repeats = matches!(head.status.as_u16(), 307 | 308) || matches!(wire.method, Method::GET | Method::HEAD);
    if !repeats {
        wire.method = Method::GET;
        wire.body = Bytes::new();
        wire.headers.remove(header::CONTENT_TYPE);
    } else if target.origin() != wire.url.origin() && !wire.body.is_empty() {
        return Err(SourceError::Redirect("it would take the body to another server"));
    }
    wire.url = target;
    Ok(wire)
}

/// Whether a redirect may lead there: to the same host or one that is named, and never from TLS to plain text.
fn check(from: &Url, to: &Url, redirects: &Redirects) -> Result<(), SourceError> {
    let host = to.host_str().unwrap_or_default();
    let named = from.host_str() == Some(host) || redirects.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    match (to.scheme(), from.scheme()) {
        _ if !named => Err(SourceError::Redirect("to a host that it does not name")),
        ("https", _) | ("http", "http") => Ok(()),
        ("http", _) => Err(SourceError::Redirect("from TLS to plain text")),
        _ => Err(SourceError::Redirect("to another scheme")),
    }
}

/// How long it wants to be left alone (RFC 9110 section 10.2.3), where it says it in seconds.
fn retry_after(headers: &HeaderMap) -> Option<std::time::Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_hosts_that_are_named_and_never_out_of_tls() {
        let redirects = Redirects { follow: 1, hosts: vec!["cdn.example".into()] };
        let from = Url::parse("https://api.example/x").unwrap();
        for (to, allowed) in [
            ("https://api.example/y", true),
            ("https://api.example:8443/y", true),
            ("https://CDN.example/y", true),
            ("https://other.example/y", false),
            ("http://api.example/y", false),
            ("ftp://api.example/y", false),
            ("https://169.254.169.254/y", false),
        ] {
            assert_eq!(check(&from, &Url::parse(to).unwrap(), &redirects).is_ok(), allowed, "{to}");
        }
    }
}
