//! Which requests a stored response answers (RFC 9111 section 4.1).
//!
//! In: a response's `Vary`, and requests. Out: the names, and the values by which requests are told apart. It must not store.

use http::HeaderMap;
use http::header::{self, HeaderName};

use crate::http::headers::tokens;
use crate::limits::VARY_NAMES;

/// The request headers by which the origin chose the response; sorted, each once. Those that the cache's key holds anyway
/// (host and scheme) are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vary(Box<[HeaderName]>);

/// Why no later request can be told to be alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaryError {
    /// `Vary: *`.
    Anything,
    /// A header that we write for each client, so that the request as we have it says nothing of it.
    Written(HeaderName),
    /// No name of a header.
    Unreadable,
    /// More than [`VARY_NAMES`].
    TooMany,
}

/// Written anew for the origin, per client.
const WRITTEN: [HeaderName; 6] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    header::FORWARDED,
    header::VIA,
    header::CONNECTION,
    header::TE,
];
/// Told apart by the key.
const IN_THE_KEY: [HeaderName; 3] =
    [header::HOST, HeaderName::from_static("x-forwarded-host"), HeaderName::from_static("x-forwarded-proto")];

impl Vary {
    /// What a response varies by.
    ///
    /// # Errors
    /// Why it answers no later request.
    pub fn of(headers: &HeaderMap) -> Result<Self, VaryError> {
        if headers.get_all(header::VARY).iter().any(|line| line.to_str().is_err()) {
            return Err(VaryError::Unreadable);
        }
        let mut names = Vec::new();
        for token in tokens(headers, &header::VARY) {
            if token == "*" {
                return Err(VaryError::Anything);
            }
            let name = HeaderName::try_from(token).map_err(|_| VaryError::Unreadable)?;
            if WRITTEN.contains(&name) {
                return Err(VaryError::Written(name));
            }
            if !IN_THE_KEY.contains(&name) {
                names.push(name);
            }
        }
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        if names.len() > VARY_NAMES {
            return Err(VaryError::TooMany);
        }
        Ok(Self(names.into()))
    }

    /// The names.
    pub fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// The same without `name`.
    #[must_use]
    pub fn without(&self, name: &HeaderName) -> Self {
        Self(self.0.iter().filter(|other| *other != name).cloned().collect())
    }

    /// What the request says under these names; equal values get equal responses.
    pub fn values(&self, request: &HeaderMap) -> Box<[Option<Box<[u8]>>]> {
        self.0.iter().map(|name| value(request, name)).collect()
    }

    /// Whether a request says under these names what `values` do.
    pub fn matches(&self, values: &[Option<Box<[u8]>>], request: &HeaderMap) -> bool {
        self.0.iter().zip(values).all(|(name, stored)| {
            // The usual case without a copy: one line, as it was.
            let mut lines = request.get_all(name).into_iter();
            match (lines.next(), lines.next(), stored) {
                (None, _, stored) => stored.is_none(),
                (Some(_), _, None) => false,
                (Some(line), None, Some(stored)) if line.as_bytes() == &**stored => true,
                (Some(_), _, stored) => value(request, name) == *stored,
            }
        })
    }
}

/// The lines of a header joined, without white space that means nothing; where case means nothing, in lower case.
fn value(request: &HeaderMap, name: &HeaderName) -> Option<Box<[u8]>> {
    let mut joined: Option<Vec<u8>> = None;
    let is_list = [header::ACCEPT, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE].contains(name);
    for line in request.get_all(name) {
        let line = line.as_bytes().trim_ascii();
        let value = joined.get_or_insert_default();
        if !value.is_empty() {
            value.push(b',');
        }
        match is_list {
            true => value.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase)),
            // Around commas it means nothing in any list, and a field that is no list has it alike each time.
            false => value.extend_from_slice(
                &line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b","[..]),
            ),
        }
    }
    joined.map(Vec::into_boxed_slice)
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
    fn names_are_read_and_what_cannot_be_told_is_refused() {
        let of = |value| Vary::of(&headers(&[("vary", value)]));
        let names: Vec<_> = of("B, a,, b, Host").unwrap().names().iter().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(of("a, *"), Err(VaryError::Anything));
        assert_eq!(of("X-Forwarded-For"), Err(VaryError::Written(HeaderName::from_static("x-forwarded-for"))));
        assert_eq!(of("a b"), Err(VaryError::Unreadable));
    }

    #[test]
    fn white_space_and_case_of_lists_mean_nothing() {
        let vary = Vary::of(&headers(&[("vary", "accept-encoding, x")])).unwrap();
        let first = headers(&[("accept-encoding", "gzip, BR;q=0.5"), ("x", "A, b")]);
        let values = vary.values(&first);
        let alike = [
            headers(&[("accept-encoding", "gzip,br;q=0.5"), ("x", "A, b")]),
            headers(&[("accept-encoding", "gzip"), ("accept-encoding", "br; q=0.5"), ("x", " A, b")]),
            headers(&[("accept-encoding", "gzip,br;q=0.5"), ("x", "A"), ("x", "b")]),
            headers(&[("accept-encoding", "gzip,br;q=0.5"), ("x", "A ,b")]),
        ];
        for request in &alike {
            assert!(vary.matches(&values, request), "{request:?}");
        }
        let others = [
            headers(&[("accept-encoding", "gzip,br;q=0.5"), ("x", "a, b")]),
            headers(&[("accept-encoding", "gzip"), ("x", "A, b")]),
            headers(&[("x", "A, b")]),
            headers(&[("accept-encoding", "gzip,br;q=0.5"), ("x", "")]),
        ];
        for request in &others {
            assert!(!vary.matches(&values, request), "{request:?}");
        }
        let none = vary.values(&HeaderMap::new());
        assert!(vary.matches(&none, &HeaderMap::new()) && !vary.matches(&none, &first));
    }
}
