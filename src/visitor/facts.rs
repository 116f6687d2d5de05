//! What the head of a request tells: `request` in code, and what rules match on.
//!
//! In: the head as it arrived, and who the client truly is. Out: facts, computed when they are asked for. It must not
//! hold the body, and never shows `authorization`, our own cookie, or what `expose` leaves out.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::uri::Scheme;
use http::{HeaderMap, Method, Uri};
use smallvec::SmallVec;
use url::form_urlencoded;

use super::agent::{Agent, Ahead, Bot};
use crate::http::cookies::cookies;
use crate::http::path;
use crate::http::peer::PeerStanding;
use crate::scope::{Answer, Facts, Key};

/// The head of one request. Shared by rules, code and the origin fetch.
#[derive(Debug)]
pub struct RequestFacts {
    pub head: Head,
    /// Which cookies and headers code may read.
    pub expose: Arc<Expose>,
    /// The languages that the site has, its default first.
    pub languages: Arc<[Arc<str>]>,
    path: String,
    cookies: OnceLock<Vec<(String, String)>>,
    agent: OnceLock<Agent>,
}

/// The parts of a request's head, with the client's true address, scheme and host.
#[derive(Clone, Debug)]
pub struct Head {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Lower case, without a port.
    pub host: String,
    /// As the client used it.
    pub scheme: Scheme,
    pub client: IpAddr,
    /// Whether what the next hop says of the client is believed.
    pub peer: PeerStanding,
}

/// `expose:` of inlay.yaml, and what is never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expose {
    /// `None`: all of them.
    pub cookies: Option<Vec<Arc<str>>>,
    /// Lower case; `None`: all of them.
    pub headers: Option<Vec<Arc<str>>>,
    /// The name of our own cookie.
    pub own_cookie: Arc<str>,
}

impl Expose {
    fn cookie(&self, name: &str) -> bool {
        *name != *self.own_cookie && self.cookies.as_ref().is_none_or(|names| names.iter().any(|n| **n == *name))
    }

    /// Headers that carry credentials are never shown; cookies have their own map.
    fn header(&self, name: &str) -> bool {
        const NEVER: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
        !NEVER.contains(&name) && self.headers.as_ref().is_none_or(|names| names.iter().any(|n| **n == *name))
    }
}

impl RequestFacts {
    /// Facts of `head`.
    pub fn new(head: Head, expose: Arc<Expose>, languages: Arc<[Arc<str>]>) -> Self {
        let path = path::normalise(head.uri.path());
        Self { head, expose, languages, path, cookies: OnceLock::new(), agent: OnceLock::new() }
    }

    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// Lower case, without a port.
    pub fn host(&self) -> &str {
        &self.head.host
    }

    /// The path as [normalised](path::normalise) for matching.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The values of a query parameter, decoded, in order.
    pub fn query_values<'a>(&'a self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.query().filter(move |(key, _)| key == name).map(|(_, value)| value)
    }

    /// The parameters of the query, decoded, in order.
    pub fn query(&self) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(self.head.uri.query().unwrap_or_default().as_bytes())
    }

    /// The values of a header, one per line; bytes that are no UTF-8 become U+FFFD.
    pub fn header_values<'a>(&'a self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.head.headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// The value of a cookie; of several of one name the first, which is the most specific (RFC 6265 §5.4).
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn cookies(&self) -> &[(String, String)] {
        self.cookies.get_or_init(|| {
            let pairs = cookies(&self.head.headers);
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        })
    }

    /// The best of the site's languages for `Accept-Language` (RFC 9110 §12.5.4); else its default; absent if it names none.
    pub fn language(&self) -> Option<Arc<str>> {
        let accepted = self.header_values("accept-language").next().unwrap_or_default();
        let mut wanted: Vec<(&str, f32)> = accepted.split(',').filter_map(weighted).collect();
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let fits = |range: &str| {
            let exact = self.languages.iter().find(|have| have.eq_ignore_ascii_case(range));
            exact.or_else(|| self.languages.iter().find(|have| primary(have).eq_ignore_ascii_case(primary(range))))
        };
        wanted.iter().find_map(|(range, _)| fits(range)).or(self.languages.first()).cloned()
    }

    /// What kind of program asks.
    pub fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| {
            let agent = self.header_values("user-agent").next().unwrap_or_default();
            let mobile_hint = self.header_values("sec-ch-ua-mobile").next().is_some_and(|hint| hint.trim() == "?1");
            Agent::of(&agent, mobile_hint)
        })
    }

    /// Whether the browser asks ahead of a visit that may never come.
    pub fn ahead(&self) -> Option<Ahead> {
        let fields = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
        fields.iter().find_map(|name| self.header_values(name).find_map(|purpose| Ahead::said(&purpose)))
    }

    /// Whether nobody looks at what is answered: a robot asks, or a browser ahead of a visit.
    pub fn is_unseen(&self) -> bool {
        self.ahead().is_some() || self.agent().bot.is_some_and(|bot| bot != Bot::Tool)
    }

    fn shown_header(&self, name: &str) -> Answer {
        let name = name.to_ascii_lowercase();
        let mut values = self.header_values(&name).peekable();
        match self.expose.header(&name) && values.peek().is_some() {
            true => Answer::scalar(values.collect::<Vec<_>>().join(", ")),
            false => Answer::absent(),
        }
    }

    fn shown_cookie(&self, name: &str) -> Answer {
        Answer::optional(self.cookie(name).filter(|_| self.expose.cookie(name)))
    }
}

impl Facts for RequestFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let names: SmallVec<[&str; 4]> = path.iter().map(|key| &**key).collect();
        match names.as_slice() {
            [] | ["query"] => Answer::map(),
            ["method"] => Answer::scalar(self.head.method.as_str()),
            ["scheme"] => Answer::scalar(self.head.scheme.as_str()),
            ["host"] => Answer::scalar(self.host()),
            ["path"] => Answer::scalar(self.path()),
            ["query", name] => Answer::optional(self.query_values(name).next()),
            ["headers" | "cookies"] => Answer::map().private(),
            ["headers", name] => self.shown_header(name).private(),
            ["cookies", name] => self.shown_cookie(name).private(),
            ["language"] => Answer::optional(self.language()).private(),
            ["device"] => Answer::scalar(self.agent().device).private(),
            ["browser"] => Answer::optional(self.agent().browser).private(),
            ["os"] => Answer::optional(self.agent().os).private(),
            ["bot"] => Answer::optional(self.agent().bot.map(Bot::word)).private(),
            ["prefetch"] => Answer::optional(self.ahead().map(Ahead::word)).private(),
            ["ip"] => Answer::scalar(self.head.client.to_string()).private(),
            _ => Answer::absent(),
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let names: SmallVec<[&str; 4]> = path.iter().map(|key| &**key).collect();
        match names.as_slice() {
            [] => Answer::keys([
                "method", "scheme", "host", "path", "query", "headers", "cookies", "language", "device", "browser",
                "os", "bot", "prefetch", "ip",
            ]),
            ["query"] => Answer::keys(unique(self.query().map(|(name, _)| name.into_owned()))),
            ["headers"] => {
                let shown = self.head.headers.keys().map(|name| name.as_str()).filter(|name| self.expose.header(name));
                Answer::keys(unique(shown.map(str::to_owned))).private()
            }
            ["cookies"] => {
                let shown = self.cookies().iter().map(|(name, _)| name).filter(|name| self.expose.cookie(name));
                Answer::keys(unique(shown.cloned())).private()
            }
            _ => Answer::absent(),
        }
    }
}

/// The names in order, each once.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// A language range and its weight; `None` for `*` and for what is refused by `q=0`.
fn weighted(item: &str) -> Option<(&str, f32)> {
    let (range, weight) = item.split_once(';').unwrap_or((item, ""));
    let weight = weight.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
    let range = range.trim();
    (weight > 0.0 && !range.is_empty() && range != "*").then_some((range, weight))
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A GET request from a documentation address.
    pub fn request(url: &str, headers: &[(&str, &str)]) -> RequestFacts {
        let mut request = http::Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let (scheme, client) = (Scheme::HTTPS, IpAddr::from([192, 0, 2, 1]));
        let host = "shop.example".to_owned();
        let head = Head {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            host,
            scheme,
            client,
            peer: PeerStanding::Unknown,
        };
        RequestFacts::new(head, Arc::default(), [].into())
    }
}
