//! A host and its port, as `Host`, authorities and proxies name them, held to one reading (RFC 9110 section 7.2).
//!
//! In: bytes that somebody sent. Out: the host and the port, or nothing. It must not say what becomes of a request.

use http::uri::{Authority, Scheme};

/// A host and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    host: &'a [u8],
    /// `None` where none is named, also by a colon with nothing behind it.
    port: Option<u16>,
}

impl<'a> Named<'a> {
    /// `uri-host [ ":" port ]`, not empty. No user information, which misleads about the host; no comma, though names may
    /// have one: it would be two hosts to whoever reads a list. Nor anything encoded: it would be another host to whoever
    /// decodes it.
    pub fn parse(named: &'a [u8]) -> Option<Self> {
        let (host, rest) = match named.first()? {
            b'[' => named.split_at(named.iter().position(|byte| *byte == b']')? + 1),
            _ => named.split_at(named.iter().position(|byte| *byte == b':').unwrap_or(named.len())),
        };
        let is_host = match host {
            [b'[', address @ .., b']'] => is_address(address),
            name => !name.is_empty() && is_name(name),
        };
        let port = match rest {
            [] | b":" => None,
            [b':', digits @ ..] => Some(port(digits)?),
            _ => return None,
        };
        is_host.then_some(Self { host, port })
    }

    /// Whether both name the same place, where no port means that of `scheme`; of http if there is none.
    pub fn is_same(&self, other: &Self, scheme: Option<&Scheme>) -> bool {
        let default = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
        self.host.eq_ignore_ascii_case(other.host) && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }
}

/// The authority that `named` is, if it is one host with a port or without.
pub fn authority(named: &[u8]) -> Option<Authority> {
    Named::parse(named)?;
    Authority::try_from(named).ok()
}

/// RFC 3986 section 3.2.2: a version 6 address; the grammar's future forms are nobody's.
fn is_address(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// `reg-name` of RFC 3986 section 3.2.2, without the comma and what is encoded.
fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(byte))
}

fn port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |port, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    })
}
