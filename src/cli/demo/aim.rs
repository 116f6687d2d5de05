//! Where a request at the demo's door is bound for.
//!
//! In: its host, its address and the page it came from. Out: an [`Aim`]. Pure.
//!
//! On hosts of their own (`ann.localhost`) visitors are told by the host. Where such names do not resolve, the same is said in
//! the query (`?visitor=ann&side=inlay`): that holds for the first page of a frame; links, forms and pictures inside
//! it carry it on in their `Referer`.

use http::Uri;
use http::uri::PathAndQuery;
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use super::persona::Persona;

/// Which of the two a frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Origin,
    Inlay,
}

/// How the visitor was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    ByHost,
    ByQuery,
    /// By the query of the page that asks.
    ByReferer,
}

/// What a request is bound for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The stage and its parts.
    Stage,
    /// The site as a visitor gets it.
    Visit(Visit),
    /// The shop as it is, with the browser's own cookies.
    Shop,
    /// A name that this door does not know.
    Elsewhere,
}

/// Who asks for the site, on which side, and how that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    pub persona: Persona,
    pub side: Side,
    pub told: Told,
    /// The trace whose very response is to be shown, on the origin's side.
    pub of: Option<u64>,
}

/// The folder of the stage's own parts, on every host.
pub const PARTS: &str = "/_stage/";
const VISITOR: &str = "visitor";
const SIDE: &str = "side";
const OF: &str = "of";

impl Side {
    fn of(key: &str) -> Option<Self> {
        match key {
            "inlay" => Some(Self::Inlay),
            "origin" => Some(Self::Origin),
            _ => None,
        }
    }

    /// In addresses: `?side=inlay`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Inlay => "inlay",
        }
    }
}

/// Where a request for `uri` at `host` (with or without a port) is bound for, with the `Referer` it came from.
pub fn aim(host: &str, uri: &Uri, referer: Option<&str>) -> Aim {
    if uri.path().starts_with(PARTS) {
        return Aim::Stage;
    }
    let host = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    match host.strip_suffix(".localhost") {
        None if is_own(&host) => by_address(uri, referer),
        None => Aim::Elsewhere,
        Some("shop") => Aim::Shop,
        Some(name) => by_host(name, uri),
    }
}

/// `/shop/?kind=Bags` with who asks, for addresses on the stage's own host.
pub fn told_in(place: &str, persona: Persona, side: Side) -> String {
    let (place, fragment) = place.split_once('#').unwrap_or((place, ""));
    let (path, query) = place.split_once('?').unwrap_or((place, ""));
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(parse(query.as_bytes()).filter(|(name, _)| !is_ours(name)));
    pairs.append_pair(VISITOR, persona.key());
    pairs.append_pair(SIDE, side.key());
    let hash = if fragment.is_empty() { "" } else { "#" };
    format!("{path}?{}{hash}{fragment}", pairs.finish())
}

/// The address without what was meant for this door, as the site is to see it.
pub fn for_the_site(uri: &Uri) -> Uri {
    let Some(query) = uri.query() else {
        return uri.clone();
    };
    // Kept as they were written: decoding and encoding again would not give the same bytes.
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !is_ours(pair.split('=').next().unwrap_or_default())).collect();
    let target = match kept.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), kept.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

fn is_ours(name: &str) -> bool {
    [VISITOR, SIDE, OF].contains(&name)
}

fn is_own(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// `ann`, or `ann.shop` for the shop as Ann gets it.
fn by_host(name: &str, uri: &Uri) -> Aim {
    let (key, side) = match name.strip_suffix(".shop") {
        Some(key) => (key, Side::Origin),
        None => (name, Side::Inlay),
    };
    let of = Query::of(uri.query()).of;
    match Persona::of(key) {
        Some(persona) => Aim::Visit(Visit { persona, side, told: Told::ByHost, of }),
        None => Aim::Elsewhere,
    }
}

fn by_address(uri: &Uri, referer: Option<&str>) -> Aim {
    let own = Query::of(uri.query());
    let from = || Query::of(Url::parse(referer?).ok()?.query()).visit(Told::ByReferer);
    own.visit(Told::ByQuery).or_else(from).unwrap_or(Aim::Stage)
}

impl Query {
    fn of(query: Option<&str>) -> Self {
        let mut told = Self::default();
        for (name, value) in parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                VISITOR => told.visitor = Persona::of(&value),
                SIDE => told.side = Side::of(&value),
                OF => told.of = value.parse().ok(),
                _ => {}
            }
        }
        told
    }

    fn visit(&self, told: Told) -> Option<Aim> {
        Some(Aim::Visit(Visit {
            persona: self.visitor?,
            side: self.side?,
            told,
            of: self.of.filter(|_| told == Told::ByQuery),
        }))
    }
}

/// What a query says to this door.
#[derive(Clone, Copy, Debug, Default)]
struct Query {
    visitor: Option<Persona>,
    side: Option<Side>,
    of: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(persona: Persona, side: Side, told: Told) -> Aim {
        Aim::Visit(Visit { persona, side, told, of: None })
    }

    #[test]
    fn hosts_tell_visitors() {
        let uri = Uri::from_static("/shop/");
        let inlay = visit(Persona::Ann, Side::Inlay, Told::ByHost);
        assert_eq!(aim("ann.localhost:8080", &uri, None), inlay);
        let origin = visit(Persona::Eve, Side::Origin, Told::ByHost);
        assert_eq!(aim("Eve.Shop.localhost", &uri, None), origin);
        assert_eq!(aim("shop.localhost:1", &uri, None), Aim::Shop);
        assert_eq!(aim("127.0.0.1:8080", &uri, None), Aim::Stage);
        assert_eq!(aim("[::1]:8080", &uri, None), Aim::Stage);
        assert_eq!(aim("mallory.localhost", &uri, None), Aim::Elsewhere);
        assert_eq!(aim("rebound.example:8080", &uri, None), Aim::Elsewhere);
    }

    #[test]
    fn queries_tell_visitors_and_what_follows_keeps_them() {
        let framed = Uri::from_static("/?visitor=bob&side=inlay");
        let told = aim("localhost:8080", &framed, None);
        assert_eq!(told, visit(Persona::Bob, Side::Inlay, Told::ByQuery));
        let referer = Some("http://localhost:8080/search?q=wool&visitor=bob&side=origin");
        let picture = aim("localhost:8080", &Uri::from_static("/assets/a.svg"), referer);
        assert_eq!(picture, visit(Persona::Bob, Side::Origin, Told::ByReferer));
        let home = aim("localhost:8080", &Uri::from_static("/"), referer);
        assert_eq!(home, visit(Persona::Bob, Side::Origin, Told::ByReferer));
        let stage = aim("localhost:8080", &Uri::from_static("/"), Some("http://localhost:8080/"));
        assert_eq!(stage, Aim::Stage);
    }

    #[test]
    fn the_site_does_not_see_what_was_meant_for_the_door() {
        let uri = Uri::from_static("/search?q=a%20b+c&visitor=ann&side=inlay&of=3&x");
        assert_eq!(for_the_site(&uri), Uri::from_static("/search?q=a%20b+c&x"));
        assert_eq!(for_the_site(&Uri::from_static("/?side=inlay&visitor=ann")), Uri::from_static("/"));
    }

    #[test]
    fn addresses_are_told_once() {
        let place = told_in("/shop/?kind=Bags&visitor=bob#top", Persona::Ann, Side::Inlay);
        assert_eq!(place, "/shop/?kind=Bags&visitor=ann&side=inlay#top");
    }
}
