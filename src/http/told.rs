//! What proxies on the way tell of those before them: `X-Forwarded-*`, or `Forwarded` (RFC 7239).
//!
//! In: a request's headers. Out: one [`Told`] per hop, the nearest first. It must not believe anything: whose word counts is
//! for `peer` to say.
//!
//! Lists are read from the right, because only there stand the words of those who are known: whatever a client wrote on the
//! left, an open quote or bytes that are no text, it takes nothing away from them.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme};

use super::host::authority;
use crate::limits;

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
        address: addresses.get(place).and_then(|node| self::address(node)),
        scheme: at(&schemes, place).and_then(self::scheme),
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

/// The members of a list over all lines of `name`, from the right, trimmed, the empty ones left out. `last_comma` tells
/// where a line's last member begins.
fn members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    last_comma: fn(&[u8]) -> Option<usize>,
) -> impl Iterator<Item = &'a [u8]> {
    let of_line = move |line: &'a [u8]| {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let line = rest?;
            let (before, member) = match last_comma(line) {
                Some(comma) => (Some(&line[..comma]), &line[comma + 1..]),
                None => (None, line),
            };
            rest = before;
            Some(member.trim_ascii())
        })
    };
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
    let members = lines.into_iter().rev().flat_map(of_line).filter(|member| !member.is_empty());
    members.take(limits::FORWARDED_HOPS)
}

fn last_comma(line: &[u8]) -> Option<usize> {
    line.iter().rposition(|byte| *byte == b',')
}

/// The last comma outside of quotes, which are paired from the right: a quote there ends a string that begins at the next
/// quote no backslash stands before. `None` also where one has no beginning.
fn last_comma_unquoted(line: &[u8]) -> Option<usize> {
    let mut end = line.len();
    loop {
        let place = line[..end].iter().rposition(|byte| matches!(byte, b',' | b'"'))?;
        match line[place] {
            b',' => return Some(place),
            _ => end = opening_quote(&line[..place])?,
        }
    }
}

fn opening_quote(line: &[u8]) -> Option<usize> {
    let is_escaped = |place: usize| line[..place].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    (0..line.len()).rev().find(|place| line[*place] == b'"' && !is_escaped(*place))
}

/// `[ forwarded-pair ] *( ";" [ forwarded-pair ] )` (section 4). `None` if it is none, or names a parameter twice.
fn element(written: &[u8]) -> Option<Told> {
    let text = String::from_utf8_lossy(written);
    let mut told = Told { element: text.is_ascii().then(|| text.to_string()), ..Told::default() };
    let mut seen: Vec<String> = Vec::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (value, behind) = value(behind.trim_start())?;
        match name.as_str() {
            "for" => told.address = address(value.as_bytes()),
            "proto" => told.scheme = scheme(value.as_bytes()),
            "host" => told.host = authority(value.as_bytes()),
            _ => {}
        }
        if name.is_empty() || seen.contains(&name) {
            return None;
        }
        seen.push(name);
        rest = match behind.trim_start().strip_prefix(';') {
            Some(rest) => rest.trim_start(),
            None if behind.trim().is_empty() => "",
            None => return None,
        };
    }
    Some(told)
}

/// A quoted string or what stands for one without quotes, and what stands behind it. Unquoted, ports and brackets are read
/// too, though they are no tokens: many write them so.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let value = value.trim();
        return (!value.contains(['"', ' ', '\t'])).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// A node (section 6) that has an address: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:_port`. `None` for `unknown` and for names that hide.
fn address(node: &[u8]) -> Option<IpAddr> {
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

fn scheme(scheme: &[u8]) -> Option<Scheme> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case(b"https") => Some(Scheme::HTTPS),
        _ if scheme.eq_ignore_ascii_case(b"http") => Some(Scheme::HTTP),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

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
