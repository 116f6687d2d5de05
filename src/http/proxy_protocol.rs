//! The header by which a balancer tells, ahead of everything else on a connection, whose connection it passes on (PROXY
//! protocol, versions 1 and 2).
//!
//! In: the first bytes of a connection. Out: where the header ends, and whom it names. It must not read, nor decide whose
//! header is believed.

use std::net::SocketAddr;

use ppp::{v1, v2};

use crate::limits;

/// Whether connections begin with such a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    #[default]
    Off,
    /// All of them must, and only trusted proxies may connect.
    Required,
}

/// Bytes of a header of version 1, with its end (specification, section 2.1).
const TEXT_BYTES: usize = 107;
/// What a header of version 1 begins with.
const TEXT: &[u8] = b"PROXY ";
/// Bytes of a header of version 2 up to its length, and with it.
const LENGTH: std::ops::Range<usize> = 14..16;

/// Why bytes are no such header.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Malformed {
    #[error("it begins with something else than a header of the PROXY protocol")]
    NoHeader,
    #[error("the header of the PROXY protocol is too long")]
    TooLong,
    #[error("the header of the PROXY protocol (version 1) can't be read")]
    Text(#[from] v1::BinaryParseError),
    #[error("the header of the PROXY protocol (version 2) can't be read")]
    Binary(#[from] v2::ParseError),
}

/// The number of bytes of the header that `seen` begins with; `None`: all that was seen belongs to it, and there is more.
///
/// # Errors
/// [`Malformed`], as soon as it shows.
pub fn length(seen: &[u8]) -> Result<Option<usize>, Malformed> {
    if begins_like(seen, v2::PROTOCOL_PREFIX) {
        let Some([high, low]) = seen.get(LENGTH) else { return Ok(None) };
        let whole = LENGTH.end + usize::from(u16::from_be_bytes([*high, *low]));
        return if whole > limits::PROXY_HEADER_BYTES { Err(Malformed::TooLong) } else { Ok(Some(whole)) };
    }
    if !begins_like(seen, TEXT) {
        return Err(Malformed::NoHeader);
    }
    match seen.iter().take(TEXT_BYTES).position(|byte| *byte == b'\n') {
        Some(end) => Ok(Some(end + 1)),
        None if seen.len() >= TEXT_BYTES => Err(Malformed::TooLong),
        None => Ok(None),
    }
}

fn begins_like(seen: &[u8], prefix: &[u8]) -> bool {
    seen.iter().zip(prefix).all(|(one, other)| one == other)
}

/// The client that a whole header names; `None` where it names none that is known by an address: a balancer's own connection
/// (`LOCAL`), `UNKNOWN`, a Unix socket, another transport than TCP. What else stands in it (TLVs) is left out.
///
/// # Errors
/// [`Malformed`].
pub fn client(header: &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    if header.starts_with(TEXT) {
        return Ok(match v1::Header::try_from(header)?.addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(told) => Some((told.source_address, told.source_port).into()),
            v1::Addresses::Tcp6(told) => Some((told.source_address, told.source_port).into()),
        });
    }
    let header = v2::Header::try_from(header)?;
    Ok(match (header.command, header.protocol, header.addresses) {
        (v2::Command::Proxy, v2::Protocol::Stream, v2::Addresses::IPv4(told)) => {
            Some((told.source_address, told.source_port).into())
        }
        (v2::Command::Proxy, v2::Protocol::Stream, v2::Addresses::IPv6(told)) => {
            Some((told.source_address, told.source_port).into())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_a_header_ends_shows_with_its_last_byte_at_the_latest() {
        for header in ["PROXY UNKNOWN\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"] {
            let with_more = [header.as_bytes(), b"GET / HTTP/1.1\r\n"].concat();
            for seen in 0..with_more.len() {
                let expected = (seen >= header.len()).then_some(header.len());
                assert_eq!(length(&with_more[..seen]), Ok(expected), "{seen} bytes of {header}");
            }
        }
        let binary = [v2::PROTOCOL_PREFIX, &[0x20, 0, 0, 3], b"abcmore"].concat();
        for seen in 0..binary.len() {
            assert_eq!(length(&binary[..seen]), Ok((seen >= 16).then_some(19)), "{seen} bytes");
        }
    }

    #[test]
    fn what_is_none_shows_at_once() {
        for bytes in [&b"G"[..], b"PROXX", b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIX", b"PROXY\tTCP4"] {
            assert_eq!(length(bytes), Err(Malformed::NoHeader), "{bytes:?}");
        }
        assert_eq!(length(&[TEXT, &[b'x'; 101]].concat()), Err(Malformed::TooLong));
        assert_eq!(length(&[v2::PROTOCOL_PREFIX, &[0x21, 0x11, 0xff, 0xff]].concat()), Err(Malformed::TooLong));
        for text in [
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n",
            "PROXY TCP4 192.0.2.700 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 4711 65536\r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY TCP4  192.0.2.7 10.0.0.1 4711 443\r\n",
            "PROXY \r\n",
        ] {
            client(text.as_bytes()).expect_err(text);
        }
    }

    proptest! {
        /// Nothing that anybody sends makes more than an error, and no header is longer than it may be.
        #[test]
        fn any_bytes_are_read_or_refused(
            kind in 0usize..3,
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let prefix = [b"".as_slice(), TEXT, v2::PROTOCOL_PREFIX][kind];
            let bytes = [prefix, &rest].concat();
            if let Ok(Some(length)) = length(&bytes) {
                prop_assert!(length <= limits::PROXY_HEADER_BYTES);
                if let Some(header) = bytes.get(..length) {
                    let _ = client(header);
                }
            }
        }
    }
}
