//! Where a redirect leads and what a `serve` asks for, judged as a whole once they are rendered. Pure.
//!
//! In: a rendered target. Out: what may be sent, or why it may not: a value in it must lead nobody to another's site, nor
//! an origin out of the folder that the author meant. It must not render, nor look at rules.

use http::header::HeaderValue;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::{Position, Url};

use super::action::Query;
use crate::http::path::normalise;

/// How often a path is decoded in search of dots: origins behind a gateway of their own decode twice.
const DECODINGS: usize = 3;

/// What authors write into paths as it is, and URLs do not hold.
const BARE: &AsciiSet = &CONTROLS.add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|');

/// Why a target is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("it is blank")]
    Blank,
    #[error("it holds white space, a backslash or a control character")]
    Characters,
    #[error("it begins neither with a single `/` nor with `https://`")]
    Relative,
    #[error("it is no path: it begins with a single `/` and has no `#`")]
    NoPath,
    #[error("it cannot be read as a URL: {0}")]
    Unreadable(url::ParseError),
    #[error("it has a user name or a password")]
    Credentials,
    #[error("`{0}` is no host of a site here")]
    OtherHost(String),
    #[error("its path has `.` or `..`, which could lead out of where it begins")]
    Dots,
    #[error("it is the very URL that was asked for")]
    Loop,
}

/// The `Location` of a redirect to `text`: a path, or an absolute URL of a host that is `own`. `asked` is the URL of the
/// request, whose query is kept unless the target has one, or the rule says otherwise.
///
/// # Errors
/// Why it must not be sent.
pub fn location(text: &str, asked: &Url, query: Query, own: impl Fn(&str) -> bool) -> Result<HeaderValue, TargetError> {
    let mut target = redirect_target(text, asked)?;
    if !same_host(&target, asked) && !own(target.host_str().unwrap_or_default()) {
        return Err(TargetError::OtherHost(target.host_str().unwrap_or_default().to_owned()));
    }
    if query == Query::Keep && target.query().is_none() {
        target.set_query(asked.query());
    }
    if is_same(&target, asked) {
        return Err(TargetError::Loop);
    }
    let shown = if text.starts_with('/') { &target[Position::BeforePath..] } else { target.as_str() };
    HeaderValue::from_str(shown).map_err(|_| TargetError::Characters)
}

/// The URL that `text` means on a page at `base`.
///
/// # Errors
/// It is no target of a redirect, whatever the hosts are.
pub fn redirect_target(text: &str, base: &Url) -> Result<Url, TargetError> {
    check_characters(text)?;
    let absolute = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if !absolute && (!text.starts_with('/') || text.starts_with("//")) {
        return Err(TargetError::Relative);
    }
    let target = base.join(text).map_err(TargetError::Unreadable)?;
    // `/.//host` is resolved to `//host`, which is another site.
    if target.path().starts_with("//") {
        return Err(TargetError::Relative);
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(TargetError::Credentials);
    }
    Ok(target)
}

/// The path and query to ask an origin for, instead of a request's. `query` is the request's: it is kept unless the target
/// has one of its own.
///
/// # Errors
/// Why it must not be asked for.
pub fn served(text: &str, query: Option<&str>) -> Result<PathAndQuery, TargetError> {
    check_characters(text)?;
    if !text.starts_with('/') || text.starts_with("//") || text.contains('#') {
        return Err(TargetError::NoPath);
    }
    if has_dots(text.split('?').next().unwrap_or_default()) {
        return Err(TargetError::Dots);
    }
    let mut target = utf8_percent_encode(text, BARE).to_string();
    if let Some(query) = query.filter(|_| !text.contains('?')) {
        target.push('?');
        target.push_str(query);
    }
    PathAndQuery::try_from(target).map_err(|_| TargetError::Characters)
}

fn check_characters(text: &str) -> Result<(), TargetError> {
    if text.is_empty() {
        return Err(TargetError::Blank);
    }
    let bad = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.contains(bad) { Err(TargetError::Characters) } else { Ok(()) }
}

/// Whether any reading of a path finds a segment that leads upwards: decoded more than once, cut at backslashes, or
/// without what follows a `;`.
fn has_dots(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..DECODINGS {
        path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        let mut segments = path.split(['/', '\\']).map(|segment| segment.split(';').next().unwrap_or_default());
        if segments.any(|segment| matches!(segment, "." | "..")) {
            return true;
        }
    }
    false
}

fn same_host(a: &Url, b: &Url) -> bool {
    a.host_str() == b.host_str()
}

/// Whether both are one URL for a browser and for rules.
fn is_same(a: &Url, b: &Url) -> bool {
    let authority = |url: &Url| (url.scheme() == "https", url.port_or_known_default());
    let query = |url: &Url| url.query().unwrap_or_default().to_owned();
    same_host(a, b)
        && authority(a) == authority(b)
        && normalise(a.path()) == normalise(b.path())
        && query(a) == query(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked() -> Url {
        "http://www.shop.be:8080/old?utm=1".parse().unwrap()
    }

    fn sent(text: &str) -> Result<String, TargetError> {
        let own = |host: &str| host.ends_with(".shop.be");
        location(text, &asked(), Query::Keep, own).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn redirects_lead_to_own_hosts() {
        let table = [
            ("/nl/", "/nl/?utm=1"),
            ("/nl/?a=b", "/nl/?a=b"),
            ("/nl/#top", "/nl/?utm=1#top"),
            ("/caf\u{e9}/../x", "/x?utm=1"),
            ("https://nl.shop.be/x", "https://nl.shop.be/x?utm=1"),
            ("https://www.shop.be:8080/old", "https://www.shop.be:8080/old?utm=1"),
        ];
        for (text, expected) in table {
            assert_eq!(sent(text).as_deref(), Ok(expected), "{text}");
        }
        let dropped = location("/nl/", &asked(), Query::Drop, |_| false).unwrap();
        assert_eq!(dropped, "/nl/");
    }

    #[test]
    fn redirects_lead_nowhere_else() {
        use TargetError::*;
        let table = [
            ("", Blank),
            ("nl/", Relative),
            ("//evil.example/", Relative),
            ("/.//evil.example/", Relative),
            ("/a/..//evil.example/", Relative),
            ("/\\evil.example/", Characters),
            ("/a\r\nset-cookie: a=1", Characters),
            ("javascript:alert(1)", Relative),
            ("https://evil.example/", OtherHost("evil.example".into())),
            ("https://www.shop.be@evil.example/", Credentials),
            ("https:evil.example", Relative),
            ("/old", Loop),
            ("/x/../old#again", Loop),
            ("http://www.shop.be:8080/old", Loop),
        ];
        for (text, error) in table {
            assert_eq!(sent(text), Err(error), "{text}");
        }
    }

    #[test]
    fn served_paths_stay_below_where_they_begin() {
        let path = |text: &str| served(text, Some("q=1")).map(|path| path.to_string());
        let table = [
            ("/v2/shop", Ok("/v2/shop?q=1".to_owned())),
            ("/v2/shop?v=2", Ok("/v2/shop?v=2".to_owned())),
            ("/v2/a%2Fb", Ok("/v2/a%2Fb?q=1".to_owned())),
            ("/v2/caf\u{e9}", Ok("/v2/caf%C3%A9?q=1".to_owned())),
            ("/v2/a...b/..c", Ok("/v2/a...b/..c?q=1".to_owned())),
            ("/v2/../admin", Err(TargetError::Dots)),
            ("/v2/..%2Fadmin", Err(TargetError::Dots)),
            ("/v2/%2e%2E/admin", Err(TargetError::Dots)),
            ("/v2/%252e%252e/admin", Err(TargetError::Dots)),
            ("/v2/..;a=1/admin", Err(TargetError::Dots)),
            ("/v2/..%5cadmin", Err(TargetError::Dots)),
            ("//evil.example/", Err(TargetError::NoPath)),
            ("http://evil.example/", Err(TargetError::NoPath)),
            ("/a#b", Err(TargetError::NoPath)),
            ("/a HTTP/1.1", Err(TargetError::Characters)),
        ];
        for (text, expected) in table {
            assert_eq!(path(text), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever a target holds, a browser that follows it stays on a host of ours.
        #[test]
        fn no_text_leads_to_another_host(text in "(/|\\.|\\\\|:|@|\\?|#|%2[fFeE]|https|http|evil\\.example|www\\.shop\\.be|a){0,10}") {
            let own = |host: &str| host == "www.shop.be";
            if let Ok(location) = location(&text, &asked(), Query::Drop, own) {
                let landed = asked().join(location.to_str().unwrap()).unwrap();
                prop_assert_eq!(landed.host_str(), Some("www.shop.be"), "{}", text);
            }
        }

        /// Whatever a path holds, what is asked for begins where it begins.
        #[test]
        fn no_text_leads_out_of_its_folder(rest in "(/|\\.|\\\\|;|\\?|%2[fFeE]|%5c|%25|2e|a){0,10}") {
            if let Ok(path) = served(&format!("/v2/{rest}"), None) {
                let landed = asked().join(path.path()).unwrap();
                prop_assert!(landed.path().starts_with("/v2/"), "{}", rest);
            }
        }
    }
}
