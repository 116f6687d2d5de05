//! Headers that every proxy must read or change (RFC 9110 sections 7.6 and 8).
//!
//! In: a message's headers. Out: the same map changed, or what it says. It must not decide when; callers do.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Version};
use smallvec::SmallVec;

use super::nonce::POLICIES;

/// Meant for one connection only, whether or not `Connection` names them.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// RFC 8586.
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// For all who see the message: a sender must not name them in `Connection` (RFC 9110 section 7.6.1), and who does would have
/// the next hop take a message for another than it is.
const FOR_ALL: [HeaderName; 15] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    CDN_LOOP,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TRAILER,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
];

/// True only of the exact bytes that the origin sent.
const OF_THE_BYTES: [HeaderName; 11] = [
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];

/// What asks for less than the whole response.
const CONDITIONS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// Removes what concerns one connection only, and all that `Connection` names (RFC 9110 section 7.6.1). `TE: trailers`
/// stays, because trailers are passed on.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: SmallVec<[HeaderName; 4]> = tokens(headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
        .filter(|name| !FOR_ALL.contains(name) && !name.as_str().starts_with("x-forwarded-"))
        .collect();
    let trailers = tokens(headers, &header::TE).any(|te| te.eq_ignore_ascii_case("trailers"));
    remove_all(headers, &HOP_BY_HOP);
    remove_all(headers, &named);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// The same for a request that goes on within the house, before anybody reads it: what `Connection` names is gone for all
/// alike, and can't take out later what is added here. A wish to switch protocols stays.
pub fn leave_connection(headers: &mut HeaderMap) {
    let protocol = upgrade(headers);
    remove_hop_by_hop(headers);
    if let Some(protocol) = protocol {
        insert_upgrade(headers, protocol);
    }
}

/// The protocol that a request or a 101 response would switch to: its `Upgrade`, if `Connection` says so too.
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    tokens(headers, &header::CONNECTION)
        .any(|option| option.eq_ignore_ascii_case("upgrade"))
        .then(|| headers.get(header::UPGRADE).cloned())
        .flatten()
}

/// Asks for, or confirms, a switch to `protocol`.
pub fn insert_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// The name by which this process is known in `Via`, so that a request which comes back is recognised. Of a token's
/// characters, and different for each process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// `inlay-` and the eight hexadecimal digits of `seed`.
    pub fn new(seed: u32) -> Self {
        Self(format!("inlay-{seed:08x}"))
    }

    /// As it stands in `Via`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends ourselves to `Via`: `version` is that in which the message was received (RFC 9110 section 7.6.3).
    pub fn append_via(&self, headers: &mut HeaderMap, version: Version) {
        let version = match version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        };
        if let Ok(value) = HeaderValue::try_from(format!("{version} {}", self.0)) {
            headers.append(header::VIA, value);
        }
    }

    /// Appends ourselves to `CDN-Loop` (RFC 8586), which others must not take out as they may `Via`.
    pub fn append_cdn_loop(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.as_str()) {
            headers.append(CDN_LOOP, value);
        }
    }

    /// Whether a request with these headers has passed here before: `Via` or `CDN-Loop` names us.
    pub fn has_passed(&self, headers: &HeaderMap) -> bool {
        let in_via =
            tokens(headers, &header::VIA).any(|hop| hop.split_ascii_whitespace().nth(1) == Some(self.as_str()));
        let id = |member: &str| member.split(';').next().map(str::trim) == Some(self.as_str());
        in_via || tokens(headers, &CDN_LOOP).any(id)
    }
}

/// Removes the length, validators and digests, which a change of the body makes wrong.
pub fn remove_what_is_true_of_the_bytes(headers: &mut HeaderMap) {
    remove_all(headers, &OF_THE_BYTES);
}

/// Removes these fields, of which few will be there: that is seen at less cost than looking each of them up.
pub fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    let there: SmallVec<[HeaderName; 4]> = headers.keys().filter(|name| names.contains(name)).cloned().collect();
    for name in there {
        headers.remove(name);
    }
}

/// Removes ranges and conditions from a request, so that the whole response comes.
pub fn remove_conditions(headers: &mut HeaderMap) {
    remove_all(headers, &CONDITIONS);
}

/// Whether the content must arrive as it is: `Cache-Control: no-transform` (RFC 9110 section 7.7).
pub fn is_no_transform(headers: &HeaderMap) -> bool {
    tokens(headers, &header::CACHE_CONTROL).any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

/// Adds `name` to `Vary`, unless it is there or `*` is.
pub fn add_vary(headers: &mut HeaderMap, name: &HeaderName) {
    if !tokens(headers, &header::VARY).any(|varies| varies == "*" || varies.eq_ignore_ascii_case(name.as_str())) {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    }
}

/// Whether browsers parse a message with this head as HTML. `application/xhtml+xml` is XML and has another parser.
pub fn is_html(headers: &HeaderMap) -> bool {
    let line = headers.get_all(header::CONTENT_TYPE).into_iter().next_back();
    let essence = line.and_then(|line| line.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

/// The nonce of a page's content security policy: the first of `script-src-elem`, `script-src`, `style-src-elem`,
/// `style-src`, `default-src` that has one, policies that are enforced before those that only report.
pub fn csp_nonce(headers: &HeaderMap) -> Option<&str> {
    if !POLICIES.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    const DIRECTIVES: [&str; 5] = ["script-src-elem", "script-src", "style-src-elem", "style-src", "default-src"];
    let policies = || {
        POLICIES
            .iter()
            .flat_map(|name| headers.get_all(name))
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split([';', ',']))
    };
    DIRECTIVES.into_iter().find_map(|wanted| {
        policies().find_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            words.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
            words.find_map(nonce_source)
        })
    })
}

/// `'nonce-…'` of base64 or base64url characters; any other could not be laid into an attribute unescaped.
fn nonce_source(word: &str) -> Option<&str> {
    let inner = word.strip_prefix('\'')?.strip_suffix('\'')?;
    let (prefix, nonce) = inner.split_at_checked("nonce-".len())?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    (prefix.eq_ignore_ascii_case("nonce-") && !nonce.is_empty() && nonce.bytes().all(is_base64)).then_some(nonce)
}

/// The members of a comma-separated list over all lines of `name`, trimmed, the empty ones and those that are not ASCII left
/// out. Not for headers whose members may hold quoted commas.
pub fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let members = headers.get_all(name).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let text = members.filter(|member| member.is_ascii()).filter_map(|member| std::str::from_utf8(member).ok());
    text.map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_for_one_connection_goes() {
        let mut headers = headers(&[
            ("connection", "close, X-Secret"),
            ("connection", "host, keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-secret", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip, Trailers"),
            ("upgrade", "h2c"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("host", "a"),
            ("trailer", "x-sum"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["host: a", "set-cookie: a=1", "set-cookie: b=2", "te: trailers", "trailer: x-sum"]);
    }

    #[test]
    fn what_is_for_all_stays_whatever_connection_names() {
        let named = "Cookie, authorization, content-type, x-forwarded-for, via, x-hop";
        let mut headers = headers(&[
            ("connection", named),
            ("cookie", "a=1"),
            ("authorization", "Basic x"),
            ("content-type", "a/b"),
            ("x-forwarded-for", "1.1.1.1"),
            ("via", "1.1 a"),
            ("x-hop", "1"),
            ("http2-settings", "AA"),
        ]);
        leave_connection(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "content-type", "cookie", "via", "x-forwarded-for"]);
    }

    #[test]
    fn a_switch_survives_the_connection_and_one_odd_member_costs_no_other() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_bytes(b"x-hop, \xff, Upgrade").unwrap());
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("x-hop", HeaderValue::from_static("1"));
        leave_connection(&mut headers);
        assert_eq!(upgrade(&headers).unwrap(), "websocket");
        assert!(!headers.contains_key("x-hop"));
    }

    #[test]
    fn what_a_changed_body_makes_wrong_goes() {
        let mut response = headers(&[
            ("content-length", "5"),
            ("etag", "\"x\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("accept-ranges", "bytes"),
            ("content-range", "bytes 0-4/5"),
            ("content-md5", "x"),
            ("digest", "x"),
            ("content-digest", "x"),
            ("repr-digest", "x"),
            ("signature", "x"),
            ("signature-input", "x"),
            ("content-type", "text/html"),
        ]);
        remove_what_is_true_of_the_bytes(&mut response);
        assert_eq!(response, headers(&[("content-type", "text/html")]));
        let mut request = headers(&[("range", "bytes=0-4"), ("if-range", "\"x\""), ("if-none-match", "*"), ("a", "b")]);
        remove_conditions(&mut request);
        assert_eq!(request, headers(&[("a", "b")]));
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        assert_eq!(upgrade(&headers(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade(&headers(&[("connection", "upgrade")])), None);
        let both = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade(&both).unwrap(), "websocket");
    }

    #[test]
    fn only_our_own_pseudonym_is_a_loop() {
        let (us, other) = (Pseudonym::new(1), Pseudonym::new(2));
        let mut headers = headers(&[("via", "1.0 fred, 1.1 p.example.net (Apache/1.1)")]);
        other.append_via(&mut headers, Version::HTTP_2);
        assert!(!us.has_passed(&headers));
        us.append_via(&mut headers, Version::HTTP_11);
        assert!(us.has_passed(&headers));
        let looped = |value: &'static str| us.has_passed(&self::headers(&[("cdn-loop", value)]));
        assert!(looped("a.example, inlay-00000001;v=1") && !looped("inlay-000000012") && !looped("a;inlay-00000001"));
        assert_eq!(headers.get_all("via").iter().next_back().unwrap(), "1.1 inlay-00000001");
    }

    #[test]
    fn content_types_are_read_as_browsers_do() {
        let read =
            |lines: &[&str]| is_html(&headers(&lines.iter().map(|line| ("content-type", *line)).collect::<Vec<_>>()));
        assert!(read(&["Text/HTML ; Charset=\"Windows-1252\""]) && read(&["a/b", " text/html"]));
        assert!(!read(&[]) && !read(&["html"]) && !read(&["text/html", "a/b"]) && !read(&["application/xhtml+xml"]));
    }

    #[test]
    fn the_nonce_of_scripts_counts_before_that_of_the_rest() {
        let policy = |value| headers(&[("content-security-policy", value)]);
        assert_eq!(csp_nonce(&policy("default-src 'self' 'nonce-d'; script-src 'nonce-Ab+/-_9='")), Some("Ab+/-_9="));
        assert_eq!(csp_nonce(&policy("style-src 'NONCE-s', default-src 'nonce-d'")), Some("s"));
        assert_eq!(csp_nonce(&policy("script-src 'nonce-\"><b>'; img-src 'nonce-i'")), None);
        assert_eq!(csp_nonce(&policy("script-src 'nonce-' nonce-x 'é")), None);
        let reported = headers(&[("content-security-policy-report-only", "script-src 'nonce-r'")]);
        assert_eq!(csp_nonce(&reported), Some("r"));
    }

    #[test]
    fn vary_grows_once() {
        let mut headers = headers(&[("vary", "Cookie, Accept-Encoding")]);
        add_vary(&mut headers, &header::ACCEPT_ENCODING);
        assert_eq!(headers.get_all("vary").iter().count(), 1);
        add_vary(&mut headers, &header::ACCEPT_LANGUAGE);
        assert_eq!(headers.get_all("vary").iter().count(), 2);
    }

    #[test]
    fn no_transform_is_found_in_any_line() {
        assert!(is_no_transform(&headers(&[
            ("cache-control", "public"),
            ("cache-control", "max-age=1, No-Transform")
        ])));
        assert!(!is_no_transform(&headers(&[("cache-control", "public")])));
    }
}
