//! From the origin's answer to the client's: what may be rewritten, and what a rewritten page's head says of what it rests on.
//!
//! In: the origin's answer, and the plan. Out: the answer's head. It must not decide what is laid in, nor touch bodies.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Scheme;
use http::{Response, StatusCode};
use jiff::Timestamp;

use super::plan::Plan;
use super::plan::known::Met;
use crate::context::Context;
use crate::http::Body;
use crate::http::annotations::{SERVER_TIMING, TimingLine};
use crate::http::caching::{cut_to, has_directive, make_private};
use crate::http::coding::{Coding, Codings};
use crate::http::cookies::Transport;
use crate::http::headers::{is_html, is_no_transform};
use crate::scope::ledger::Bounds;

/// Why a response on a path with rules is passed on untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untouched {
    /// Not a whole page: an error, a redirect, a part, nothing.
    #[error("the origin's answer is no whole page, as its status tells")]
    Status,
    #[error("the origin's answer is not HTML")]
    NotHtml,
    /// The origin forbids changes (RFC 9110 §7.7).
    #[error("the origin forbids changes (`no-transform`)")]
    NoTransform,
    /// Its coding is one that we do not undo.
    #[error("the page is coded in a way that is not undone here")]
    Undecodable,
}

/// Whether a response is a page that can be rewritten; if so, how it is coded.
///
/// # Errors
/// Why not.
pub fn page_codings(response: &Response<Body>) -> Result<Vec<Coding>, Untouched> {
    let status = response.status();
    let part = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT);
    if !status.is_success() || part {
        return Err(Untouched::Status);
    }
    let headers = response.headers();
    if !is_html(headers) {
        return Err(Untouched::NotHtml);
    }
    if is_no_transform(headers) {
        return Err(Untouched::NoTransform);
    }
    match Codings::of(headers) {
        Codings::Known(codings) => Ok(codings),
        Codings::Undecodable => Err(Untouched::Undecodable),
    }
}

/// Makes the head of a page tell what the page rests on: to caches, to the visitor's browser, and to whoever asks why.
pub fn tell_what_it_rests_on(headers: &mut HeaderMap, plan: &Plan, context: &Context) {
    limit(headers, plan.bounds(), context);
    let mut line = TimingLine::default();
    plan.tell_timings(|slot| line.add(&slot.timing()));
    line.append_to(headers);
}

/// The same of a page whose plan is known.
pub fn tell_what_known_rests_on(headers: &mut HeaderMap, met: &Met, context: &Context) {
    limit(headers, met.bounds, context);
    if let Some(line) = &met.known.timing {
        headers.append(SERVER_TIMING, line.clone());
    }
}

/// Makes the head of a response tell caches what the response rests on, and sets the visitor's cookie where it is private. One that
/// takes the cookie away, because consent was withdrawn, is made so: a cache that shared it would take everybody's.
pub fn limit(headers: &mut HeaderMap, mut bounds: Bounds, context: &Context) {
    bounds.of_visitor |= context.visitor.has_withdrawn();
    if limit_caching(headers, bounds, context.now) == Sharing::Private {
        set_visitor_cookie(headers, context);
    }
}

/// Whether a response is one visitor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// Caches may share it as far as the origin says.
    Shared,
    Private,
}

/// Makes the head tell caches what the page rests on; whether it leaves private, for that or for the origin's own reason.
fn limit_caching(headers: &mut HeaderMap, bounds: Bounds, now: Timestamp) -> Sharing {
    if bounds.of_visitor || !bounds.storable {
        make_private(headers);
        return Sharing::Private;
    }
    if let Some(until) = bounds.until {
        cut_to(headers, until.duration_since(now).as_secs().max(0).unsigned_abs());
        // From it caches guess how long a page holds whose head says nothing of that.
        headers.remove(header::LAST_MODIFIED);
    }
    // The origin may have kept it from shared caches itself.
    match ["private", "no-store"].iter().any(|directive| has_directive(headers, directive)) {
        true => Sharing::Private,
        false => Sharing::Shared,
    }
}

/// Sets the visitor's cookie where one is owed, and has not been set.
pub fn set_visitor_cookie(headers: &mut HeaderMap, context: &Context) {
    let begin = context.policy.keys.cookie_name().as_bytes();
    let is_set = |line: &HeaderValue| line.as_bytes().strip_prefix(begin).is_some_and(|rest| rest.starts_with(b"="));
    if !context.supposed.is_nothing() || headers.get_all(header::SET_COOKIE).iter().any(is_set) {
        return;
    }
    let transport = if context.request.head.scheme == Scheme::HTTPS { Transport::Secure } else { Transport::Any };
    if let Some(cookie) = context.visitor.set_cookie(&context.policy.keys, transport, context.now) {
        headers.append(header::SET_COOKIE, cookie);
    }
}
