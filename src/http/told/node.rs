//! The addresses and schemes that proxies write (RFC 7239 section 6), in the forms that are met.
//!
//! In: bytes. Out: an address or a scheme, or nothing. It must not resolve names.

use std::net::IpAddr;

use http::uri::Scheme;

/// A node (section 6) that has an address: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:_port`. `None` for `unknown` and for names that hide.
pub fn address(node: &[u8]) -> Option<IpAddr> {
    let node = std::str::from_utf8(node).ok()?.trim().trim_matches('"');
    let parsed = || node.parse::<IpAddr>().ok();
    let with_port = || {
        let (host, _) = node.rsplit_once(':').filter(|(_, port)| is_port(port))?;
        // A version 6 address without brackets has no port.
        let is_one = host.starts_with('[') || !host.contains(':');
        is_one.then(|| unbracketed(host)).flatten()
    };
    parsed().or_else(|| unbracketed(node)).or_else(with_port).map(|address| address.to_canonical())
}

fn unbracketed(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

/// `1*5DIGIT`, or an underscore and what hides it (section 6.3).
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(hidden) => {
            !hidden.is_empty() && hidden.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// `http` or `https`, in any case.
pub fn scheme(scheme: &[u8]) -> Option<Scheme> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case(b"https") => Some(Scheme::HTTPS),
        _ if scheme.eq_ignore_ascii_case(b"http") => Some(Scheme::HTTP),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nodes_are_read_as_they_are_written() {
        for (node, address) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("192.0.2.1:_x", Some("192.0.2.1")),
            ("\"192.0.2.1:_a.b-c_d\"", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("\"[2001:db8::1]:443\"", Some("2001:db8::1")),
            ("[2001:db8::1]:_", None),
            ("[::ffff:10.0.0.1]:_p", Some("10.0.0.1")),
            ("192.0.2.1:", None),
            ("192.0.2.1:_!", None),
            ("192.0.2.1:x", None),
            ("192.0.2.1:+80", None),
            ("192.0.2.1:99999", None),
            ("[192.0.2.1]", None),
            ("192.0.2.01", None),
            ("192.0.2.1.", None),
            ("_hidden", None),
            ("_192.0.2.1", None),
            ("unknown", None),
            ("unknown:80", None),
            ("", None),
        ] {
            assert_eq!(
                super::address(node.as_bytes()).map(|address| address.to_string()).as_deref(),
                address,
                "{node}"
            );
        }
    }
}
