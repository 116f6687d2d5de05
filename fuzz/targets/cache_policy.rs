//! The cache's policy: for any heads at any time it decides without panic; what is forbidden is never stored, as a plain reading
//! of the directives has it; freshness only ever goes; a range lies within the body.
#![no_main]

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use inlay::origin::policy::range::{self, Bytes};
use inlay::origin::policy::reuse::{in_place_of_an_error, reuse};
use inlay::origin::policy::storing::{Asked, CookiesMatter, SetCookie, storable};
use inlay::origin::policy::{Received, RequestDirectives, Reuse, condition, revalidation};
use jiff::Timestamp;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    method: bool,
    status: u16,
    request: Vec<(u8, &'a [u8])>,
    response: Vec<(u8, &'a [u8])>,
    fresh: Vec<(u8, &'a [u8])>,
    cookies: bool,
    /// Seconds: when it was asked for, how long that took, and two looks later.
    asked: i64,
    took: u16,
    looks: [u32; 2],
    length: u64,
}

const NAMES: [&str; 24] = [
    "cache-control",
    "cdn-cache-control",
    "inlay-cache-control",
    "expires",
    "date",
    "age",
    "last-modified",
    "etag",
    "vary",
    "set-cookie",
    "authorization",
    "pragma",
    "range",
    "if-range",
    "if-none-match",
    "if-modified-since",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "if-match",
    "accept-encoding",
    "surrogate-control",
    "inlay-event",
];

fuzz_target!(|case: Case| {
    let (request, response, fresh) = (head(&case.request), head(&case.response), head(&case.fresh));
    let Ok(status) = StatusCode::from_u16(case.status) else { return };
    let Ok(asked) = Timestamp::from_second(case.asked) else { return };
    let later = |from: Timestamp, seconds: u64| {
        Timestamp::from_second(from.as_second().saturating_add_unsigned(seconds)).unwrap_or(Timestamp::MAX)
    };
    let received = Received { asked, at: later(asked, u64::from(case.took)) };
    let method = if case.method { Method::GET } else { Method::POST };
    let directives = RequestDirectives::of(&request);
    let cookies = if case.cookies { CookiesMatter::Perhaps } else { CookiesMatter::No };
    let from = Asked { method: &method, headers: &request, no_store: false, cookies, set_cookie: SetCookie::Forbids };
    if let Ok(stored) = storable(from, status, &response, received) {
        assert_eq!(method, Method::GET);
        assert!(!matches!(status.as_u16(), 100..=199 | 206 | 304), "{status} was stored");
        assert!(!response.contains_key(header::SET_COOKIE) || stored.left_out.contains(&header::SET_COOKIE));
        check_plainly(&request, &response);
        let (first, second) = (later(received.at, u64::from(case.looks[0])), u64::from(case.looks[1]));
        let second = later(first, second);
        assert!(stored.terms.age(first) <= stored.terms.age(second), "it grew younger");
        assert!(stored.terms.ttl(first) >= stored.terms.ttl(second), "it grew fresher");
        let is_fresh = |now| matches!(reuse(&stored.terms, &directives, now), Reuse::Fresh { .. });
        assert!(is_fresh(first) || !is_fresh(second), "what was stale is fresh again");
        let _ = in_place_of_an_error(&stored.terms, std::time::Duration::from_secs(60), second);
        assert!(stored.vary.matches(&stored.vary.values(&request), &request), "not for its own request");
    }
    if let Bytes::Part(part) = range::asked_for(&request, &response, case.length) {
        assert!(part.start < part.end && part.end <= case.length, "{part:?} of {}", case.length);
    }
    let _ = condition::evaluate(&request, &response, received.at);
    let _ = revalidation::confirms(&fresh, &response);
    let mut updated = revalidation::updated(&response, &fresh);
    assert!(response.keys().all(|name| *name == header::AGE || updated.contains_key(name)), "a field was lost");
    let _ = revalidation::ask_by(&response, &mut updated);
});

fn head(lines: &[(u8, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().take(12) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]), value);
        }
    }
    headers
}

/// Another reading, of what needs no judgement: without quotes and without targeted fields.
fn check_plainly(request: &HeaderMap, response: &HeaderMap) {
    let targeted = ["cdn-cache-control", "inlay-cache-control"].iter().any(|name| response.contains_key(*name));
    let lines: Vec<_> = response.get_all(header::CACHE_CONTROL).iter().map(|line| line.as_bytes()).collect();
    if targeted || lines.iter().any(|line| line.contains(&b'"')) {
        return;
    }
    let directives = || lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let says = |name: &[u8]| directives().any(|directive| directive.eq_ignore_ascii_case(name));
    assert!(!says(b"private"), "what is private was stored");
    assert!(!says(b"no-store") || says(b"must-understand"), "what is not to be stored was");
    let shared = directives().any(|directive| {
        let name = directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        [&b"public"[..], b"s-maxage", b"must-revalidate"].iter().any(|known| name.eq_ignore_ascii_case(known))
    });
    assert!(!request.contains_key(header::AUTHORIZATION) || shared, "an answer to credentials was stored");
}
