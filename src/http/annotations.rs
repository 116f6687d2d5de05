//! What a response says of how it came to be: `Cache-Status` (RFC 9211), `Proxy-Status` (RFC 9209), `Server-Timing`.
//!
//! In: what happened, as data. Out: header lines appended to what is there. It must not decide what happened.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::limits;

pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How a cache handled a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// Answered without asking; seconds of freshness left, negative for a stale response.
    Hit { ttl: Option<i64> },
    /// Asked, for this reason.
    Forwarded {
        reason: Forwarded,
        /// What was answered, where the client got another status.
        status: Option<StatusCode>,
        /// The answer is stored now.
        stored: bool,
        /// Somebody else asked, and this one waited.
        collapsed: bool,
    },
    /// Asked because what is stored is stale; as there was no good answer, it was used.
    StoodIn { status: Option<StatusCode> },
    /// Neither stored nor to be asked for (`only-if-cached`).
    NotStored,
}

/// Why a cache asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forwarded {
    /// The cache was not meant to handle the request.
    Bypass,
    /// The method's semantics require it.
    Method,
    /// Nothing stored for the URI.
    UriMiss,
    /// Something stored for the URI, but not for these request headers.
    VaryMiss,
    /// Nothing stored that fits; URI or headers, not told apart.
    Miss,
    /// The request said so (`no-cache`).
    Request,
    /// What is stored was too old.
    Stale,
    /// A part of what was asked was stored.
    Partial,
}

impl Forwarded {
    fn token(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// Appends our member to `Cache-Status`; the caches nearer to the origin come first. `name` is a token.
pub fn append_cache_status(headers: &mut HeaderMap, name: &str, status: &CacheStatus, detail: Option<&str>) {
    let mut member = name.to_owned();
    match status {
        CacheStatus::Hit { ttl } => {
            member.push_str("; hit");
            if let Some(ttl) = ttl {
                // Writing to a String can't fail; the same holds below.
                let _ = write!(member, "; ttl={ttl}");
            }
        }
        CacheStatus::Forwarded { reason, status, stored, collapsed } => {
            let _ = write!(member, "; fwd={}", reason.token());
            write_status(&mut member, *status);
            member.push_str(if *stored { "; stored" } else { "" });
            member.push_str(if *collapsed { "; collapsed" } else { "" });
        }
        CacheStatus::StoodIn { status } => {
            member.push_str("; fwd=stale");
            write_status(&mut member, *status);
            member.push_str("; detail=stale-if-error");
        }
        CacheStatus::NotStored => member.push_str("; detail=only-if-cached"),
    }
    if let Some(detail) = detail {
        let _ = write!(member, "; detail={}", quoted(detail));
    }
    append(headers, CACHE_STATUS, &member);
}

fn write_status(member: &mut String, status: Option<StatusCode>) {
    if let Some(status) = status {
        let _ = write!(member, "; fwd-status={}", status.as_u16());
    }
}

/// Appends our member to `Proxy-Status`: `error` is one of RFC 9209's error types, `details` is for people.
pub fn append_proxy_status(headers: &mut HeaderMap, name: &str, error: &str, details: Option<&str>) {
    let mut member = format!("{name}; error={error}");
    if let Some(details) = details {
        let _ = write!(member, "; details={}", quoted(details));
    }
    append(headers, PROXY_STATUS, &member);
}

/// One metric of `Server-Timing`.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing<'a> {
    /// What is not of a token's characters becomes `_`.
    pub name: Cow<'a, str>,
    pub duration: Option<Duration>,
    pub description: Option<Cow<'a, str>>,
}

/// Appends `timings` as one line, as many as fit into [`SERVER_TIMING_BYTES`](limits::SERVER_TIMING_BYTES).
pub fn append_server_timing<'a>(headers: &mut HeaderMap, timings: impl IntoIterator<Item = Timing<'a>>) {
    let mut line = String::new();
    for timing in timings {
        let member = timing_member(&timing);
        if line.len() + 2 + member.len() > limits::SERVER_TIMING_BYTES {
            break;
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&member);
    }
    if !line.is_empty() {
        append(headers, SERVER_TIMING, &line);
    }
}

fn timing_member(timing: &Timing<'_>) -> String {
    let mut member: String = timing.name.chars().map(|char| if is_token_char(char) { char } else { '_' }).collect();
    if let Some(duration) = timing.duration {
        let _ = write!(member, ";dur={:.3}", duration.as_secs_f64() * 1000.0);
    }
    if let Some(description) = &timing.description {
        let _ = write!(member, ";desc={}", quoted(description));
    }
    member
}

/// RFC 9110 section 5.6.2.
fn is_token_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char)
}

/// A quoted string of a structured field (RFC 9651): printable ASCII, the rest as `?`.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            ' '..='~' => quoted.push(char),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_join_what_is_there() {
        let mut headers = HeaderMap::new();
        append_cache_status(&mut headers, "cdn", &CacheStatus::Hit { ttl: Some(-3) }, None);
        let miss = CacheStatus::Forwarded { reason: Forwarded::UriMiss, status: None, stored: true, collapsed: false };
        append_cache_status(&mut headers, "inlay", &miss, Some("say \"é\""));
        let lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(lines, ["cdn; hit; ttl=-3", "inlay; fwd=uri-miss; stored; detail=\"say \\\"?\\\"\""]);
    }

    #[test]
    fn timings_are_tokens_and_bounded() {
        let mut headers = HeaderMap::new();
        let timing = |name: &'static str| Timing {
            name: name.into(),
            duration: Some(Duration::from_micros(1500)),
            description: Some("hit".into()),
        };
        append_server_timing(&mut headers, [timing("home banner/1")]);
        assert_eq!(headers[SERVER_TIMING], "home_banner_1;dur=1.500;desc=\"hit\"");
        headers.clear();
        append_server_timing(&mut headers, (0..10_000).map(|_| timing("slot")));
        assert!(headers[SERVER_TIMING].len() <= limits::SERVER_TIMING_BYTES);
    }
}
