//! Who is at the other end: the peer of a connection, and the client behind it where trusted proxies stand between.
//!
//! In: a connection's addresses, a request's `X-Forwarded-*` or `Forwarded`. Out: the true client; the same headers
//! written for the next hop. It must not believe anything that a peer says who is not trusted.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use ipnet::IpNet;

use super::headers::tokens;
use crate::limits;

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The ends of one accepted connection. In the extensions of every request that comes over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    pub security: Security,
}

impl Peer {
    /// The peer of a request that is made within the process.
    pub fn in_process() -> Self {
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { address: here, local: here, security: Security::Plain }
    }
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    Tls,
    Plain,
}

/// Who asked, and how they asked it: as the peer says if it is trusted, else as the connection says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueClient {
    pub address: IpAddr,
    pub scheme: Scheme,
    /// With its port, if it has one; `None` if the request names no host.
    pub host: Option<Authority>,
    pub peer: PeerStanding,
}

/// Whether what the peer says of others is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStanding {
    Trusted,
    Unknown,
}

/// The networks of proxies whose word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether `address` is one of them; an IPv4 address mapped into IPv6 counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of `request`: going from us outward, the first that is no trusted proxy. `X-Forwarded-For` counts
    /// before `Forwarded`, because most proxies write only the former and pass the latter on unread.
    pub fn client(&self, peer: &Peer, request: &Parts) -> TrueClient {
        let address = peer.address.ip().to_canonical();
        let direct = TrueClient {
            address,
            scheme: if peer.security == Security::Tls { Scheme::HTTPS } else { Scheme::HTTP },
            host: host(request),
            peer: PeerStanding::Unknown,
        };
        if !self.contains(address) {
            return direct;
        }
        let told = Told::of(&request.headers);
        let trusted = told.addresses.iter().take_while(|hop| hop.is_some_and(|hop| self.contains(hop))).count();
        // The first that is not trusted is the client. If there is none, or one that hides, it is the last known.
        let distance = match told.addresses.get(trusted) {
            Some(Some(_)) => trusted,
            _ => trusted.saturating_sub(1),
        };
        TrueClient {
            address: told.addresses.get(distance).copied().flatten().unwrap_or(address),
            scheme: at(&told.schemes, distance).cloned().flatten().unwrap_or(direct.scheme),
            host: at(&told.hosts, distance).cloned().flatten().or(direct.host),
            peer: PeerStanding::Trusted,
        }
    }
}

/// The element of the hop at `distance`; a shorter list was written by the hops further out.
fn at<T>(list: &[T], distance: usize) -> Option<&T> {
    list.get(distance).or(list.last())
}

/// The host that a request is for: of an absolute target (RFC 9112 section 3.2.2, HTTP/2's `:authority`), else `Host`.
pub fn host(request: &Parts) -> Option<Authority> {
    let written = || Authority::try_from(request.headers.get(header::HOST)?.as_bytes()).ok();
    request.uri.authority().cloned().or_else(written)
}

/// What proxies wrote, the nearest hop first.
#[derive(Debug, Default)]
struct Told {
    /// `None` for one that hides or can't be read.
    addresses: Vec<Option<IpAddr>>,
    schemes: Vec<Option<Scheme>>,
    hosts: Vec<Option<Authority>>,
}

impl Told {
    fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(X_FORWARDED_FOR) && headers.contains_key(header::FORWARDED) {
            return Self::of_forwarded(headers);
        }
        Self {
            addresses: nearest_first(tokens(headers, &X_FORWARDED_FOR).map(parse_node)),
            schemes: nearest_first(tokens(headers, &X_FORWARDED_PROTO).map(parse_scheme)),
            hosts: nearest_first(tokens(headers, &X_FORWARDED_HOST).map(|host| Authority::try_from(host).ok())),
        }
    }

    fn of_forwarded(headers: &HeaderMap) -> Self {
        let elements = || tokens(headers, &header::FORWARDED);
        let parameter = |element: &'static str| {
            move |hop: &'_ str| {
                hop.split(';').filter_map(|pair| pair.split_once('=')).find_map(|(name, value)| {
                    let value = value.trim().trim_matches('"').to_owned();
                    name.trim().eq_ignore_ascii_case(element).then_some(value)
                })
            }
        };
        let values = |name| nearest_first(elements().map(parameter(name)));
        Self {
            addresses: values("for").iter().map(|node| parse_node(node.as_deref()?)).collect(),
            schemes: values("proto").iter().map(|scheme| parse_scheme(scheme.as_deref()?)).collect(),
            hosts: values("host").iter().map(|host| Authority::try_from(host.as_deref()?).ok()).collect(),
        }
    }
}

fn nearest_first<T>(hops: impl Iterator<Item = T>) -> Vec<T> {
    let mut hops: Vec<T> = hops.collect();
    hops.reverse();
    hops.truncate(limits::FORWARDED_HOPS);
    hops
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let unbracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || node.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address: Option<IpAddr> = node.parse().ok().or_else(with_port).or_else(unbracketed);
    address.map(|address| address.to_canonical())
}

fn parse_scheme(scheme: &str) -> Option<Scheme> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Some(Scheme::HTTPS),
        _ if scheme.eq_ignore_ascii_case("http") => Some(Scheme::HTTP),
        _ => None,
    }
}

/// Tells the next hop who asked: appends the peer to what trusted proxies wrote, or starts anew, so that nothing that
/// an unknown peer wrote into a header of this kind is passed on.
pub fn write_forwarded(headers: &mut HeaderMap, peer: &Peer, client: &TrueClient) {
    if client.peer == PeerStanding::Unknown {
        remove_claims(headers);
    }
    let address = peer.address.ip().to_canonical();
    if client.address != address {
        // Proxies write one form of the chain or the other; an origin that reads the other must find the client too.
        begin_list(headers, &X_FORWARDED_FOR, &client.address.to_string());
        begin_list(headers, &header::FORWARDED, &format!("for={}", node(client.address)));
    }
    append_member(headers, &X_FORWARDED_FOR, &address.to_string());
    insert(headers, &X_FORWARDED_PROTO, client.scheme.as_str());
    let mut element = format!("for={};proto={}", node(address), client.scheme);
    if let Some(host) = &client.host {
        insert(headers, &X_FORWARDED_HOST, host.as_str());
        element.push_str(&format!(";host=\"{host}\""));
    }
    append_member(headers, &header::FORWARDED, &element);
}

/// Removes every header by which proxies tell of a client.
fn remove_claims(headers: &mut HeaderMap) {
    let is_claim = |name: &HeaderName| {
        *name == header::FORWARDED || name.as_str().starts_with("x-forwarded-") || name.as_str() == "x-real-ip"
    };
    let claims: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// An address as `Forwarded` has it (RFC 7239 section 6).
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}

/// Makes a list of one member, if there is no list yet.
fn begin_list(headers: &mut HeaderMap, name: &HeaderName, member: &str) {
    if !headers.contains_key(name) {
        insert(headers, name, member);
    }
}

/// Appends to the list in one line, since some origins read only one.
fn append_member(headers: &mut HeaderMap, name: &HeaderName, member: &str) {
    let before: Vec<&str> = tokens(headers, name).collect();
    let list = before.into_iter().chain([member]).collect::<Vec<_>>().join(", ");
    insert(headers, name, &list);
}

fn insert(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, lines: &[(&str, &str)]) -> (Peer, TrueClient, HeaderMap) {
        let mut request = http::Request::get("/").header("host", "inner.example");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let address = SocketAddr::new(peer.parse().unwrap(), 4711);
        let peer = Peer { address, local: "192.0.2.9:80".parse().unwrap(), security: Security::Plain };
        let client = trusted.client(&peer, &parts);
        (peer, client, parts.headers)
    }

    /// Peer, header lines, the client's address, scheme and host as they must come out.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

    const TABLE: &[Case] = &[
        // Unknown peers are believed nothing.
        ("192.0.2.1", &[("x-forwarded-for", "1.1.1.1")], "192.0.2.1", "http", "inner.example"),
        ("192.0.2.1", &[("forwarded", "for=1.1.1.1;proto=https;host=x")], "192.0.2.1", "http", "inner.example"),
        // Trusted ones are; the right-most that is not trusted is the client.
        ("10.0.0.1", &[("x-forwarded-for", "1.1.1.1")], "1.1.1.1", "http", "inner.example"),
        ("::ffff:10.0.0.1", &[("x-forwarded-for", "1.1.1.1")], "1.1.1.1", "http", "inner.example"),
        ("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.9.9.9")], "1.1.1.1", "http", "inner.example"),
        (
            "10.0.0.1",
            &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1:99")],
            "1.1.1.1",
            "http",
            "inner.example",
        ),
        ("10.0.0.1", &[("x-forwarded-for", "10.2.2.2, 10.3.3.3")], "10.2.2.2", "http", "inner.example"),
        ("10.0.0.1", &[("x-forwarded-for", "1.1.1.1, unknown, 10.3.3.3")], "10.3.3.3", "http", "inner.example"),
        ("10.0.0.1", &[("x-forwarded-for", "nonsense")], "10.0.0.1", "http", "inner.example"),
        ("10.0.0.1", &[], "10.0.0.1", "http", "inner.example"),
        ("fd00::1", &[("x-forwarded-for", "[2001:db8::7]:443")], "2001:db8::7", "http", "inner.example"),
        // Scheme and host are those that the same hop saw.
        (
            "10.0.0.1",
            &[
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-proto", "HTTPS"),
                ("x-forwarded-host", "shop.example:8443"),
            ],
            "1.1.1.1",
            "https",
            "shop.example:8443",
        ),
        (
            "10.0.0.1",
            &[("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.2.2.2"), ("x-forwarded-proto", "http, https, http")],
            "1.1.1.1",
            "https",
            "inner.example",
        ),
        (
            "10.0.0.1",
            &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "gopher")],
            "1.1.1.1",
            "http",
            "inner.example",
        ),
        // RFC 7239, and the older header before it.
        (
            "10.0.0.1",
            &[("forwarded", "for=6.6.6.6, For=\"[2001:db8::1]:80\";proto=https;host=\"a.example\", for=10.1.1.1")],
            "2001:db8::1",
            "https",
            "a.example",
        ),
        ("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1", "http", "inner.example"),
        (
            "10.0.0.1",
            &[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "1.1.1.1")],
            "1.1.1.1",
            "http",
            "inner.example",
        ),
    ];

    #[test]
    fn the_client_is_the_first_that_nobody_vouches_for() {
        for (peer, lines, address, scheme, host) in TABLE {
            let (_, client, _) = asked(peer, lines);
            let found = (client.address.to_string(), client.scheme.to_string(), client.host.unwrap().to_string());
            assert_eq!(found, (address.to_string(), scheme.to_string(), host.to_string()), "{peer} {lines:?}");
        }
    }

    #[test]
    fn what_an_unknown_peer_claims_is_not_passed_on() {
        let claims = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-prefix", "/admin"),
            ("x-real-ip", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
        ];
        let (peer, client, mut headers) = asked("2001:db8::5", &claims);
        write_forwarded(&mut headers, &peer, &client);
        assert_eq!(headers[X_FORWARDED_FOR], "2001:db8::5");
        assert_eq!(headers[X_FORWARDED_PROTO], "http");
        assert_eq!(headers[X_FORWARDED_HOST], "inner.example");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::5]\";proto=http;host=\"inner.example\"");
        assert_eq!(headers.len(), 5, "{headers:?}");
    }

    #[test]
    fn a_trusted_chain_is_continued() {
        let chain = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.1.1.1")];
        let (peer, client, mut headers) = asked("10.0.0.1", &chain);
        write_forwarded(&mut headers, &peer, &client);
        assert_eq!(headers[X_FORWARDED_FOR], "1.1.1.1, 10.0.0.1");
        assert_eq!(headers[X_FORWARDED_PROTO], "https");
        assert_eq!(headers["forwarded"], "for=1.1.1.1, for=10.0.0.1;proto=https;host=\"inner.example\"");
    }

    #[test]
    fn a_client_told_of_in_one_form_is_told_of_in_both() {
        let (peer, client, mut headers) = asked("10.0.0.1", &[("forwarded", "for=1.1.1.1;proto=https")]);
        write_forwarded(&mut headers, &peer, &client);
        assert_eq!(headers[X_FORWARDED_FOR], "1.1.1.1, 10.0.0.1");
        let (peer, client, mut headers) = asked("10.0.0.1", &[("x-forwarded-for", "2001:db8::7, 10.2.2.2")]);
        write_forwarded(&mut headers, &peer, &client);
        assert_eq!(headers[X_FORWARDED_FOR], "2001:db8::7, 10.2.2.2, 10.0.0.1");
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::7]\", for=10.0.0.1;proto=http;host=\"inner.example\"");
    }
}
