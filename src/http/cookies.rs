//! Cookies (RFC 6265): reading them, taking one out of a request without touching the others, making one.
//!
//! In: `Cookie` lines. Out: values, or the same lines without one cookie. It must not know what cookies mean.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use smallvec::SmallVec;

/// The pairs of all `Cookie` lines, in order; those without `=` or without a name are left out. Values are as sent, but
/// for bytes that are no UTF-8: they become U+FFFD.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = headers.get_all(COOKIE).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        (!name.is_empty()).then(|| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
    })
}

/// Takes every cookie called `name` out of the request. All other bytes of `Cookie` stay as they were; a line of which
/// nothing is left goes.
pub fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let kept = |line: &HeaderValue| match without(line.as_bytes(), name) {
        None => Some(line.clone()),
        Some(kept) if kept.is_empty() => None,
        // Bytes of a header value without some of them are a header value.
        Some(kept) => HeaderValue::from_maybe_shared(Bytes::from(kept)).ok(),
    };
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        // As nearly all have it: one line, in whose place the rest stands.
        let Some(line) = headers.get_mut(COOKIE) else { return };
        match kept(line) {
            Some(rest) => *line = rest,
            None => drop(headers.remove(COOKIE)),
        }
        return;
    }
    let lines: SmallVec<[Option<HeaderValue>; 2]> = headers.get_all(COOKIE).iter().map(kept).collect();
    headers.remove(COOKIE);
    for line in lines.into_iter().flatten() {
        headers.append(COOKIE, line);
    }
}

/// Joins the crumbs into which HTTP/2 may break `Cookie`, as whoever goes on in HTTP/1.1 must (RFC 9113 section 8.2.3).
pub fn join_crumbs(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// The line without the cookies called `name`, each with the separator after it, the last with that before it; `None`
/// if there is no such cookie.
fn without(line: &[u8], name: &str) -> Option<Vec<u8>> {
    let is_it = |pair: &[u8]| {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        pair[..end].trim_ascii() == name.as_bytes() && end < pair.len()
    };
    let pairs = || line.split(|byte| *byte == b';');
    if !pairs().any(is_it) {
        return None;
    }
    let mut joined = Vec::with_capacity(line.len());
    for (index, pair) in pairs().filter(|pair| !is_it(pair)).enumerate() {
        if index > 0 {
            joined.push(b';');
        }
        joined.extend_from_slice(pair);
    }
    if pairs().next().is_some_and(is_it) {
        // The space that followed the separator was between two pairs; now there is only one.
        let start = joined.len() - joined.trim_ascii_start().len();
        joined.drain(..start);
    }
    if joined.trim_ascii().is_empty() {
        joined.clear();
    }
    Some(joined)
}

/// Over what a cookie may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS only (`Secure`).
    Secure,
    /// Any; for sites that are served without TLS.
    Any,
}

/// A `Set-Cookie` line for the whole site, out of reach for scripts (`HttpOnly`) and for other sites' forms and frames
/// (`SameSite=Lax`). `name` must be a token; the value is percent-encoded where it has to be.
pub fn set_cookie(name: &str, value: &str, max_age: Duration, transport: Transport) -> Option<HeaderValue> {
    // Whole seconds as `Max-Age` has them; more than this many years no browser keeps.
    let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    let cookie = cookie::Cookie::build((name, value))
        .path("/")
        .max_age(cookie::time::Duration::seconds(seconds))
        .http_only(true)
        .same_site(cookie::SameSite::Lax)
        .secure(transport == Transport::Secure)
        .build();
    HeaderValue::try_from(cookie.encoded().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn removed(lines: &[&str]) -> Vec<String> {
        let mut headers = request(lines);
        remove_cookie(&mut headers, "us");
        headers.get_all(COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn one_cookie_goes_and_the_rest_stays_to_the_byte() {
        assert_eq!(removed(&["us=1"]), Vec::<String>::new());
        assert_eq!(removed(&["us=1; a=2"]), ["a=2"]);
        assert_eq!(removed(&["a=2; us=1"]), ["a=2"]);
        assert_eq!(removed(&["a=2;us=1 ;  b=\"x=y\""]), ["a=2;  b=\"x=y\""]);
        assert_eq!(removed(&["us=1;us=2; a=us=3"]), ["a=us=3"]);
        assert_eq!(removed(&["us=1", "a=2;;", "b; us"]), ["a=2;;", "b; us"]);
        assert_eq!(removed(&["US=1; us2=1"]), ["US=1; us2=1"]);
    }

    #[test]
    fn all_are_read_in_their_order_and_damage_hides_none() {
        let mut headers = request(&["a=1; b = \"x=y\" ;c;=d;", "a=3"]);
        headers.append(COOKIE, HeaderValue::from_bytes(b"x=\xff; e=").unwrap());
        let read: Vec<_> = cookies(&headers).collect();
        let expected = [("a", "1"), ("b", "\"x=y\""), ("a", "3"), ("x", "\u{fffd}"), ("e", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn crumbs_join() {
        let mut headers = request(&["a=1", "b=2"]);
        join_crumbs(&mut headers);
        assert_eq!(headers[COOKIE], "a=1; b=2");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn a_cookie_is_made_with_all_its_guards() {
        let value = set_cookie("us", "a b", Duration::from_secs(60), Transport::Secure).unwrap();
        assert_eq!(value, "us=a%20b; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let value = set_cookie("us", "ab", Duration::from_secs(60), Transport::Any).unwrap();
        assert!(!value.to_str().unwrap().contains("Secure"));
    }

    proptest! {
        /// Laying ours into any cookie line, anywhere, and taking it out again changes nothing.
        #[test]
        fn removal_is_the_inverse_of_sending(
            pairs in prop::collection::vec("[a-t]{1,3}=[ -:<-~]{0,6}", 1..6),
            at in any::<prop::sample::Index>(),
        ) {
            let pairs: Vec<String> = pairs.iter().map(|pair| pair.trim().to_owned()).collect();
            let mut with = pairs.clone();
            with.insert(at.index(pairs.len() + 1), "us=secret".to_owned());
            prop_assert_eq!(removed(&[&with.join("; ")]), [pairs.join("; ")]);
        }
    }
}
