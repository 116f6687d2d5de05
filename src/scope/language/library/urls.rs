//! URLs: their parts, their parameters, and which of them may stand in a link.
//!
//! In: URLs, whole or relative, as text. Out: the same with parameters changed; a part of it; a judgement of its scheme. What is not
//! touched stays as it was written.

use url::form_urlencoded::{byte_serialize, parse};

/// The parts of a URL as it is written, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts<'u> {
    before: &'u str,
    query: Option<&'u str>,
    /// With its `#`.
    fragment: &'u str,
}

fn parts(url: &str) -> Parts<'_> {
    let (rest, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    match rest.split_once('?') {
        Some((before, query)) => Parts { before, query: Some(query), fragment },
        None => Parts { before: rest, query: None, fragment },
    }
}

fn named(pair: &str, name: &str) -> bool {
    parse(pair.as_bytes()).next().is_some_and(|(found, _)| found == name)
}

/// The value of the first parameter of this name.
pub fn query_get(url: &str, name: &str) -> Option<String> {
    let query = parts(url).query?;
    parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// The URL with this parameter, in the place of the first one of its name or at the end.
pub fn query_set(url: &str, name: &str, value: &str) -> String {
    let Parts { before, query, fragment } = parts(url);
    let pair = format!("{}={}", encoded(name), encoded(value));
    let mut pairs: Vec<&str> =
        query.iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()).collect();
    let first = pairs.iter().position(|pair| named(pair, name));
    match first {
        Some(first) => {
            let mut index = 0;
            pairs.retain(|pair| {
                index += 1;
                index - 1 <= first || !named(pair, name)
            });
            pairs[first] = &pair;
        }
        None => pairs.push(&pair),
    }
    format!("{before}?{}{fragment}", pairs.join("&"))
}

/// The URL without parameters of this name.
pub fn query_remove(url: &str, name: &str) -> String {
    let Parts { before, query, fragment } = parts(url);
    let Some(query) = query else { return url.to_owned() };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !named(pair, name)).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    format!("{before}{mark}{}{fragment}", kept.join("&"))
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// What [`part`] knows.
pub const PARTS: [&str; 6] = ["scheme", "host", "port", "path", "query", "fragment"];

/// A part of a URL, one of [`PARTS`]; of a relative one only the last three are there.
pub fn part(url: &str, name: &str) -> Option<String> {
    let Parts { before, query, fragment } = parts(url);
    match name {
        "query" => return query.map(str::to_owned),
        "fragment" => return fragment.strip_prefix('#').map(str::to_owned),
        _ => {}
    }
    let whole = url::Url::parse(url.trim()).ok();
    match name {
        "scheme" => whole.map(|url| url.scheme().to_owned()),
        "host" => whole.and_then(|url| url.host_str().map(str::to_owned)),
        "port" => whole.and_then(|url| url.port_or_known_default()).map(|port| port.to_string()),
        "path" => Some(whole.map_or_else(|| before.to_owned(), |url| url.path().to_owned())),
        _ => None,
    }
}

/// Schemes to which a link may lead. Others run code (`javascript:`, `vbscript:`, `data:` with markup), or hand what is printed to
/// programs that nobody thought of here.
const SCHEMES: [&str; 14] = [
    "http",
    "https",
    "ftp",
    "mailto",
    "tel",
    "sms",
    "mms",
    "geo",
    "maps",
    "webcal",
    "whatsapp",
    "market",
    "itms-apps",
    "cid",
];

/// Kinds of `data:` that hold a picture and nothing that runs.
const PICTURES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

/// Whether a URL, as a browser would read it from an attribute's decoded value, leads to nothing that runs: it is relative, its
/// scheme is a known one, or it is the data of a picture. Browsers skip control characters and spaces before a URL, and tabs and line ends
/// everywhere in it (WHATWG URL, basic URL parser), so they are skipped here.
pub fn is_harmless(url: &str) -> bool {
    let seen = url.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    let seen: String = seen.skip_while(|c| *c <= ' ' || c.is_whitespace()).collect();
    let Some(end) = seen.find([':', '/', '?', '#', '\\']).filter(|at| seen[*at..].starts_with(':')) else {
        return true;
    };
    let (scheme, rest) = (seen[..end].to_ascii_lowercase(), &seen[end + 1..]);
    match scheme.as_str() {
        "data" => {
            let kind = rest.split([',', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
            PICTURES.contains(&kind.as_str())
        }
        scheme => SCHEMES.contains(&scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_changed_and_the_rest_stays() {
        assert_eq!(query_set("/a?x=1&y=%20&x=2#f", "x", "a b&c"), "/a?x=a+b%26c&y=%20#f");
        assert_eq!(query_set("/a#f", "utm source", "é"), "/a?utm+source=%C3%A9#f");
        assert_eq!(query_set("?", "a", "1"), "?a=1");
        assert_eq!(query_remove("https://a.example/?x=1&y=2&x", "x"), "https://a.example/?y=2");
        assert_eq!(query_remove("/a?x=1#f", "x"), "/a#f");
        assert_eq!(query_get("/a?x=a%20b+c", "x").as_deref(), Some("a b c"));
        assert_eq!(part("https://A.example:8443/b?c#d", "host").as_deref(), Some("a.example"));
        assert_eq!(part("/b?c#d", "path").as_deref(), Some("/b"));
    }

    #[test]
    fn schemes_that_run_are_seen_in_all_their_disguises() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " \u{1}\tjava\nscript\r:alert(1)",
            "\u{a0}javascript:1",
            "vbscript:x",
            "data:text/html,<script>",
            "data:text/html;base64,PHN2Zz4=",
            "data:image/svg+xml,<svg>",
            "data:,x",
            "blob:https://a/x",
            "file:///etc/passwd",
            "feed:javascript:1",
            "view-source:javascript:1",
        ] {
            assert!(!is_harmless(url), "{url}");
        }
        for url in [
            "",
            "/a:b",
            "?a=javascript:1",
            "#javascript:1",
            "a/b:c",
            "//cdn.example/x",
            "https://a.example",
            "MAILTO:a@b.example",
            "tel:+32",
            "data:image/png;base64,AAAA",
            "\\\\a:b",
        ] {
            assert!(is_harmless(url), "{url}");
        }
    }
}
