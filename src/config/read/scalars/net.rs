//! Addresses, networks, URLs, hosts, paths, methods, names of cookies and headers, secrets, languages.
//!
//! In: text. Out: the value, or what is expected instead. It must not resolve or open anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{Method, StatusCode};
use ipnet::IpNet;
use url::Url;

use super::written::Written;
use crate::config::read::names::is_snake_case;
use crate::limits::SECRET_CHARACTERS;
use crate::origin::ServerUrl;
use crate::rule::pattern::{Glob, PathPattern};

/// An origin: a URL, a Unix socket, or the name of one of `origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Url(Url),
    Unix(ServerUrl),
    Name(String),
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// A network in CIDR notation, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

/// A language tag of BCP 47, in its simple forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(pub String);

/// A host, lower case, with `*` for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub source: String,
    pub glob: Glob,
}

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(pub PathPattern);

/// An HTTP method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodName(pub Method);

/// A status that redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedirectStatus(pub StatusCode);

/// A cookie's name: a token of RFC 6265.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(pub String);

/// A header's name, lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(pub String);

/// A secret; it never shows in messages or logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Written for Origin {
    const WHAT: &'static str = "an origin such as `https://www.example.com`, or the name of one of `origins`";

    fn from_text(text: &str) -> Result<Self, String> {
        if is_snake_case(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        match text.strip_prefix("unix:") {
            Some(socket) => unix_url(socket).map(Self::Unix),
            None => http_url(text).map(Self::Url),
        }
    }
}

/// `/path/of.sock`, or with `:/prefix` of paths behind it.
fn unix_url(text: &str) -> Result<ServerUrl, String> {
    let text = text.strip_prefix("//").unwrap_or(text);
    let (socket, prefix) = match text.split_once(":/") {
        Some((socket, prefix)) => (socket, format!("/{prefix}")),
        None => (text, String::new()),
    };
    if !socket.starts_with('/') {
        return Err("write the whole path: `unix:/run/app.sock`".to_owned());
    }
    if prefix.contains(['?', '#']) {
        return Err("an origin's URL has no `?` or `#`".to_owned());
    }
    Ok(ServerUrl::Unix { socket: socket.into(), prefix })
}

/// An http or https URL without credentials, query and fragment.
pub fn http_url(text: &str) -> Result<Url, String> {
    if !text.contains("://") {
        return Err(format!("write the scheme too: `https://{text}`"));
    }
    let url = Url::parse(text).map_err(|error| format!("it cannot be read as a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{}` is no scheme for a website: use `http` or `https`", url.scheme()));
    }
    match (url.query().or(url.fragment()), url.username(), url.password()) {
        (None, "", None) => Ok(url),
        (Some(_), _, _) => Err("an origin's URL has no `?` or `#`".to_owned()),
        _ => Err("an origin's URL has no user name or password".to_owned()),
    }
}

impl Written for Address {
    const WHAT: &'static str = "an address such as `0.0.0.0:8080` or `127.0.0.1:8080`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let port = |text: &str| text.parse::<u16>().ok();
        if let Some(port) = text.strip_prefix("localhost:").and_then(port) {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        match port(text.trim_start_matches(':')) {
            Some(port) => {
                Err(format!("write the host too: `127.0.0.1:{port}` for this machine, `0.0.0.0:{port}` for all"))
            }
            None => Err(String::new()),
        }
    }
}

impl Written for Network {
    const WHAT: &'static str = "a network such as `10.0.0.0/8`";

    fn from_text(text: &str) -> Result<Self, String> {
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(single).map(Self).ok_or_else(String::new)
    }
}

impl Written for Language {
    const WHAT: &'static str = "a language such as `nl` or `nl-BE`";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$");

    fn from_text(text: &str) -> Result<Self, String> {
        let mut parts = text.split('-');
        let first =
            parts.next().is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
        let rest = parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
        match first && rest {
            true => Ok(Self(text.to_owned())),
            false if text.contains('_') => Err(format!("write `{}`", text.replace('_', "-"))),
            false => Err(String::new()),
        }
    }
}

impl Written for Host {
    const WHAT: &'static str = "a host such as `www.example.com` or `\"*.example.com\"`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err("a host has no scheme and no path".to_owned());
        }
        // IPv6 hosts stand in brackets, as in the Host header.
        let name = text.strip_prefix('[').map_or(text, |rest| rest.split(']').next_back().unwrap_or_default());
        if name.contains(':') {
            return Err("leave the port out: a host has the same name on every port".to_owned());
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(String::new());
        }
        let source = text.to_lowercase();
        Ok(Self { glob: Glob::new(&source), source })
    }
}

impl Written for Path {
    const WHAT: &'static str = "a path such as `/shop/**` or `/product/{sku}`";

    fn from_text(text: &str) -> Result<Self, String> {
        PathPattern::parse(text).map(Self).map_err(|error| error.to_string())
    }
}

impl Written for MethodName {
    const WHAT: &'static str = "a method such as `GET`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(format!("write it in capitals: `{}`", text.to_ascii_uppercase()));
        }
        Method::from_bytes(text.as_bytes()).map(Self).map_err(|_| String::new())
    }
}

impl Written for RedirectStatus {
    const WHAT: &'static str = "a status that redirects: 301, 302, 303, 307 or 308";
    const PATTERN: Option<&'static str> = Some("^30[12378]$");

    fn from_text(text: &str) -> Result<Self, String> {
        let status = match text {
            "301" => StatusCode::MOVED_PERMANENTLY,
            "302" => StatusCode::FOUND,
            "303" => StatusCode::SEE_OTHER,
            "307" => StatusCode::TEMPORARY_REDIRECT,
            "308" => StatusCode::PERMANENT_REDIRECT,
            _ => return Err("use 301 or 308 for good, 302 or 307 for now, 303 to answer a form".to_owned()),
        };
        Ok(Self(status))
    }
}

fn is_token(text: &str) -> bool {
    let special = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}

impl Written for CookieName {
    const WHAT: &'static str = "a cookie's name such as `inlay_visitor`";

    fn from_text(text: &str) -> Result<Self, String> {
        is_token(text).then(|| Self(text.to_owned())).ok_or_else(|| "use letters, digits, `-` and `_`".to_owned())
    }
}

impl Written for HeaderName {
    const WHAT: &'static str = "a header's name such as `accept-language`";

    fn from_text(text: &str) -> Result<Self, String> {
        is_token(text).then(|| Self(text.to_lowercase())).ok_or_else(|| "use letters, digits and `-`".to_owned())
    }
}

impl Written for Secret {
    const WHAT: &'static str = "a secret such as `\"${INLAY_SECRET}\"`";

    fn from_text(text: &str) -> Result<Self, String> {
        // The message shows what was written, so a short secret must not be refused here: see `settings`.
        Ok(Self(text.to_owned()))
    }
}

impl Secret {
    /// The secret itself, for what signs or compares with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is long enough to sign with.
    pub fn is_long(&self) -> bool {
        self.0.chars().count() >= SECRET_CHARACTERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_urls_or_names() {
        assert_eq!(Origin::from_text("shop"), Ok(Origin::Name("shop".to_owned())));
        assert!(matches!(Origin::from_text("http://10.0.0.5:3000/base"), Ok(Origin::Url(_))));
        let unix = |socket: &str, prefix: &str| ServerUrl::Unix { socket: socket.into(), prefix: prefix.into() };
        assert_eq!(Origin::from_text("unix:/run/a.sock"), Ok(Origin::Unix(unix("/run/a.sock", ""))));
        assert_eq!(Origin::from_text("unix:/run/a.sock:/v1"), Ok(Origin::Unix(unix("/run/a.sock", "/v1"))));
        let table = [
            ("www.example.com", "`https://www.example.com`"),
            ("ftp://example.com", "`http` or `https`"),
            ("https://example.com/?a=1", "no `?`"),
            ("https://me:secret@example.com", "no user name"),
            ("https://", "cannot be read"),
            ("unix:app.sock", "`unix:/run/app.sock`"),
            ("unix:/run/app.sock:/x?y", "no `?`"),
        ];
        for (text, remedy) in table {
            assert!(Origin::from_text(text).is_err_and(|error| error.contains(remedy)), "{text}");
        }
    }

    #[test]
    fn addresses_networks_hosts() {
        assert_eq!(Address::from_text("localhost:80").map(|a| a.0.to_string()), Ok("127.0.0.1:80".to_owned()));
        assert!(Address::from_text("8080").is_err_and(|error| error.contains("127.0.0.1:8080")));
        assert!(Address::from_text("0.0.0.0:99999").is_err());
        assert_eq!(Network::from_text("10.1.2.3").map(|n| n.0.to_string()), Ok("10.1.2.3/32".to_owned()));
        assert!(Network::from_text("10.0.0.0/40").is_err());
        assert!(Host::from_text("*.Shop.be").is_ok_and(|host| host.glob.matches("www.shop.be")));
        assert!(Host::from_text("[::1]").is_ok());
        for bad in ["https://shop.be", "shop.be:80", "", "a b", "[::1]:80"] {
            assert!(Host::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn languages_methods_tokens() {
        for good in ["nl", "nl-BE", "zh-Hant-TW", "no"] {
            assert!(Language::from_text(good).is_ok(), "{good}");
        }
        assert!(Language::from_text("nl_BE").is_err_and(|error| error.contains("nl-BE")));
        assert!(Language::from_text("dutch").is_err());
        assert!(MethodName::from_text("get").is_err_and(|error| error.contains("`GET`")));
        assert!(CookieName::from_text("a b").is_err() && HeaderName::from_text("x:y").is_err());
    }
}
