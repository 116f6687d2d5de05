//! What concerns one connection only, and the wish to leave HTTP on it (RFC 9110 sections 7.6.1 and 7.8).
//!
//! In: a message's headers. Out: the same without what must not go on; the protocol that is asked for. It must not open tunnels.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::pseudonym::CDN_LOOP;
use super::{remove_all, tokens};

/// Meant for one connection only, whether or not `Connection` names them.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// For all who see the message: a sender must not name them in `Connection` (RFC 9110 section 7.6.1), and who does would have
/// the next hop take a message for another than it is.
const FOR_ALL: [HeaderName; 15] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    CDN_LOOP,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TRAILER,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
];

/// Removes what concerns one connection only, and all that `Connection` names (RFC 9110 section 7.6.1). `TE: trailers`
/// stays, because trailers are passed on.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: SmallVec<[HeaderName; 4]> = tokens(headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
        .filter(|name| !FOR_ALL.contains(name) && !name.as_str().starts_with("x-forwarded-"))
        .collect();
    let trailers = tokens(headers, &header::TE).any(|te| te.eq_ignore_ascii_case("trailers"));
    remove_all(headers, &HOP_BY_HOP);
    remove_all(headers, &named);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// The same for a request that goes on within the house, before anybody reads it: what `Connection` names is gone for all
/// alike, and can't take out later what is added here. A wish to switch protocols stays.
pub fn leave_connection(headers: &mut HeaderMap) {
    let protocol = upgrade(headers);
    remove_hop_by_hop(headers);
    if let Some(protocol) = protocol {
        insert_upgrade(headers, protocol);
    }
}

/// The protocol that a request or a 101 response would switch to: its `Upgrade`, if `Connection` says so too.
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    tokens(headers, &header::CONNECTION)
        .any(|option| option.eq_ignore_ascii_case("upgrade"))
        .then(|| headers.get(header::UPGRADE).cloned())
        .flatten()
}

/// Asks for, or confirms, a switch to `protocol`.
pub fn insert_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    #[test]
    fn what_is_for_one_connection_goes() {
        let mut headers = headers(&[
            ("connection", "close, X-Secret"),
            ("connection", "host, keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-secret", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip, Trailers"),
            ("upgrade", "h2c"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("host", "a"),
            ("trailer", "x-sum"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["host: a", "set-cookie: a=1", "set-cookie: b=2", "te: trailers", "trailer: x-sum"]);
    }

    #[test]
    fn what_is_for_all_stays_whatever_connection_names() {
        let named = "Cookie, authorization, content-type, x-forwarded-for, via, x-hop";
        let mut headers = headers(&[
            ("connection", named),
            ("cookie", "a=1"),
            ("authorization", "Basic x"),
            ("content-type", "a/b"),
            ("x-forwarded-for", "1.1.1.1"),
            ("via", "1.1 a"),
            ("x-hop", "1"),
            ("http2-settings", "AA"),
        ]);
        leave_connection(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "content-type", "cookie", "via", "x-forwarded-for"]);
    }

    #[test]
    fn a_switch_survives_the_connection_and_one_odd_member_costs_no_other() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_bytes(b"x-hop, \xff, Upgrade").unwrap());
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("x-hop", HeaderValue::from_static("1"));
        leave_connection(&mut headers);
        assert_eq!(upgrade(&headers).unwrap(), "websocket");
        assert!(!headers.contains_key("x-hop"));
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        assert_eq!(upgrade(&headers(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade(&headers(&[("connection", "upgrade")])), None);
        let both = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade(&both).unwrap(), "websocket");
    }
}
