//! What a response tells caches about itself, made stricter (RFC 9111, RFC 5861, RFC 9213).
//!
//! In: a response's headers and a bound. Out: the same headers, never more permissive than they were. It must not
//! store anything, nor ask the clock: the response's own `Date` and `Age` say what time it is.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use smallvec::SmallVec;

/// Caches on the way that have headers of their own; any `…-CDN-Cache-Control` counts as well (RFC 9213).
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// One directive of `Cache-Control`, its name as written, its value without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
    /// All of it, as written.
    pub text: &'a str,
}

impl Directive<'_> {
    /// Whether it is called `name`, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its value as seconds; one that is none counts as 0, the strictest (RFC 9111 section 4.2.1 leaves it to us).
    pub fn seconds(&self) -> u64 {
        self.readable_seconds().unwrap_or(0)
    }

    /// Its value as seconds, if it is a number.
    pub fn readable_seconds(&self) -> Option<u64> {
        let value = self.value.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()))?;
        // A number that no receiver can hold is as large as any (RFC 9111 section 1.2.2).
        Some(value.parse().unwrap_or(u64::MAX).min(u64::from(u32::MAX)))
    }
}

/// The directives of one line, quoted strings kept whole. A quote that never ends is a character as any other, so that it
/// can't hide what stands behind it.
pub fn directives(line: &str) -> impl Iterator<Item = Directive<'_>> {
    let members = Members { rest: Some(line) };
    members.map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        let (name, value) = match text.split_once('=') {
            // White space around `=` makes the value unreadable, not the name: what forbids still does.
            Some((name, _)) if name.ends_with(' ') => (name.trim(), Some(&text[name.len()..])),
            Some((name, value)) => (name, Some(value.trim_matches('"'))),
            None => (text, None),
        };
        Directive { name, value, text }
    })
}

/// The members of a list, as written.
struct Members<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let mut at = 0;
        while let Some(found) = rest[at..].find([',', '"']) {
            at += found;
            if rest.as_bytes()[at] == b',' {
                self.rest = Some(&rest[at + 1..]);
                return Some(&rest[..at]);
            }
            at += 1 + quoted_length(&rest[at + 1..]).unwrap_or(0);
        }
        self.rest = None;
        Some(rest)
    }
}

/// Bytes of a quoted string behind its first quote, the last one included; `None` if it never ends.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| end + 1)
}

/// Makes a response that holds for at most `bound` seconds from now say so: lowers `max-age`, `s-maxage` and
/// `Expires`, drops `immutable`, and lowers or drops what would allow stale use beyond the bound. It adds no freshness
/// to a response that says nothing of it; that one has lost its `Last-Modified`, so that no cache can guess one.
pub fn cut_to(headers: &mut HeaderMap, bound: u64) {
    // Freshness counts from when the origin made the response, the bound from now: what it aged already comes on top.
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()).and_then(|age| age.trim().parse().ok());
    let lifetime = bound.saturating_add(age.unwrap_or(0));
    for name in cache_controls(headers) {
        let cut: Vec<String> = lines(headers, &name)
            .iter()
            .flat_map(|line| directives(line))
            .filter_map(|directive| cut_directive(&directive, lifetime))
            .collect();
        if let Ok(value) = HeaderValue::try_from(cut.join(", ")) {
            headers.insert(name, value);
        }
    }
    cut_expires(headers, lifetime);
}

/// The directive under a lifetime of `seconds`; `None` if it goes.
fn cut_directive(directive: &Directive<'_>, seconds: u64) -> Option<String> {
    if directive.is("max-age") || directive.is("s-maxage") {
        // Surrogate-Control has `max-age=60+30`: fresh and stale. Only the first counts, the second is stale use.
        let fresh = directive.value.and_then(|value| value.split('+').next());
        let fresh = Directive { value: fresh, ..directive.clone() };
        return Some(format!("{}={}", directive.name.to_ascii_lowercase(), fresh.seconds().min(seconds)));
    }
    let allows_stale = ["stale-while-revalidate", "stale-if-error", "immutable"];
    // What is fresh may last to the very bound, so that no second of staleness is left to give.
    let goes = allows_stale.into_iter().any(|name| directive.is(name));
    (!goes).then(|| directive.text.to_owned())
}

/// `Expires` counts from `Date`; where either can't be read it says that the response is stale, which is always true enough.
fn cut_expires(headers: &mut HeaderMap, seconds: u64) {
    let Some(expires) = headers.get(header::EXPIRES) else { return };
    let latest = headers
        .get(header::DATE)
        .and_then(parse_date)
        .and_then(|date| date.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok());
    let cut = match (parse_date(expires), latest) {
        (Some(expires), Some(latest)) if expires <= latest => return,
        (Some(_), Some(latest)) => format_date(latest),
        _ => None,
    };
    headers.insert(header::EXPIRES, cut.unwrap_or(HeaderValue::from_static("0")));
}

/// Makes a response one visitor's own: `Cache-Control: private, no-cache`, with `no-store` where it was forbidden to be
/// stored at all, and nothing left that tells a shared cache otherwise. `Vary` stays, because the browser's own cache
/// goes by it.
pub fn make_private(headers: &mut HeaderMap) {
    let no_store = has_directive(headers, "no-store");
    const ALSO: [HeaderName; 3] = [header::EXPIRES, header::PRAGMA, header::AGE];
    let goes = |name: &&HeaderName| is_cache_control(name) || ALSO.contains(name);
    let going: SmallVec<[HeaderName; 4]> = headers.keys().filter(goes).cloned().collect();
    for name in going {
        headers.remove(name);
    }
    let value = if no_store { "private, no-cache, no-store" } else { "private, no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
}

/// Whether `Cache-Control` has the directive `name`, in any case, with or without a value.
pub fn has_directive(headers: &HeaderMap, name: &str) -> bool {
    let mut lines = headers.get_all(header::CACHE_CONTROL).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    lines.any(|line| directives(&line).any(|directive| directive.is(name)))
}

/// The headers of this response that say how long it may be kept.
fn cache_controls(headers: &HeaderMap) -> SmallVec<[HeaderName; 4]> {
    headers.keys().filter(|name| is_cache_control(name)).cloned().collect()
}

fn is_cache_control(name: &HeaderName) -> bool {
    *name == header::CACHE_CONTROL || *name == SURROGATE_CONTROL || name.as_str().ends_with("cdn-cache-control")
}

fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
}

/// The date of a header field in the format that is sent today (RFC 9110 section 5.6.7).
pub fn parse_date(value: &HeaderValue) -> Option<Timestamp> {
    let text = value.to_str().ok()?.trim();
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// A date for a header field; `None` for years that the format has no room for.
pub fn format_date(date: Timestamp) -> Option<HeaderValue> {
    let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(text).ok()
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

    fn cut(control: &str, bound: u64) -> String {
        let mut headers = headers(&[("cache-control", control)]);
        cut_to(&mut headers, bound);
        headers["cache-control"].to_str().unwrap().to_owned()
    }

    #[test]
    fn freshness_is_lowered_and_never_raised() {
        assert_eq!(cut("public, max-age=600, s-maxage=30", 60), "public, max-age=60, s-maxage=30");
        assert_eq!(cut("Max-Age=\"600\", stale-while-revalidate=60, Immutable", 60), "max-age=60");
        assert_eq!(cut("max-age=99999999999999999999", 60), "max-age=60");
        assert_eq!(cut("max-age=banana", 60), "max-age=0");
        assert_eq!(cut("no-cache=\"a, max-age=5\", private", 60), "no-cache=\"a, max-age=5\", private");
    }

    #[test]
    fn an_aged_response_keeps_the_bound_from_now_on() {
        let mut headers = headers(&[("cache-control", "max-age=600"), ("age", "100")]);
        cut_to(&mut headers, 60);
        assert_eq!(headers["cache-control"], "max-age=160");
    }

    #[test]
    fn targeted_headers_and_expires_are_cut_too() {
        let mut headers = headers(&[
            ("cdn-cache-control", "max-age=600"),
            ("example-cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600+30, content=\"ESI/1.0\""),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("expires", "Sun, 06 Nov 1994 09:49:37 GMT"),
        ]);
        cut_to(&mut headers, 60);
        assert_eq!(headers["cdn-cache-control"], "max-age=60");
        assert_eq!(headers["example-cdn-cache-control"], "max-age=60");
        assert_eq!(headers["surrogate-control"], "max-age=60, content=\"ESI/1.0\"");
        assert_eq!(headers["expires"], "Sun, 06 Nov 1994 08:50:37 GMT");
        headers.remove("date");
        cut_to(&mut headers, 60);
        assert_eq!(headers["expires"], "0");
    }

    #[test]
    fn private_leaves_nothing_for_shared_caches() {
        let mut headers = headers(&[
            ("cache-control", "public, s-maxage=600"),
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("expires", "Sun, 06 Nov 2094 09:49:37 GMT"),
            ("age", "5"),
            ("vary", "accept-language"),
        ]);
        make_private(&mut headers);
        assert_eq!(headers["cache-control"], "private, no-cache");
        assert_eq!(headers.len(), 2, "{headers:?}");
    }

    #[test]
    fn private_does_not_lift_no_store() {
        let mut headers = headers(&[("cache-control", "No-Store")]);
        make_private(&mut headers);
        assert_eq!(headers["cache-control"], "private, no-cache, no-store");
    }
}
