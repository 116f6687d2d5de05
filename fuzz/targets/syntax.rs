//! The small syntaxes of requests and rules: cookies, who forwarded, path patterns, targets of redirects.
#![no_main]

use std::net::SocketAddr;

use http::header::{COOKIE, FORWARDED, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use inlay::http::cookies::{cookies, join_crumbs, remove_cookie};
use inlay::http::forwarded::write_forwarded;
use inlay::http::path::{normalise, segments_of};
use inlay::http::peer::{Peer, TrustedProxies};
use inlay::rule::action::Query;
use inlay::rule::index::PathIndex;
use inlay::rule::pattern::{Glob, PathPattern};
use inlay::rule::target::{location, served};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use url::Url;

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    Cookies { lines: Vec<&'a [u8]>, name: &'a str },
    Forwarded { lines: Vec<(u8, &'a [u8])>, peer_is_trusted: bool },
    Patterns { patterns: Vec<&'a str>, path: &'a str },
    Targets { text: &'a str, asked: &'a str, query: Option<&'a str> },
}

fuzz_target!(|case: Case| match case {
    Case::Cookies { lines, name } => take_a_cookie(&lines, name),
    Case::Forwarded { lines, peer_is_trusted } => forward(&lines, peer_is_trusted),
    Case::Patterns { patterns, path } => find_by_path(&patterns, path),
    Case::Targets { text, asked, query } => lead(text, asked, query),
});

/// Without one cookie the others are as they were, in their order.
fn take_a_cookie(lines: &[&[u8]], name: &str) {
    let mut headers = HeaderMap::new();
    for line in lines.iter().take(8).filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(COOKIE, line);
    }
    let read = |headers: &HeaderMap| -> Vec<(String, String)> {
        cookies(headers).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    };
    let before = read(&headers);
    let mut joined = headers.clone();
    join_crumbs(&mut joined);
    assert_eq!(read(&joined), before, "joined crumbs are other cookies");
    remove_cookie(&mut headers, name);
    let others: Vec<_> = before.into_iter().filter(|(known, _)| known != name).collect();
    assert_eq!(read(&headers), others, "another cookie changed");
}

/// Of a peer that is not trusted nothing is believed; what we write on is read the same by whoever trusts us.
fn forward(lines: &[(u8, &[u8])], peer_is_trusted: bool) {
    const NAMES: [HeaderName; 4] = [
        FORWARDED,
        HeaderName::from_static("x-forwarded-for"),
        HeaderName::from_static("x-forwarded-proto"),
        HeaderName::from_static("x-forwarded-host"),
    ];
    let mut request = Request::get("/").header("host", "inner.example").body(()).expect("a request");
    for (name, line) in lines.iter().take(8) {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            request.headers_mut().append(&NAMES[usize::from(*name) % NAMES.len()], line);
        }
    }
    let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
    let address = if peer_is_trusted { [10, 0, 0, 1] } else { [192, 0, 2, 1] };
    let peer = Peer { address: SocketAddr::from((address, 4711)), ..Peer::in_process() };
    let (mut head, ()) = request.into_parts();
    let client = trusted.client(&peer, &head);
    if !peer_is_trusted {
        assert_eq!(client.address, peer.address.ip(), "an unknown peer was believed");
        assert_eq!(client.host.as_ref().map(|host| host.as_str()), Some("inner.example"));
    }
    write_forwarded(&mut head.headers, &peer, &client);
    let us = Peer { address: SocketAddr::from(([10, 0, 0, 2], 80)), ..Peer::in_process() };
    assert_eq!(trusted.client(&us, &head).address, client.address, "the next hop sees another client");
}

/// The index finds what the patterns match one by one, and they match what trying every way does.
fn find_by_path(patterns: &[&str], path: &str) {
    let path = normalise(&path.chars().take(200).collect::<String>());
    assert!(path.starts_with('/'));
    assert!(!segments_of(&path).any(|segment| matches!(segment, "." | "..")) || path.contains('%'), "{path:?}");
    let mut index = PathIndex::default();
    let mut expected = Vec::new();
    for (number, source) in patterns.iter().take(8).enumerate() {
        let Ok(pattern) = PathPattern::parse(source) else { continue };
        index.add(&pattern, number);
        if pattern.matches(&path) {
            expected.push(number);
        }
        for (name, text) in pattern.captures(&path).unwrap_or_default() {
            assert!(!text.is_empty() && path.contains(&text), "{name} captured {text:?}");
        }
    }
    assert_eq!(index.find(&path), expected, "the index and the patterns differ on {path:?}");
    for source in patterns.iter().take(4) {
        let (source, text) = (source.get(..32).unwrap_or(source), path.get(..64).unwrap_or(&path));
        let (pattern, letters): (Vec<char>, Vec<char>) = (source.chars().collect(), text.chars().collect());
        assert_eq!(Glob::new(source).matches(text), fits(&pattern, &letters), "{source:?} on {text:?}");
    }
}

/// A glob by trying every way, a column at a time.
fn fits(pattern: &[char], text: &[char]) -> bool {
    // Whether the pattern so far fits the text up to each place.
    let mut fit: Vec<bool> = (0..=text.len()).map(|place| place == 0).collect();
    for wanted in pattern {
        fit = match wanted {
            '*' => fit
                .iter()
                .scan(false, |any, fit| {
                    Some({
                        *any |= *fit;
                        *any
                    })
                })
                .collect(),
            letter => (0..=text.len()).map(|place| place > 0 && fit[place - 1] && text[place - 1] == *letter).collect(),
        };
    }
    fit[text.len()]
}

/// A redirect leads to the site's own hosts as a browser reads it, and a `serve` stays below its root.
fn lead(text: &str, asked: &str, query: Option<&str>) {
    let base = Url::parse("https://www.example.com/").expect("a URL");
    let Ok(asked) = base.join(asked) else { return };
    if asked.host_str() == Some("www.example.com")
        && let Ok(location) = location(text, &asked, Query::Keep, |host| host == "own.example")
    {
        let location = location.to_str().expect("ASCII");
        let target = asked.join(location).expect("a browser can read it");
        assert!(matches!(target.host_str(), Some("www.example.com" | "own.example")), "{text:?} led to {target}");
    }
    if let Ok(served) = served(text, query) {
        assert!(served.path().starts_with('/') && !served.path().starts_with("//"), "{served}");
        let uri: Uri = served.to_string().parse().expect("a target");
        assert_eq!(uri.path(), served.path(), "it is read in another way");
        let target = base.join(served.path()).expect("a URL");
        assert_eq!(target.host_str(), Some("www.example.com"));
    }
}
