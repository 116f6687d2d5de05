//! Requests that are malformed in HTTP/2 (RFC 9113 section 8.1.1), as far as the library hands them on.
//!
//! In: a request's head. Out: nothing, or the error with which its stream ends. It must not look at what holds for all
//! versions; `strict` does.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Version};

/// Looks at a request; those of other versions pass.
///
/// # Errors
/// PROTOCOL_ERROR, for the stream.
pub fn check<B>(request: &Request<B>) -> Result<(), h2::Error> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    let headers = request.headers();
    if is_length_certain(headers) && headers.values().all(is_trimmed) {
        return Ok(());
    }
    Err(h2::Error::from(h2::Reason::PROTOCOL_ERROR))
}

/// One length at most: the library takes two that are equal, but they would go on as two lines of HTTP/1.1. That it is a
/// number is seen to by the library.
fn is_length_certain(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_LENGTH).iter().nth(1).is_none()
}

/// A value neither begins nor ends with white space (section 8.2.1).
fn is_trimmed(value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = value.as_bytes();
    !is_space(bytes.first()) && !is_space(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, lines: &[(&str, &str)]) -> bool {
        let request = Request::builder().version(version);
        let request = lines.iter().fold(request, |request, (name, value)| {
            request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn lengths_and_white_space() {
        assert!(checked(Version::HTTP_2, &[("content-length", "4"), ("x", ""), ("y", "a b")]));
        for value in [" a", "a ", "\ta", "a\t", " "] {
            assert!(!checked(Version::HTTP_2, &[("x", value)]), "{value:?}");
            assert!(checked(Version::HTTP_11, &[("x", value)]));
        }
        assert!(!checked(Version::HTTP_2, &[("content-length", "4"), ("content-length", "4")]));
    }
}
