//! Who is at the other end: the peer of a connection, and the client behind it where trusted proxies stand between.
//!
//! In: a connection's addresses, what `told` reads of a request. Out: the true client. It must not believe anything that a
//! peer says who is not trusted.

use std::net::{IpAddr, SocketAddr};

use http::header;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use ipnet::IpNet;

pub use super::told::Told;
use super::{host as hosts, told};

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
    /// What is believed of the hops behind the peer, the nearest first.
    pub told: Vec<Told>,
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

    /// The client of `request`: going from us outward, the first that is no trusted proxy. If there is none, or one that
    /// hides, it is the last known.
    pub fn client(&self, peer: &Peer, request: &Parts) -> TrueClient {
        let address = peer.address.ip().to_canonical();
        let direct = TrueClient {
            address,
            scheme: if peer.security == Security::Tls { Scheme::HTTPS } else { Scheme::HTTP },
            host: host(request),
            peer: PeerStanding::Unknown,
            told: Vec::new(),
        };
        if !self.contains(address) {
            return direct;
        }
        let mut told = told::told(&request.headers);
        let trusted = told.iter().take_while(|hop| hop.address.is_some_and(|hop| self.contains(hop))).count();
        // What the last trusted proxy tells is the last that is believed.
        told.truncate(trusted + 1);
        let outermost = told.last().cloned().unwrap_or_default();
        TrueClient {
            address: told.iter().rev().find_map(|hop| hop.address).unwrap_or(address),
            scheme: outermost.scheme.unwrap_or(direct.scheme),
            host: outermost.host.or(direct.host),
            peer: PeerStanding::Trusted,
            told,
        }
    }
}

/// The host that a request is for: of an absolute target (RFC 9112 section 3.2.2, HTTP/2's `:authority`), else `Host`.
pub fn host(request: &Parts) -> Option<Authority> {
    let written = || hosts::authority(request.headers.get(header::HOST)?.as_bytes());
    request.uri.authority().cloned().or_else(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, lines: &[(&str, &str)]) -> TrueClient {
        let mut request = http::Request::get("/").header("host", "inner.example");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let address = SocketAddr::new(peer.parse().unwrap(), 4711);
        let peer = Peer { address, local: "192.0.2.9:80".parse().unwrap(), security: Security::Plain };
        trusted.client(&peer, &parts)
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
            &[("forwarded", "for=_hidden;proto=https;host=a.example, for=10.2.2.2;proto=http")],
            "10.2.2.2",
            "https",
            "a.example",
        ),
        // What a client wrote before the proxy did makes no difference.
        (
            "10.0.0.1",
            &[("forwarded", "for=\"6.6.6.6, for=1.1.1.1;proto=https;ext=\",for=6.6.6.6;\"")],
            "1.1.1.1",
            "https",
            "inner.example",
        ),
        ("10.0.0.1", &[("x-forwarded-for", "\u{e9}, 1.1.1.1:_x")], "1.1.1.1", "http", "inner.example"),
        // A host that misleads is none.
        (
            "10.0.0.1",
            &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "shop.example@evil.example")],
            "1.1.1.1",
            "http",
            "inner.example",
        ),
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
            let client = asked(peer, lines);
            let found = (client.address.to_string(), client.scheme.to_string(), client.host.unwrap().to_string());
            assert_eq!(found, (address.to_string(), scheme.to_string(), host.to_string()), "{peer} {lines:?}");
        }
    }
}
