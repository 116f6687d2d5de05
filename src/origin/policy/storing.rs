//! Whether a response may be stored for others (RFC 9111 section 3), and why not.
//!
//! In: the heads of a request and its response. Out: the terms under which it is kept, or the reason why it is not. In doubt
//! it is not kept. It must not store anything.

use http::header::{self, HeaderName};
use http::{HeaderMap, Method, StatusCode};

use super::age::Received;
use super::directives::Scope;
use super::freshness::{Lifetime, Said, Shareable, Terms, is_heuristically_cacheable};
use super::targeted::INLAY_CACHE_CONTROL;
use super::vary::{Vary, VaryError};
use crate::origin::for_us::is_for_us;

/// A response that may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storable {
    pub terms: Terms,
    /// The request headers by which it was chosen.
    pub vary: Vary,
    /// Fields that are kept out of what is stored (`no-cache="…"`, `private="…"`).
    pub left_out: Vec<HeaderName>,
}

/// Why a response is not stored for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Only answers to GET are.
    Method,
    /// The request or the response said `no-store`.
    NoStore,
    Private,
    /// A part or the refusal of one, an interim answer, a switch of protocols, an answer to a condition; or `must-understand`
    /// with a status that we do not know.
    Status,
    /// The request carried `Authorization`, and nothing allows sharing the answer.
    Credentials,
    /// The request carried cookies that may matter, and nothing says that they do not.
    Cookies,
    SetCookie,
    /// It varies by what is not in the request as we have it.
    Vary(VaryError),
    /// It tells us of one visitor (`Inlay-…`).
    Inlay,
    /// It would be stale at once, and has nothing by which it could be confirmed.
    Useless,
    /// A stream of events ends never.
    EventStream,
}

/// What there is to know of the request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    /// The request said `no-store`.
    pub no_store: bool,
    pub cookies: CookiesMatter,
    pub set_cookie: SetCookie,
}

/// What becomes of `Set-Cookie` in a response that could otherwise be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetCookie {
    /// The response is not stored, and passed on with it.
    #[default]
    Forbids,
    /// The response is stored without it, and nobody gets it. For origins that set cookies on all they send, out of habit: a
    /// cookie that somebody needs is lost, and what was made for its owner is shown to all.
    Stripped,
}

/// Whether the cookies of a request may have shaped the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookiesMatter {
    /// There are none, or those that matter are in the key.
    No,
    Perhaps,
}

/// Whether the response may be stored.
///
/// # Errors
/// Why not.
pub fn storable(
    asked: Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    received: Received,
) -> Result<Storable, NotStored> {
    let said = Said::in_head(headers);
    check_message(asked, status, headers, &said)?;
    let mut left_out: Vec<HeaderName> =
        said.directives.no_cache.fields().iter().chain(said.directives.private.fields()).cloned().collect();
    if headers.contains_key(header::SET_COOKIE) && !left_out.contains(&header::SET_COOKIE) {
        match asked.set_cookie {
            SetCookie::Forbids => return Err(NotStored::SetCookie),
            SetCookie::Stripped => left_out.push(header::SET_COOKIE),
        }
    }
    let terms = Terms::of(status, headers, &said, received);
    check_sharing(asked, &terms)?;
    let vary = Vary::of(headers).map_err(NotStored::Vary)?;
    check_usefulness(status, headers, &terms)?;
    Ok(Storable { terms, vary, left_out })
}

/// What the message itself forbids.
fn check_message(asked: Asked<'_>, status: StatusCode, headers: &HeaderMap, said: &Said) -> Result<(), NotStored> {
    if asked.method != Method::GET {
        return Err(NotStored::Method);
    }
    // 412 and 416 say something of a condition or a range that others who ask for the URL do not send.
    if status.is_informational() || matches!(status.as_u16(), 206 | 304 | 412 | 416) {
        return Err(NotStored::Status);
    }
    let directives = &said.directives;
    if directives.must_understand && !is_understood(status) {
        return Err(NotStored::Status);
    }
    // Whoever understands the status may disregard the `no-store` beside `must-understand` (RFC 9111 section 5.2.2.3).
    if asked.no_store || (directives.no_store && !directives.must_understand) {
        return Err(NotStored::NoStore);
    }
    if directives.private == Scope::Whole {
        return Err(NotStored::Private);
    }
    if headers.keys().any(|name| is_for_us(name) && *name != INLAY_CACHE_CONTROL) {
        return Err(NotStored::Inlay);
    }
    let kinds = headers.get_all(header::CONTENT_TYPE).into_iter().filter_map(|line| line.to_str().ok());
    if kinds.into_iter().any(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream")) {
        return Err(NotStored::EventStream);
    }
    Ok(())
}

/// What the request's credentials and cookies forbid.
fn check_sharing(asked: Asked<'_>, terms: &Terms) -> Result<(), NotStored> {
    if asked.headers.contains_key(header::AUTHORIZATION) && !terms.credentials_allowed {
        return Err(NotStored::Credentials);
    }
    if asked.cookies == CookiesMatter::Perhaps && terms.shareable == Shareable::Plainly {
        return Err(NotStored::Cookies);
    }
    Ok(())
}

/// A response that is never fresh is worth keeping only where the origin can confirm it.
fn check_usefulness(status: StatusCode, headers: &HeaderMap, terms: &Terms) -> Result<(), NotStored> {
    let allowed = terms.lifetime.is_explicit() || terms.shareable == Shareable::Explicitly;
    if !allowed && !is_heuristically_cacheable(status) {
        return Err(NotStored::Status);
    }
    let validated = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    let useless = terms.lifetime == Lifetime::Unknown || terms.lifetime.seconds() == 0 || terms.always_validate;
    if useless && !(validated && status == StatusCode::OK) {
        return Err(NotStored::Useless);
    }
    Ok(())
}

/// Statuses whose caching requirements we know: those of RFC 9110 that are final and whole.
fn is_understood(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505)
}

#[cfg(test)]
mod tests;
