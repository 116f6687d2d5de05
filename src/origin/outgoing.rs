//! The request as the origin gets it.
//!
//! In: the request as the client sent it. Out: its head rewritten for the next hop, its URL joined to a server's. It must
//! not send anything.

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Uri};

use super::{Hop, HostPolicy, WantedCodings};
use crate::http::alike::remove_disguised;
use crate::http::coding::{Coding, accepted_codings};
use crate::http::cookies;
use crate::http::forwarded::write_forwarded;
use crate::http::headers::{Pseudonym, insert_upgrade, remove_hop_by_hop};

/// Rewrites the head for the next hop; what else it holds stays as it was received.
pub fn rewrite_head(parts: &mut Parts, hop: &Hop<'_>, upgrade: Option<&HeaderValue>, pseudonym: &Pseudonym) {
    let received = parts.version;
    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    remove_disguised(headers);
    // Who waits is told to go on as soon as the body is asked for, which is at once: nobody waits behind us.
    headers.remove(header::EXPECT);
    if let Some(protocol) = upgrade {
        insert_upgrade(headers, protocol.clone());
    }
    cookies::join_crumbs(headers);
    write_forwarded(headers, hop.peer, hop.client);
    pseudonym.append_via(headers, received);
    pseudonym.append_cdn_loop(headers);
    write_codings(headers, hop.codings);
}

/// Asks for the codings that are wanted.
pub fn write_codings(headers: &mut http::HeaderMap, wanted: WantedCodings) {
    match accept_encoding(wanted, headers) {
        AcceptEncoding::AsReceived => {}
        AcceptEncoding::These(value) => {
            headers.insert(header::ACCEPT_ENCODING, value);
        }
    }
}

enum AcceptEncoding {
    AsReceived,
    These(HeaderValue),
}

fn accept_encoding(wanted: WantedCodings, headers: &http::HeaderMap) -> AcceptEncoding {
    let codings: Vec<Coding> = match wanted {
        WantedCodings::AsReceived => return AcceptEncoding::AsReceived,
        WantedCodings::Decodable => Coding::ALL.to_vec(),
        WantedCodings::DecodableByBoth => accepted_codings(headers).all().collect(),
    };
    let names: Vec<&str> = codings.into_iter().map(Coding::name).collect();
    // An absent header would mean "any"; an origin that reads none of these names sends identity anyway.
    let list = if names.is_empty() { "identity".to_owned() } else { names.join(", ") };
    HeaderValue::try_from(list).map_or(AcceptEncoding::AsReceived, AcceptEncoding::These)
}

/// Writes `Host` as the policy says; without one the client library writes the URL's.
pub fn write_host(parts: &mut Parts, policy: &HostPolicy, client_host: Option<&Authority>) {
    let host = match policy {
        HostPolicy::Origin => None,
        HostPolicy::Preserve => client_host,
        HostPolicy::Name(name) => Some(name),
    };
    match host.and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        None => parts.headers.remove(header::HOST),
        Some(host) => parts.headers.insert(header::HOST, host),
    };
}

/// The URL of `target` at `server`: the server's path is a prefix, nothing is normalised. `None` if the result is no URL.
pub fn join(server: &Uri, target: &Uri) -> Option<Uri> {
    let prefix = server.path().trim_end_matches('/');
    let path = target.path_and_query().map_or("/", PathAndQuery::as_str);
    let joined = match path {
        // Asks about the server as a whole (RFC 9112 section 3.2.4).
        "*" => PathAndQuery::from_static("*"),
        _ if prefix.is_empty() => target.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")),
        _ => PathAndQuery::try_from(format!("{prefix}{path}")).ok()?,
    };
    let mut parts = server.clone().into_parts();
    parts.path_and_query = Some(joined);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_join_without_being_normalised() {
        let joined =
            |server: &str, target: &str| join(&server.parse().unwrap(), &target.parse().unwrap()).unwrap().to_string();
        assert_eq!(joined("http://a:81", "/x/../y%2fz?q=%20"), "http://a:81/x/../y%2fz?q=%20");
        assert_eq!(joined("https://a/v1/", "/x"), "https://a/v1/x");
        assert_eq!(joined("https://a/v1", "http://public/x?y"), "https://a/v1/x?y");
        assert_eq!(joined("http://a", "//evil.example/x"), "http://a//evil.example/x");
    }
}
