//! What proxies on the way tell of those before them: `X-Forwarded-*`, or `Forwarded` (RFC 7239).
//!
//! In: a request's headers. Out: one [`Told`] per hop, the nearest first. It must not believe anything: whose word counts is
//! for `peer` to say.

mod element;
mod list;
mod node;

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme};

use super::host::authority;
use element::element;
use list::{last_comma, last_comma_unquoted, members};
use node::{address, scheme};

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What one proxy tells of the hop before it. `None` where it tells nothing, or nothing that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub address: Option<IpAddr>,
    pub scheme: Option<Scheme>,
    pub host: Option<Authority>,
    /// The element of `Forwarded` as it was written, if it is one and of ASCII.
    pub element: Option<String>,
}

/// What was told, the nearest hop first, [`FORWARDED_HOPS`](limits::FORWARDED_HOPS) at most. `X-Forwarded-For` counts before
/// `Forwarded`, because most proxies write only the former and pass the latter on unread.
pub fn told(headers: &HeaderMap) -> Vec<Told> {
    if headers.contains_key(X_FORWARDED_FOR) || !headers.contains_key(header::FORWARDED) {
        by_names_of_their_own(headers)
    } else {
        by_forwarded(headers)
    }
}

fn by_names_of_their_own(headers: &HeaderMap) -> Vec<Told> {
    let listed = |name: &HeaderName| members(headers, name, last_comma).collect::<Vec<_>>();
    let [addresses, schemes, hosts] = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST].map(|name| listed(&name));
    // Who has no address to tell may still tell of the scheme.
    let is_any = !schemes.is_empty() || !hosts.is_empty();
    let hop = |place: usize| Told {
        address: addresses.get(place).and_then(|node| address(node)),
        scheme: at(&schemes, place).and_then(scheme),
        host: at(&hosts, place).and_then(authority),
        element: None,
    };
    (0..addresses.len().max(usize::from(is_any))).map(hop).collect()
}

/// The member of the hop at `place`; a shorter list was written by the hops further out.
fn at<'a>(list: &[&'a [u8]], place: usize) -> Option<&'a [u8]> {
    list.get(place).or(list.last()).copied()
}

fn by_forwarded(headers: &HeaderMap) -> Vec<Told> {
    members(headers, &header::FORWARDED, last_comma_unquoted)
        .map(|member| element(member).unwrap_or_default())
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::limits;

    fn forwarded(lines: &[&[u8]]) -> Vec<Told> {
        let line = |line: &&[u8]| (header::FORWARDED, HeaderValue::from_bytes(line).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        told(&headers)
    }

    fn addresses(lines: &[&[u8]]) -> Vec<String> {
        let shown = |told: Told| told.address.map_or("-".to_owned(), |address| address.to_string());
        forwarded(lines).into_iter().map(shown).collect()
    }

    #[test]
    fn quotes_keep_commas_and_semicolons() {
        let told = forwarded(&[br#"for=1.1.1.1;host="a.example";ext="x,for=6.6.6.6;proto=https, \",for=6.6.6.6""#]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].address.unwrap().to_string(), "1.1.1.1");
        assert_eq!((told[0].scheme.as_ref(), told[0].host.as_ref().unwrap().as_str()), (None, "a.example"));
        let escaped = forwarded(&[br#"For="\1.1.1.\1" ; PROTO="htt\ps""#]);
        assert_eq!(escaped[0].address.unwrap().to_string(), "1.1.1.1");
        assert_eq!(escaped[0].scheme, Some(Scheme::HTTPS));
        assert_eq!(addresses(&[br#"for="[2001:db8::1]:_p", for=_hidden, , for=unknown"#]), ["-", "-", "2001:db8::1"]);
    }

    #[test]
    fn what_a_client_wrote_takes_nothing_from_the_right() {
        for claimed in
            [&b"for=\"x"[..], b"for=\"x\\", b"\"", b"\\\"", b"for=\"a\"b\"", b"for=\xe9", b"=;=", b"for=\"\\\"\\"]
        {
            for separator in [&b", "[..], b","] {
                let line =
                    [claimed, separator, b"for=1.1.1.1;by=\"_a,b\"", separator, b"for=\"[2001:db8::1]\""].concat();
                assert_eq!(addresses(&[&line])[..2], ["2001:db8::1", "1.1.1.1"], "{}", line.escape_ascii());
            }
            assert_eq!(addresses(&[claimed, b"for=1.1.1.1"])[0], "1.1.1.1");
        }
    }

    #[test]
    fn an_element_that_says_two_things_says_nothing() {
        for element in
            ["for=1.1.1.1;for=2.2.2.2", "for=1.1.1.1 proto=https", "for", "for=\"1.1.1.1", "for=\"1.1.1.1\"x"]
        {
            assert_eq!(forwarded(&[element.as_bytes()]), [Told::default()], "{element}");
        }
        assert_eq!(forwarded(&[b"for=1.1.1.1;host=\"u@a.example\";proto=gopher"])[0].host, None);
    }

    #[test]
    fn one_byte_that_is_no_text_costs_only_its_member() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 1.1.1.1").unwrap());
        headers.insert(X_FORWARDED_HOST, HeaderValue::from_bytes(b"\xff, a.example").unwrap());
        let told = told(&headers);
        assert_eq!(told.iter().map(|told| told.address).collect::<Vec<_>>(), ["1.1.1.1".parse().ok(), None]);
        assert_eq!(told[0].host.as_ref().unwrap(), "a.example");
    }

    #[test]
    fn no_more_hops_are_read_than_may_be_believed() {
        let line = "1.1.1.1,".repeat(limits::FORWARDED_HOPS * 2);
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, line.parse().unwrap())]);
        assert_eq!(told(&headers).len(), limits::FORWARDED_HOPS);
    }

    proptest::proptest! {
        /// Whatever stands before them, the elements that proxies wrote are read as they wrote them.
        #[test]
        fn the_right_is_read_alike_whatever_the_left_is(claimed in "[ -~]{0,40}", inner in "[ -~]{0,12}") {
            let quoted = inner.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("{claimed}, for=1.1.1.1;ext=\"{quoted}\", for=2.2.2.2");
            let read = addresses(&[line.as_bytes()]);
            proptest::prop_assert_eq!(&read[..2], ["2.2.2.2", "1.1.1.1"]);
        }
    }
}
