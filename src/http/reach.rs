//! Which addresses may be connected to: where a URL comes from outside, nothing that is inside must be reached by it.
//!
//! In: names and addresses. Out: those of them that may be reached. It must not connect.
//!
//! Names are judged by what they resolve to, on the very addresses that are then connected to, so that a name which changes
//! its mind between a check and a connection gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use ipnet::IpNet;
use tower_service::Service;

/// Whom a client may connect to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Anywhere,
    /// Only what anybody on the Internet could connect to.
    Public,
}

/// An address that may not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` leads to {address}, an address that is not public")]
pub struct Inward {
    pub host: String,
    pub address: IpAddr,
}

/// Networks that are not the Internet's: loopback, link-local (where clouds have their metadata), private, carrier-grade NAT,
/// benchmarks, documentation, multicast, reserved (RFC 6890 and its registries).
static INWARD: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let networks = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        // The address under which one large cloud answers with metadata and health, public by its number only.
        "168.63.129.16/32",
        "::/128",
        "::1/128",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2001:2::/48",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];
    networks.iter().map(|network| network.parse().expect("invariant: a network")).collect()
});

/// Whether an address is one that only the inside reaches; those that carry an IPv4 address are judged by that.
pub fn is_inward(address: IpAddr) -> bool {
    let carried = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => carried(address).map(IpAddr::V4),
    };
    let address = carried.unwrap_or(address);
    INWARD.iter().any(|network| network.contains(&address))
}

/// The IPv4 address inside: mapped, compatible, translated (RFC 6052), 6to4 (RFC 3056).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = |segments: [u16; 8]| {
        let [a, b] = segments[6].to_be_bytes();
        let [c, d] = segments[7].to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(last(segments)),
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => Some(last(segments)),
        [0x2002, high, low, ..] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

impl Reach {
    /// Whether `address`, which `host` led to, may be connected to.
    ///
    /// # Errors
    /// [`Inward`].
    pub fn check(self, host: &str, address: IpAddr) -> Result<(), Inward> {
        match self == Self::Public && is_inward(address) {
            true => Err(Inward { host: host.to_owned(), address }),
            false => Ok(()),
        }
    }

    /// Checks a host that is an address itself, in brackets or not; names are checked when they are resolved.
    ///
    /// # Errors
    /// [`Inward`].
    pub fn check_literal(self, host: &str) -> Result<(), Inward> {
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => self.check(host, address),
            Err(_) => Ok(()),
        }
    }
}

/// Who tells the addresses of names.
#[derive(Clone, Default)]
pub struct Names(Option<Arc<Told>>);

type Told = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

impl Names {
    /// The platform: its resolver, hosts file and search domains.
    pub fn platform() -> Self {
        Self(None)
    }

    /// `told`, for tests of what names may lead to.
    pub fn told(told: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "platform" })
    }
}

/// The same if the same tells.
impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Names {}

/// Resolves names to what may be reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolver {
    pub reach: Reach,
    pub names: Names,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { reach, names } = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let addresses: Vec<SocketAddr> = match &names.0 {
                None => tokio::net::lookup_host((host, 0)).await?.collect(),
                Some(told) => told(host)?.into_iter().map(|address| SocketAddr::new(address, 0)).collect(),
            };
            let checked = addresses.iter().map(|address| reach.check(host, address.ip()));
            // One address inside among others is passed over; nothing but such is told.
            let refused = checked.filter_map(Result::err).next();
            let reached: Vec<_> =
                addresses.into_iter().filter(|address| reach.check(host, address.ip()).is_ok()).collect();
            match refused {
                Some(inward) if reached.is_empty() => Err(io::Error::new(io::ErrorKind::PermissionDenied, inward)),
                _ => Ok(reached.into_iter()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_known_in_every_notation() {
        for inside in [
            "127.0.0.1",
            "127.255.1.2",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001:0:1::",
            "fd00:ec2::254",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_inward(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "169.253.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2a00::1",
        ] {
            assert!(!is_inward(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_checked_as_it_stands() {
        for host in ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]"] {
            assert!(Reach::Public.check_literal(host).is_err(), "{host}");
            assert!(Reach::Anywhere.check_literal(host).is_ok());
        }
        assert!(Reach::Public.check_literal("localhost").is_ok(), "it is checked when it is resolved");
    }
}
