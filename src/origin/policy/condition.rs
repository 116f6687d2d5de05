//! Conditional requests, as a cache may answer them (RFC 9110 section 13, RFC 9111 section 4.3.2).
//!
//! In: a request's conditions and a stored response's validators. Out: whether the client's own copy is still good. It must
//! not evaluate `If-Match` and `If-Unmodified-Since`, which are for origins.

use http::HeaderMap;
use http::header::{self, HeaderValue};
use jiff::Timestamp;

use super::age;

/// What a stored response is to the client's copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No condition, or one that holds: it gets the response.
    Differs,
    /// The client has it: 304.
    NotModified,
}

/// Compares the request's conditions with what is stored; `received` stands in where the response has no date at all.
pub fn evaluate(request: &HeaderMap, stored: &HeaderMap, received: Timestamp) -> Condition {
    let unchanged = if request.contains_key(header::IF_NONE_MATCH) {
        let tag = stored.get(header::ETAG).and_then(EntityTag::of);
        request.get_all(header::IF_NONE_MATCH).iter().any(|line| none_match(line, tag))
    } else {
        let since = age::date(request, &header::IF_MODIFIED_SINCE);
        since.is_some_and(|since| last_changed(stored).unwrap_or(received) <= since)
    };
    if unchanged { Condition::NotModified } else { Condition::Differs }
}

fn last_changed(stored: &HeaderMap) -> Option<Timestamp> {
    age::date(stored, &header::LAST_MODIFIED).or_else(|| age::date(stored, &header::DATE))
}

fn none_match(line: &HeaderValue, tag: Option<EntityTag<'_>>) -> bool {
    if line.as_bytes().trim_ascii() == b"*" {
        return true;
    }
    tag.is_some_and(|tag| EntityTag::list(line.as_bytes()).any(|other| tag.weakly_equals(other)))
}

/// Whether the request has conditions that only the origin may evaluate.
pub fn is_for_the_origin(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_MATCH) || request.contains_key(header::IF_UNMODIFIED_SINCE)
}

/// Whether the request has conditions that a cache may evaluate.
pub fn is_conditional(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_NONE_MATCH) || request.contains_key(header::IF_MODIFIED_SINCE)
}

/// An entity tag. The opaque part keeps its quotes; one that was written without them is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Of an `ETag` line.
    pub fn of(line: &'a HeaderValue) -> Option<Self> {
        Some(Self::read(line.as_bytes().trim_ascii())).filter(|tag| !tag.opaque.is_empty())
    }

    fn read(text: &'a [u8]) -> Self {
        match text.strip_prefix(b"W/") {
            Some(opaque) => Self { weak: true, opaque },
            None => Self { weak: false, opaque: text },
        }
    }

    /// The tags of a list. Their opaque parts may hold commas.
    pub fn list(line: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut quoted = false;
        let members = line.split(move |byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        });
        members.map(|member| Self::read(member.trim_ascii())).filter(|tag| !tag.opaque.is_empty())
    }

    /// Whether both tell of the same bytes (RFC 9110 section 8.8.3.2).
    pub fn strongly_equals(self, other: Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Whether both tell of content that will do for the other.
    pub fn weakly_equals(self, other: Self) -> bool {
        self.opaque == other.opaque
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
    fn tags_are_compared_weakly_and_count_before_dates() {
        let (early, late) = ("Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT");
        let stored = headers(&[("etag", "\"a,b\""), ("last-modified", late)]);
        let received = "2026-11-23T09:30:00Z".parse().unwrap();
        for (request, expected) in [
            (&[("if-none-match", "\"x\", W/\"a,b\"")][..], Condition::NotModified),
            (&[("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")], Condition::NotModified),
            (&[("if-none-match", "*")], Condition::NotModified),
            (&[("if-none-match", "\"a\"")], Condition::Differs),
            (&[("if-none-match", "\"x\""), ("if-modified-since", late)], Condition::Differs),
            (&[("if-modified-since", late)], Condition::NotModified),
            (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], Condition::NotModified),
            (&[("if-modified-since", early)], Condition::Differs),
            (&[("if-modified-since", "yesterday")], Condition::Differs),
            (&[], Condition::Differs),
        ] {
            assert_eq!(evaluate(&headers(request), &stored, received), expected, "{request:?}");
        }
        let dated = headers(&[("date", early)]);
        assert_eq!(evaluate(&headers(&[("if-modified-since", early)]), &dated, received), Condition::NotModified);
    }
}
