//! From the origin's answer to the client's: what may be rewritten, and what a rewritten page's head says.
//!
//! In: the origin's answer, and the plan. Out: the response. It must not decide what is laid in.

use http::header::{self, HeaderMap};
use http::uri::Scheme;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;

use super::account::Observers;
use super::plan::fills::PageFills;
use super::plan::{Plan, SlotTiming};
use super::rewriting::{Page, RewritingBody};
use crate::context::Context;
use crate::http::Body;
use crate::http::annotations::{Timing, append_server_timing};
use crate::http::caching::{cut_to, has_directive, make_private};
use crate::http::coding::{Accepted, Coding, Codings, DecodedBody, EncodedBody, Encoder};
use crate::http::cookies::Transport;
use crate::http::headers::{ContentType, add_vary, is_no_transform, remove_what_is_true_of_the_bytes};
use crate::scope::ledger::Bounds;

/// Why a response on a path with rules is passed on untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untouched {
    /// Not a whole page: an error, a redirect, a part, nothing.
    Status,
    NotHtml,
    /// The origin forbids changes (RFC 9110 §7.7).
    NoTransform,
    /// Its coding is one that we do not undo.
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
    if !ContentType::of(headers).is_some_and(|content_type| content_type.is_html()) {
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

/// What rewriting a page needs from the exchange.
pub struct Rewrite {
    pub method: Method,
    /// What the client accepts.
    pub accepted: Accepted,
    pub observers: Observers,
}

/// Makes the origin's page a personalised one.
pub fn rewrite(response: Response<Body>, codings: &[Coding], plan: Plan, how: Rewrite) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let encoder = how.accepted.best().and_then(|coding| Some((coding, Encoder::new(coding).ok()?)));
    remove_what_is_true_of_the_bytes(&mut head.headers);
    head.headers.remove(header::CONTENT_ENCODING);
    if let Some((coding, _)) = &encoder {
        head.headers.insert(header::CONTENT_ENCODING, coding.value());
    }
    add_vary(&mut head.headers, &header::ACCEPT_ENCODING);
    if how.method == Method::HEAD {
        return Response::from_parts(head, Body::empty());
    }
    let content_type = last_content_type(&head.headers);
    let plain = if codings.is_empty() { body } else { Body::wrap(DecodedBody::new(body, codings)) };
    let markers = plan.markers();
    let fills = PageFills::new(plan, how.observers.clone());
    let page = Page { origin: plain, content_type, markers, fills };
    let page = Body::wrap(RewritingBody::new(page, how.observers));
    let body = match encoder {
        Some((_, encoder)) => Body::wrap(EncodedBody::new(page, encoder)),
        None => page,
    };
    Response::from_parts(head, body)
}

fn last_content_type(headers: &HeaderMap) -> Option<String> {
    let line = headers.get_all(header::CONTENT_TYPE).into_iter().next_back()?;
    Some(String::from_utf8_lossy(line.as_bytes()).into_owned())
}

/// Makes the head of a page tell what the page rests on: to caches, to the visitor's browser, and to whoever asks why.
pub fn tell_what_it_rests_on(headers: &mut HeaderMap, plan: &Plan, context: &Context) {
    limit(headers, plan.bounds(), context);
    append_server_timing(headers, plan.timings().map(slot_timing));
}

/// Makes the head of a response tell caches what the response rests on, and sets the visitor's cookie where it is private.
pub fn limit(headers: &mut HeaderMap, bounds: Bounds, context: &Context) {
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

/// Sets the visitor's cookie where one is owed.
fn set_visitor_cookie(headers: &mut HeaderMap, context: &Context) {
    let transport = if context.request.head.scheme == Scheme::HTTPS { Transport::Secure } else { Transport::Any };
    if let Some(cookie) = context.visitor.set_cookie(&context.policy.keys, transport, context.now) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn slot_timing(slot: SlotTiming) -> Timing<'static> {
    let description = match slot.varies_by.is_empty() {
        true => slot.how.into(),
        false => format!("{}; varies by {}", slot.how, slot.varies_by.join(" ")).into(),
    };
    Timing { name: format!("slot-{}", slot.name).into(), duration: slot.took, description: Some(description) }
}
