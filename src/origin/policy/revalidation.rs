//! Asking the origin whether a stored response still holds, and what its answer means (RFC 9111 section 4.3).
//!
//! In: heads of stored and of fresh responses. Out: conditions to ask with, whether a 304 is about what is stored, the head
//! after it. It must not ask.

use http::header::{self, HeaderMap, HeaderName};

use super::age;
use super::condition::EntityTag;

/// Fields of a stored response that a 304 does not change: they belong to the bytes that are stored.
const OF_THE_BODY: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
];

/// Writes the conditions under which the origin need not send what is stored again, in place of the client's own.
pub fn ask_by(stored: &HeaderMap, request: &mut HeaderMap) -> Validators {
    for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE, header::IF_RANGE] {
        request.remove(name);
    }
    let mut validators = Validators::None;
    let pairs = [(header::IF_NONE_MATCH, header::ETAG), (header::IF_MODIFIED_SINCE, header::LAST_MODIFIED)];
    for (condition, validator) in pairs {
        if let Some(value) = stored.get(validator) {
            request.insert(condition, value.clone());
            validators = Validators::Some;
        }
    }
    validators
}

/// Whether there is anything by which a response can be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validators {
    Some,
    None,
}

/// What a 304 says of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    Confirmed,
    /// Its validators are another response's: what is stored must not be used for it.
    Contradicted,
}

/// Whether a 304 is about the stored response that was asked about. One without validators is: nothing else was asked.
pub fn confirms(fresh: &HeaderMap, stored: &HeaderMap) -> Confirmation {
    let tag = |headers: &HeaderMap| headers.get(header::ETAG).cloned();
    let same = match (tag(fresh), tag(stored)) {
        (Some(fresh), Some(stored)) => {
            EntityTag::of(&fresh).zip(EntityTag::of(&stored)).is_some_and(|(fresh, stored)| fresh.weakly_equals(stored))
        }
        (Some(_), None) => false,
        (None, _) => {
            let changed = |headers| age::date(headers, &header::LAST_MODIFIED);
            changed(fresh).is_none_or(|fresh| changed(stored) == Some(fresh))
        }
    };
    if same { Confirmation::Confirmed } else { Confirmation::Contradicted }
}

/// The stored head with what a fresh one says anew (RFC 9111 section 3.2).
pub fn updated(stored: &HeaderMap, fresh: &HeaderMap) -> HeaderMap {
    let mut headers = stored.clone();
    // It counted from another moment.
    headers.remove(header::AGE);
    for name in fresh.keys().filter(|name| !OF_THE_BODY.contains(name)) {
        headers.remove(name);
        for value in fresh.get_all(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Whether the answer to HEAD is about what is stored for GET (RFC 9111 section 4.3.5).
pub fn head_agrees(fresh: &HeaderMap, stored: &HeaderMap) -> Confirmation {
    let names = [header::ETAG, header::LAST_MODIFIED, header::CONTENT_LENGTH];
    let agrees = |name: &HeaderName| fresh.get(name).is_none_or(|value| stored.get(name) == Some(value));
    if names.iter().all(agrees) { Confirmation::Confirmed } else { Confirmation::Contradicted }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_304_must_be_about_what_was_asked() {
        let (one, two) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        let stored = headers(&[("etag", "\"a\""), ("last-modified", one)]);
        for (fresh, expected) in [
            (&[][..], Confirmation::Confirmed),
            (&[("etag", "W/\"a\"")], Confirmation::Confirmed),
            (&[("etag", "\"b\"")], Confirmation::Contradicted),
            (&[("last-modified", one)], Confirmation::Confirmed),
            (&[("last-modified", two)], Confirmation::Contradicted),
            (&[("etag", "\"a\""), ("last-modified", two)], Confirmation::Confirmed),
        ] {
            assert_eq!(confirms(&headers(fresh), &stored), expected, "{fresh:?}");
        }
        assert_eq!(confirms(&headers(&[("etag", "\"a\"")]), &headers(&[])), Confirmation::Contradicted);
    }

    #[test]
    fn the_head_is_renewed_but_for_what_belongs_to_the_bytes() {
        let stored = headers(&[("a", "1"), ("a", "2"), ("b", "1"), ("content-length", "5"), ("age", "9")]);
        let fresh = headers(&[("a", "3"), ("c", "1"), ("content-length", "0"), ("content-encoding", "br")]);
        assert_eq!(updated(&stored, &fresh), headers(&[("a", "3"), ("b", "1"), ("c", "1"), ("content-length", "5")]));
    }

    #[test]
    fn the_conditions_of_the_client_give_way_to_ours() {
        let mut request = headers(&[("if-none-match", "\"x\""), ("range", "bytes=0-1"), ("if-modified-since", "x")]);
        assert_eq!(ask_by(&headers(&[("etag", "W/\"a\"")]), &mut request), Validators::Some);
        assert_eq!(request, headers(&[("if-none-match", "W/\"a\"")]));
        assert_eq!(ask_by(&headers(&[]), &mut request), Validators::None);
        assert!(request.is_empty());
    }
}
