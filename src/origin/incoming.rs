//! Where an origin speaks of itself in the head of a response: its own URLs become those of the client. Pure.
//!
//! In: who the origin is, how the client asked, the head. Out: `Location`, `Content-Location`, `Refresh` and the domains of
//! cookies, rewritten. It must not touch what the origin says of others, nor anything that is not certain to be its own.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme, Uri};

/// One of the URLs at which an origin is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    scheme: Scheme,
    host: String,
    port: u16,
    /// What stands before every path, without a slash at its end.
    prefix: String,
}

impl Own {
    /// The origin at this absolute URL; `None` if it is not absolute.
    pub fn at(url: &Uri) -> Option<Self> {
        let (scheme, authority) = (url.scheme()?.clone(), url.authority()?);
        let port = authority.port_u16().unwrap_or_else(|| default_port(&scheme));
        let host = authority.host().to_ascii_lowercase();
        Some(Self { scheme, host, port, prefix: url.path().trim_end_matches('/').to_owned() })
    }

    /// The same origin under the name that it is told in `Host`.
    pub fn named(&self, name: &Authority) -> Self {
        let port = name.port_u16().unwrap_or_else(|| default_port(&self.scheme));
        Self { host: name.host().to_ascii_lowercase(), port, ..self.clone() }
    }

    /// What follows the origin in a URL of its own, as the client would ask for it.
    fn rest<'u>(&self, url: &'u str) -> Option<&'u str> {
        let (scheme, after) = match url.split_once("//")? {
            ("", after) => (self.scheme.as_str(), after),
            (scheme, after) => (scheme.strip_suffix(':')?, after),
        };
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let authority: Authority = after[..end].parse().ok()?;
        // A user's name before the host is nothing that an origin says of itself.
        let plain = !authority.as_str().contains('@');
        let port = authority.port_u16().unwrap_or_else(|| default_port(&self.scheme));
        let same = scheme.eq_ignore_ascii_case(self.scheme.as_str())
            && authority.host().eq_ignore_ascii_case(&self.host)
            && port == self.port;
        let rest = after[end..].strip_prefix(self.prefix.as_str()).filter(|_| plain && same)?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }

    /// Whether a cookie's domain is the origin's own host, or one above it.
    fn is_in(&self, domain: &str) -> bool {
        is_in(&self.host, domain)
    }
}

fn default_port(scheme: &Scheme) -> u16 {
    if *scheme == Scheme::HTTPS { 443 } else { 80 }
}

/// Whether `host` is `domain` or below it; both in lower case.
fn is_in(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The fields in which an origin may speak of itself.
const SPEAKING: [HeaderName; 4] = [header::LOCATION, header::CONTENT_LOCATION, header::REFRESH, header::SET_COOKIE];

/// Whether there is anything to rewrite.
pub fn may_speak_of_itself(headers: &HeaderMap) -> bool {
    SPEAKING.iter().any(|name| headers.contains_key(name))
}

/// Rewrites a head for a client that asked `host` by `scheme`: what the origin, which is any of `own`, says of itself.
pub fn speak_as(headers: &mut HeaderMap, own: &[Own], scheme: &Scheme, host: &Authority) {
    let clients = |url: &str| {
        let rest = own.iter().find_map(|own| own.rest(url))?;
        Some(format!("{scheme}://{host}{rest}"))
    };
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        exchange(headers, &name, |line| clients(line.trim()));
    }
    exchange(headers, &header::REFRESH, |line| {
        let url = url_of_refresh(line)?;
        Some(format!("{}{}{}", &line[..url.start], clients(&line[url.clone()])?, &line[url.end..]))
    });
    let client = host.host().to_ascii_lowercase();
    exchange(headers, &header::SET_COOKIE, |line| host_only(line, own, &client));
}

/// Puts a new line where `make` gives one; all others stay, in their order.
fn exchange(headers: &mut HeaderMap, name: &HeaderName, make: impl Fn(&str) -> Option<String>) {
    let made = |line: &HeaderValue| HeaderValue::try_from(make(line.to_str().ok()?)?).ok();
    let lines: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
    let fresh: Vec<Option<HeaderValue>> = lines.iter().map(made).collect();
    if fresh.iter().all(Option::is_none) {
        return;
    }
    headers.remove(name);
    for (line, fresh) in lines.into_iter().zip(fresh) {
        headers.append(name, fresh.unwrap_or(line));
    }
}

/// Where the URL stands in `5; url=/there`: browsers read it with or without quotes, and also without `url=` (the HTML
/// standard's shared declarative refresh steps).
fn url_of_refresh(line: &str) -> Option<std::ops::Range<usize>> {
    let rest = line[line.find([';', ','])? + 1..].trim_start();
    let named = rest.get(..3).filter(|name| name.eq_ignore_ascii_case("url"));
    let named = named.and_then(|name| rest[name.len()..].trim_start().strip_prefix('='));
    let url = named.map_or(rest, str::trim_start);
    let bare = url.strip_prefix(['"', '\'']);
    let end = match (bare, url.chars().next()) {
        (Some(bare), Some(quote)) => bare.find(quote).unwrap_or(bare.len()),
        _ => url.trim_end().len(),
    };
    let start = line.len() - bare.unwrap_or(url).len();
    Some(start..start + end)
}

/// A cookie for the origin's own domain, which the client's host is not in, made one for that host alone.
fn host_only(line: &str, own: &[Own], client: &str) -> Option<String> {
    let is_domain = |part: &&str| part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("domain"));
    let mut parts = line.split(';');
    let pair = parts.next()?;
    let attributes: Vec<&str> = parts.collect();
    // Of several the last counts (RFC 6265 section 5.3).
    let domain = attributes.iter().rfind(|part| is_domain(part))?.split_once('=')?.1;
    let domain = domain.trim().trim_start_matches('.').to_ascii_lowercase();
    let of_origin = !domain.is_empty() && own.iter().any(|own| own.is_in(&domain));
    if !of_origin || is_in(client, &domain) {
        return None;
    }
    let kept = attributes.into_iter().filter(|part| !is_domain(part));
    Some(std::iter::once(pair).chain(kept).collect::<Vec<_>>().join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(name: &'static str, line: &str) -> String {
        let urls = ["http://10.0.0.5:3000", "https://origin.shop.be/base/", "http://plain.be"];
        let mut own: Vec<Own> = urls.iter().filter_map(|url| Own::at(&url.parse().unwrap())).collect();
        own.push(own[0].named(&"www.inside.be".parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.append(name, line.parse().unwrap());
        speak_as(&mut headers, &own, &Scheme::HTTPS, &"www.shop.be:8443".parse().unwrap());
        headers[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn own_urls_become_the_clients() {
        let table = [
            ("http://10.0.0.5:3000/login?next=%2F#a", "https://www.shop.be:8443/login?next=%2F#a"),
            ("HTTP://10.0.0.5:3000", "https://www.shop.be:8443"),
            ("//10.0.0.5:3000/x", "https://www.shop.be:8443/x"),
            ("https://Origin.Shop.be:443/base/x", "https://www.shop.be:8443/x"),
            ("https://origin.shop.be/base?x", "https://www.shop.be:8443?x"),
            ("http://www.inside.be/x", "https://www.shop.be:8443/x"),
            ("http://plain.be:80/", "https://www.shop.be:8443/"),
        ];
        for (line, expected) in table {
            assert_eq!(spoken("location", line), expected);
            assert_eq!(spoken("content-location", line), expected);
        }
    }

    #[test]
    fn what_is_not_certainly_its_own_stays() {
        let table = [
            "/login",
            "login",
            "http://10.0.0.5/login",
            "https://10.0.0.5:3000/login",
            "http://10.0.0.5:3000@evil.example/",
            "http://me@10.0.0.5:3000/",
            "http://10.0.0.5:3000.evil.example/",
            "https://origin.shop.be/basement",
            "https://origin.shop.be/other",
            "https://login.example/?back=http://10.0.0.5:3000/",
            "http://10.0.0.5:3000\\@evil.example/",
        ];
        for line in table {
            assert_eq!(spoken("location", line), line);
        }
    }

    #[test]
    fn refreshes_are_rewritten_in_place() {
        assert_eq!(spoken("refresh", "5; url=http://plain.be/x"), "5; url=https://www.shop.be:8443/x");
        assert_eq!(spoken("refresh", "0;URL='http://plain.be/x'"), "0;URL='https://www.shop.be:8443/x'");
        assert_eq!(spoken("refresh", "0; url = \"http://plain.be/x\" y"), "0; url = \"https://www.shop.be:8443/x\" y");
        assert_eq!(spoken("refresh", "5;http://plain.be/x"), "5;https://www.shop.be:8443/x");
        assert_eq!(spoken("refresh", "5, 'http://plain.be/x'"), "5, 'https://www.shop.be:8443/x'");
        for line in [
            "5",
            "5; url=/x",
            "5; url=http://other.be/",
            "5; http://other.be/?url=http://plain.be/",
            "url",
            ";",
            "5;url=",
            "5;url",
            "5; '",
        ] {
            assert_eq!(spoken("refresh", line), line);
        }
    }

    #[test]
    fn cookies_of_the_origins_domain_become_the_clients() {
        let table = [
            ("a=1; Domain=10.0.0.5; Path=/", "a=1; Path=/"),
            ("a=Domain=x; domain=.Plain.be;Secure", "a=Domain=x;Secure"),
            ("a=1; Domain=inside.be", "a=1"),
            // The client's host is in it too.
            ("a=1; Domain=shop.be", "a=1; Domain=shop.be"),
            ("a=1; Domain=origin.shop.be; HttpOnly", "a=1; HttpOnly"),
            ("a=1; Domain=other.be", "a=1; Domain=other.be"),
            ("a=1; Domain=lain.be", "a=1; Domain=lain.be"),
            ("a=1; Domain=", "a=1; Domain="),
            ("a=1; Domain", "a=1; Domain"),
            ("a=1", "a=1"),
        ];
        for (line, expected) in table {
            assert_eq!(spoken("set-cookie", line), expected);
        }
    }

    #[test]
    fn lines_keep_their_order() {
        let own = [Own::at(&"http://plain.be".parse().unwrap()).unwrap()];
        let mut headers = HeaderMap::new();
        for line in ["a=1", "b=2; Domain=plain.be", "c=3"] {
            headers.append("set-cookie", line.parse().unwrap());
        }
        speak_as(&mut headers, &own, &Scheme::HTTP, &"shop.be".parse().unwrap());
        let lines: Vec<_> = headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines, ["a=1", "b=2", "c=3"]);
    }
}
