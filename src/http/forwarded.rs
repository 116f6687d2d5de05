//! The next hop is told who asked.
//!
//! In: a request's headers, the peer and the client behind it. Out: the same headers, in which the client and the trusted
//! proxies stand, and nothing that anybody else says of them. It must not decide who is trusted.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::alike::{plain, remove_where};
use super::peer::{Peer, PeerStanding, TrueClient};
use super::told::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};

/// Fields of one address in which one product or another looks for the client's.
const ADDRESSES: [HeaderName; 10] = [
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("x-originating-ip"),
    HeaderName::from_static("x-remote-ip"),
    HeaderName::from_static("x-remote-addr"),
    HeaderName::from_static("client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("fastly-client-ip"),
];

/// Other fields by which a proxy tells what was asked of it; all that begins with `x-forwarded-` besides.
const CLAIMS: [&str; 13] = [
    "forwarded",
    "x-host",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-proto",
    "x-original-for",
    "x-original-forwarded-for",
    "x-rewrite-url",
    "x-proxyuser-ip",
    "x-url-scheme",
    "x-scheme",
    "front-end-https",
];

/// Writes `X-Forwarded-For`, `-Proto` and `-Host` and `Forwarded` anew, both from what is believed: an origin that reads
/// the one finds the client as one that reads the other.
pub fn write_forwarded(headers: &mut HeaderMap, peer: &Peer, client: &TrueClient) {
    remove_claims(headers, client);
    let address = peer.address.ip().to_canonical();
    let hops = client.told.iter().rev();
    let addresses = hops.clone().filter_map(|told| told.address).chain([address]).map(|address| address.to_string());
    insert(headers, &X_FORWARDED_FOR, &addresses.collect::<Vec<_>>().join(", "));
    insert(headers, &X_FORWARDED_PROTO, client.scheme.as_str());
    if let Some(host) = &client.host {
        insert(headers, &X_FORWARDED_HOST, host.as_str());
    }
    let asked = client.host.as_ref().map(|host| format!(";host=\"{host}\"")).unwrap_or_default();
    let own = format!("for={};proto={}{asked}", node(address), client.scheme);
    let elements = hops.filter_map(|told| match (&told.element, told.address) {
        (Some(element), _) => Some(element.clone()),
        (None, address) => address.map(|address| format!("for={}", node(address))),
    });
    insert(headers, &header::FORWARDED, &elements.chain([own]).collect::<Vec<_>>().join(", "));
}

/// Removes every claim about the client that nobody vouches for. Trusted peers' go on, but for the address, which is said
/// as it was found, and for names that are only taken for those of claims: no proxy writes them.
fn remove_claims(headers: &mut HeaderMap, client: &TrueClient) {
    let is_trusted = client.peer == PeerStanding::Trusted;
    remove_where(headers, |name| {
        let plain = plain(name);
        let is_claim = plain.starts_with("x-forwarded-")
            || CLAIMS.contains(&&*plain)
            || ADDRESSES.iter().any(|address| address.as_str() == plain);
        is_claim && !(is_trusted && plain == name)
    });
    headers.remove(X_FORWARDED_HOST);
    for name in &ADDRESSES {
        if headers.contains_key(name) {
            insert(headers, name, &client.address.to_string());
        }
    }
}

/// An address as `Forwarded` has it (RFC 7239 section 6).
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}

fn insert(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => headers.insert(name, value),
        // Better not said than said by somebody else.
        Err(_) => headers.remove(name),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::peer::{Security, TrustedProxies};

    fn written(peer: &str, lines: &[(&str, &[u8])]) -> HeaderMap {
        let mut request = http::Request::get("/").header("host", "inner.example");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let address = std::net::SocketAddr::new(peer.parse().unwrap(), 4711);
        let peer = Peer { address, local: "192.0.2.9:80".parse().unwrap(), security: Security::Plain };
        let client = trusted.client(&peer, &parts);
        write_forwarded(&mut parts.headers, &peer, &client);
        parts.headers
    }

    #[test]
    fn what_an_unknown_peer_claims_is_not_passed_on() {
        let addresses = ADDRESSES;
        let names = CLAIMS.iter().copied().chain(addresses.iter().map(HeaderName::as_str));
        let names = names.chain(["x-forwarded-for", "x-forwarded-prefix", "x-forwarded-port", "x-forwarded-ssl"]);
        let disguises: Vec<String> = names.clone().map(|name| name.replace('-', "_")).collect();
        let names: Vec<&str> = names.chain(disguises.iter().map(String::as_str)).collect();
        let claims: Vec<(&str, &[u8])> = names.into_iter().map(|name| (name, &b"6.6.6.6"[..])).collect();
        let headers = written("2001:db8::5", &claims);
        assert_eq!(headers[X_FORWARDED_FOR], "2001:db8::5");
        assert_eq!(headers[X_FORWARDED_PROTO], "http");
        assert_eq!(headers[X_FORWARDED_HOST], "inner.example");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::5]\";proto=http;host=\"inner.example\"");
        assert_eq!(headers.len(), 5, "{headers:?}");
    }

    #[test]
    fn a_trusted_chain_is_continued() {
        let headers = written(
            "10.0.0.1",
            &[("forwarded", b"for=6.6.6.6, for=1.1.1.1;by=_edge, for=10.2.2.2"), ("x-forwarded-proto", b"https")],
        );
        assert_eq!(headers[X_FORWARDED_FOR], "1.1.1.1, 10.2.2.2, 10.0.0.1");
        let expected = "for=1.1.1.1;by=_edge, for=10.2.2.2, for=10.0.0.1;proto=http;host=\"inner.example\"";
        assert_eq!(headers["forwarded"], expected);
    }

    #[test]
    fn a_client_told_of_in_one_form_is_told_of_in_both_and_forges_neither() {
        let headers = written("10.0.0.1", &[("forwarded", b"for=1.1.1.1;proto=https")]);
        assert_eq!(headers[X_FORWARDED_FOR], "1.1.1.1, 10.0.0.1");
        assert_eq!(headers[X_FORWARDED_PROTO], "https");
        let headers = written(
            "10.0.0.1",
            &[
                ("x-forwarded-for", b"\xff, 2001:db8::7, 10.2.2.2"),
                ("forwarded", b"for=6.6.6.6"),
                ("x-real-ip", b"6.6.6.6"),
            ],
        );
        assert_eq!(headers[X_FORWARDED_FOR], "2001:db8::7, 10.2.2.2, 10.0.0.1");
        let expected = "for=\"[2001:db8::7]\", for=10.2.2.2, for=10.0.0.1;proto=http;host=\"inner.example\"";
        assert_eq!(headers["forwarded"], expected);
        assert_eq!(headers["x-real-ip"], "2001:db8::7");
    }

    #[test]
    fn what_a_trusted_peer_says_besides_goes_on_but_in_no_disguise() {
        let headers = written(
            "10.0.0.1",
            &[
                ("x-forwarded-for", b"1.1.1.1"),
                ("x-forwarded-port", b"8443"),
                ("x_forwarded_for", b"6.6.6.6"),
                ("x_real_ip", b"6.6.6.6"),
                ("x-forwarded-host", b"shop.example@evil.example"),
            ],
        );
        assert_eq!(headers["x-forwarded-port"], "8443");
        assert_eq!(headers["x-forwarded-host"], "inner.example");
        assert!(!headers.contains_key("x_forwarded_for") && !headers.contains_key("x_real_ip"));
    }
}
