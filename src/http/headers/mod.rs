//! Headers that every proxy must read or change (RFC 9110 sections 7.6 and 8).
//!
//! In: a message's headers. Out: the same map changed, or what it says. It must not decide when; callers do.

mod connection;
mod content_type;
mod pseudonym;

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use smallvec::SmallVec;

pub use connection::{insert_upgrade, leave_connection, remove_hop_by_hop, upgrade};
pub use content_type::is_html;
pub use pseudonym::Pseudonym;

/// True only of the exact bytes that the origin sent.
const OF_THE_BYTES: [HeaderName; 11] = [
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];

/// What asks for less than the whole response.
const CONDITIONS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// Removes the length, validators and digests, which a change of the body makes wrong.
pub fn remove_what_is_true_of_the_bytes(headers: &mut HeaderMap) {
    remove_all(headers, &OF_THE_BYTES);
}

/// Removes these fields, of which few will be there: that is seen at less cost than looking each of them up.
pub fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    let there: SmallVec<[HeaderName; 4]> = headers.keys().filter(|name| names.contains(name)).cloned().collect();
    for name in there {
        headers.remove(name);
    }
}

/// Removes ranges and conditions from a request, so that the whole response comes.
pub fn remove_conditions(headers: &mut HeaderMap) {
    remove_all(headers, &CONDITIONS);
}

/// Whether the content must arrive as it is: `Cache-Control: no-transform` (RFC 9110 section 7.7).
pub fn is_no_transform(headers: &HeaderMap) -> bool {
    tokens(headers, &header::CACHE_CONTROL).any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

/// Adds `name` to `Vary`, unless it is there or `*` is.
pub fn add_vary(headers: &mut HeaderMap, name: &HeaderName) {
    if !tokens(headers, &header::VARY).any(|varies| varies == "*" || varies.eq_ignore_ascii_case(name.as_str())) {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    }
}

/// The members of a comma-separated list over all lines of `name`, trimmed, the empty ones and those that are not ASCII left
/// out. Not for headers whose members may hold quoted commas.
pub fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let members = headers.get_all(name).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let text = members.filter(|member| member.is_ascii()).filter_map(|member| std::str::from_utf8(member).ok());
    text.map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of these lines.
    pub fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_a_changed_body_makes_wrong_goes() {
        let mut response = headers(&[
            ("content-length", "5"),
            ("etag", "\"x\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("accept-ranges", "bytes"),
            ("content-range", "bytes 0-4/5"),
            ("content-md5", "x"),
            ("digest", "x"),
            ("content-digest", "x"),
            ("repr-digest", "x"),
            ("signature", "x"),
            ("signature-input", "x"),
            ("content-type", "text/html"),
        ]);
        remove_what_is_true_of_the_bytes(&mut response);
        assert_eq!(response, headers(&[("content-type", "text/html")]));
        let mut request = headers(&[("range", "bytes=0-4"), ("if-range", "\"x\""), ("if-none-match", "*"), ("a", "b")]);
        remove_conditions(&mut request);
        assert_eq!(request, headers(&[("a", "b")]));
    }

    #[test]
    fn vary_grows_once() {
        let mut headers = headers(&[("vary", "Cookie, Accept-Encoding")]);
        add_vary(&mut headers, &header::ACCEPT_ENCODING);
        assert_eq!(headers.get_all("vary").iter().count(), 1);
        add_vary(&mut headers, &header::ACCEPT_LANGUAGE);
        assert_eq!(headers.get_all("vary").iter().count(), 2);
    }

    #[test]
    fn no_transform_is_found_in_any_line() {
        assert!(is_no_transform(&headers(&[
            ("cache-control", "public"),
            ("cache-control", "max-age=1, No-Transform")
        ])));
        assert!(!is_no_transform(&headers(&[("cache-control", "public")])));
    }
}
