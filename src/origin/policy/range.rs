//! Ranges of a stored response (RFC 9110 section 14).
//!
//! In: a request's `Range` and `If-Range`, a response's validators and length. Out: which of its bytes are asked for. It
//! must not cut them out.

use std::ops::Range;

use http::HeaderMap;
use http::header::{self, HeaderValue};

use super::age;
use super::condition::EntityTag;

/// Which bytes answer a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// All: no range is asked for, several are, or none that can be read, or the condition does not hold.
    Whole,
    /// These: 206.
    Part(Range<u64>),
    /// None of them: 416.
    Unsatisfiable,
}

/// The bytes of a response of `length` that are asked for.
pub fn asked_for(request: &HeaderMap, stored: &HeaderMap, length: u64) -> Bytes {
    let Some(range) = only(request, header::RANGE) else { return Bytes::Whole };
    if request.contains_key(header::IF_RANGE) && !condition_holds(request, stored) {
        return Bytes::Whole;
    }
    parse(range, length)
}

fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(name).into_iter();
    lines.next().filter(|_| lines.next().is_none())
}

/// `If-Range` compares strongly: a tag, or a date that is the very one (RFC 9110 section 13.1.5).
fn condition_holds(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(condition) = only(request, header::IF_RANGE) else { return false };
    let text = condition.as_bytes();
    if text.starts_with(b"\"") || text.starts_with(b"W/") {
        let tags = EntityTag::of(condition).zip(stored.get(header::ETAG).and_then(EntityTag::of));
        return tags.is_some_and(|(asked, stored)| asked.strongly_equals(stored));
    }
    let (asked, changed) = (age::parse(condition), age::date(stored, &header::LAST_MODIFIED));
    // A date is strong only where the response was made well after it (RFC 9110 section 8.8.2.2).
    let made = age::date(stored, &header::DATE);
    let strong = made.zip(changed).is_some_and(|(made, changed)| made.duration_since(changed).as_secs() >= 1);
    strong && asked.is_some() && asked == changed
}

fn parse(range: &HeaderValue, length: u64) -> Bytes {
    let Some(set) = range.to_str().ok().and_then(|text| text.split_once('=')) else { return Bytes::Whole };
    let (unit, spec) = (set.0.trim(), set.1.trim());
    let Some((first, last)) = spec.split_once('-').filter(|_| unit.eq_ignore_ascii_case("bytes")) else {
        return Bytes::Whole;
    };
    let number = |text: &str| match text {
        "" => Some(None),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(None), Some(Some(0))) => Bytes::Unsatisfiable,
        (Some(None), Some(Some(suffix))) if length > 0 => Bytes::Part(length.saturating_sub(suffix)..length),
        (Some(Some(first)), Some(Some(last))) if last < first => Bytes::Whole,
        (Some(Some(first)), Some(last)) if first < length => {
            Bytes::Part(first..last.map_or(length, |last| last.saturating_add(1).min(length)))
        }
        (Some(Some(_)), Some(_)) | (Some(None), Some(Some(_))) => Bytes::Unsatisfiable,
        _ => Bytes::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_range_is_cut_out_and_all_else_gets_the_whole() {
        let of = |range| asked_for(&headers(&[("range", range)]), &HeaderMap::new(), 10);
        for (range, expected) in [
            ("bytes=0-0", Bytes::Part(0..1)),
            ("Bytes=2-", Bytes::Part(2..10)),
            ("bytes=2-99999999999999999999999", Bytes::Part(2..10)),
            ("bytes=-3", Bytes::Part(7..10)),
            ("bytes=-30", Bytes::Part(0..10)),
            ("bytes=-0", Bytes::Unsatisfiable),
            ("bytes=10-", Bytes::Unsatisfiable),
            ("bytes=3-2", Bytes::Whole),
            ("bytes=0-1,3-4", Bytes::Whole),
            ("bytes=a-", Bytes::Whole),
            ("bytes=+1-", Bytes::Whole),
            ("bytes=-", Bytes::Whole),
            ("lines=0-1", Bytes::Whole),
        ] {
            assert_eq!(of(range), expected, "{range}");
        }
    }

    #[test]
    fn a_condition_must_hold_strongly() {
        let (changed, made) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:00 GMT");
        let stored = headers(&[("etag", "\"a\""), ("last-modified", changed), ("date", made)]);
        let of = |condition| asked_for(&headers(&[("range", "bytes=0-1"), ("if-range", condition)]), &stored, 10);
        assert_eq!(of("\"a\""), Bytes::Part(0..2));
        assert_eq!(of(changed), Bytes::Part(0..2));
        for other in ["W/\"a\"", "\"b\"", made, "x"] {
            assert_eq!(of(other), Bytes::Whole, "{other}");
        }
    }
}
