//! The cookies of one of the stage's visitors, kept for them as a browser would (RFC 6265).
//!
//! In: the `Set-Cookie` lines of responses. Out: the `Cookie` line of a request. The frames of the stage stand on other
//! hosts, where browsers hold cookies back as third-party ones; so the demo keeps them itself. One host only: `Domain`
//! is not looked at, nor is `Secure`, because the demo is on the loopback.

use cookie::Cookie;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::limits::{JAR_COOKIE_BYTES, JAR_COOKIES};

/// The cookies of one visitor, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    name: String,
    value: String,
    path: String,
    /// `None`: until the demo ends.
    expires: Option<Timestamp>,
}

impl Jar {
    /// Takes in what a response to a request for `path` sets, at the moment `now`. Lines that are no cookies, or too long, are left
    /// out; beyond [`JAR_COOKIES`] the oldest goes.
    pub fn store(&mut self, headers: &HeaderMap, path: &str, now: Timestamp) {
        let lines = headers.get_all(SET_COOKIE).iter();
        let parsed = lines.filter_map(|line| Cookie::parse(line.to_str().ok()?).ok());
        for cookie in parsed {
            if cookie.name().len() + cookie.value().len() <= JAR_COOKIE_BYTES {
                self.keep(&cookie, path, now);
            }
        }
    }

    /// The `Cookie` line for a request for `path` at `now`, without the names in `hidden`; `None` where nothing is to be sent.
    pub fn line(&self, path: &str, now: Timestamp, hidden: &[&str]) -> Option<HeaderValue> {
        let mut sent: Vec<&Kept> = self
            .cookies
            .iter()
            .filter(|kept| kept.is_alive(now) && path_matches(path, &kept.path))
            .filter(|kept| !hidden.contains(&kept.name.as_str()))
            .collect();
        // Longer paths first; the sort is stable, so older ones stay before younger (RFC 6265, 5.4).
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = sent.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).ok())?
    }

    /// Whether a cookie of this name is alive at `now`.
    pub fn has(&self, name: &str, now: Timestamp) -> bool {
        self.cookies.iter().any(|kept| kept.name == name && kept.is_alive(now))
    }

    /// Drops every cookie of this name.
    pub fn forget(&mut self, name: &str) {
        self.cookies.retain(|kept| kept.name != name);
    }

    fn keep(&mut self, cookie: &Cookie<'_>, request_path: &str, now: Timestamp) {
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => default_path(request_path).to_owned(),
        };
        self.cookies.retain(|kept| kept.name != cookie.name() || kept.path != path);
        let kept = Kept {
            name: cookie.name().to_owned(),
            value: cookie.value().to_owned(),
            path,
            expires: expiry(cookie, now),
        };
        if kept.is_alive(now) {
            if self.cookies.len() == JAR_COOKIES {
                self.cookies.remove(0);
            }
            self.cookies.push(kept);
        }
    }
}

impl Kept {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

/// `Max-Age` before `Expires` (RFC 6265, 5.3). An age beyond the calendar means: as good as for ever.
fn expiry(cookie: &Cookie<'_>, now: Timestamp) -> Option<Timestamp> {
    let seconds = match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => now.as_second().checked_add(age.whole_seconds()),
        (None, Some(at)) => Some(at.unix_timestamp()),
        (None, None) => None,
    };
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok())
}

/// The directory of a request's path (RFC 6265, 5.1.4).
fn default_path(request_path: &str) -> &str {
    match request_path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &request_path[..end],
    }
}

/// RFC 6265, 5.1.4.
fn path_matches(request_path: &str, cookie_path: &str) -> bool {
    match request_path.strip_prefix(cookie_path) {
        Some(rest) => rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::default();
        jar.store(&headers(lines), "/account/login", Timestamp::UNIX_EPOCH);
        jar
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (SET_COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    fn line(jar: &Jar, path: &str, second: i64) -> Option<String> {
        let now = Timestamp::from_second(second).unwrap();
        let line = jar.line(path, now, &["hidden"])?;
        Some(line.to_str().unwrap().to_owned())
    }

    #[test]
    fn several_lines_stay_several_and_the_last_of_a_name_counts() {
        let jar = jar(&["tier=plain; Path=/", "member=Ann; Path=/; HttpOnly", "tier=gold; Path=/"]);
        assert_eq!(line(&jar, "/", 0).unwrap(), "member=Ann; tier=gold");
    }

    #[test]
    fn paths_are_matched_by_segment() {
        let jar = jar(&["a=1; Path=/acc", "b=2; Path=/account", "c=3", "d=4; Path=/"]);
        assert_eq!(line(&jar, "/account/x", 0).unwrap(), "b=2; c=3; d=4");
        assert_eq!(line(&jar, "/shop/", 0).unwrap(), "d=4");
    }

    #[test]
    fn ages_end() {
        let mut jar = jar(&["a=1; Path=/; Max-Age=60", "b=2; Path=/; Expires=Thu, 01 Jan 1970 00:00:30 GMT"]);
        assert_eq!(line(&jar, "/", 10).unwrap(), "a=1; b=2");
        assert_eq!(line(&jar, "/", 30).unwrap(), "a=1");
        jar.store(&headers(&["a=; Path=/; Max-Age=0"]), "/", Timestamp::UNIX_EPOCH);
        assert_eq!(line(&jar, "/", 30), None);
    }

    #[test]
    fn hidden_names_are_not_sent() {
        let jar = jar(&["hidden=1; Path=/"]);
        assert_eq!(line(&jar, "/", 0), None);
        assert!(jar.has("hidden", Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn the_jar_is_bounded() {
        let lines: Vec<String> = (0..JAR_COOKIES + 5).map(|n| format!("n{n}=1; Path=/")).collect();
        let jar = jar(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let sent = line(&jar, "/", 0).unwrap();
        assert_eq!(sent.split("; ").count(), JAR_COOKIES);
        assert!(sent.starts_with("n5=1; ") && !sent.contains("n4="));
    }
}
