//! What a response says of how it came to be: `Cache-Status` (RFC 9211), `Proxy-Status` (RFC 9209), `Server-Timing`.
//!
//! In: what happened, as data. Out: header lines appended to what is there. It must not decide what happened.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::limits;

pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What most lines have room in, so that they grow once.
const LINE_BYTES: usize = 256;

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
    let mut member = String::with_capacity(LINE_BYTES);
    member.push_str(name);
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
        member.push_str("; detail=");
        push_quoted(&mut member, detail);
    }
    append(headers, CACHE_STATUS, member);
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
        member.push_str("; details=");
        push_quoted(&mut member, details);
    }
    append(headers, PROXY_STATUS, member);
}

/// One metric of `Server-Timing`.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing<N, D = &'static str> {
    /// What is not of a token's characters becomes `_`.
    pub name: N,
    pub duration: Option<Duration>,
    pub description: Option<D>,
}

/// A line of `Server-Timing` in the making, which takes as many timings as fit into
/// [`SERVER_TIMING_BYTES`](limits::SERVER_TIMING_BYTES).
#[derive(Debug, Default)]
pub struct TimingLine {
    line: String,
    /// It has taken all that fit.
    full: bool,
}

impl TimingLine {
    /// Adds one.
    pub fn add<N: Display, D: Display>(&mut self, timing: &Timing<N, D>) {
        if self.full {
            return;
        }
        let before = self.line.len();
        if before == 0 {
            self.line.reserve(LINE_BYTES);
        } else {
            self.line.push_str(", ");
        }
        push_timing(&mut self.line, timing);
        if self.line.len() > limits::SERVER_TIMING_BYTES {
            self.line.truncate(before);
            self.full = true;
        }
    }

    /// Appends it, unless it is empty.
    pub fn append_to(self, headers: &mut HeaderMap) {
        if let Some(line) = self.value() {
            headers.append(SERVER_TIMING, line);
        }
    }

    /// The line, unless it is empty.
    pub fn value(self) -> Option<HeaderValue> {
        let line = Some(self.line).filter(|line| !line.is_empty())?;
        HeaderValue::from_maybe_shared(Bytes::from(line)).ok()
    }
}

/// Appends these timings as one line.
pub fn append_server_timing<N: Display, D: Display>(
    headers: &mut HeaderMap,
    timings: impl IntoIterator<Item = Timing<N, D>>,
) {
    let mut line = TimingLine::default();
    timings.into_iter().for_each(|timing| line.add(&timing));
    line.append_to(headers);
}

fn push_timing<N: Display, D: Display>(line: &mut String, timing: &Timing<N, D>) {
    let _ = write!(Token(line), "{}", timing.name);
    if let Some(duration) = timing.duration {
        line.push_str(";dur=");
        push_milliseconds(line, duration);
    }
    if let Some(description) = &timing.description {
        line.push_str(";desc=\"");
        let _ = write!(Quoted(line), "{description}");
        line.push('"');
    }
}

/// Milliseconds with three decimals, as every response says some.
fn push_milliseconds(line: &mut String, duration: Duration) {
    /// Of the largest number, and its point.
    const DIGITS: usize = 24;
    let mut text = [0; DIGITS];
    let (mut at, mut rest) = (DIGITS, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    // Before the point stands one digit at least.
    while rest > 0 || at > DIGITS - 5 {
        if at == DIGITS - 3 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    line.extend(text[at..].iter().map(|digit| char::from(*digit)));
}

/// Text as a token: what can't stand in one becomes `_`.
struct Token<'l>(&'l mut String);

impl Write for Token<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.bytes().all(|byte| is_token_char(char::from(byte))) {
            true => self.0.push_str(text),
            false => self.0.extend(text.chars().map(|char| if is_token_char(char) { char } else { '_' })),
        }
        Ok(())
    }
}

/// Text within a quoted string of a structured field (RFC 9651): printable ASCII, the rest as `?`.
struct Quoted<'l>(&'l mut String);

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            self.0.push_str(text);
            return Ok(());
        }
        for char in text.chars() {
            match char {
                '"' | '\\' => self.0.extend(['\\', char]),
                ' '..='~' => self.0.push(char),
                _ => self.0.push('?'),
            }
        }
        Ok(())
    }
}

/// RFC 9110 section 5.6.2.
fn is_token_char(char: char) -> bool {
    matches!(char, 'a'..='z' | 'A'..='Z' | '0'..='9')
        || matches!(char, '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '.' | '^' | '_' | '`' | '|' | '~')
}

/// A quoted string of a structured field.
fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    // Writing to a String can't fail.
    let _ = Quoted(line).write_str(text);
    line.push('"');
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // A string of its own is taken over, not copied.
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
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
        let timing =
            |name: &'static str| Timing { name, duration: Some(Duration::from_micros(1500)), description: Some("hit") };
        append_server_timing(&mut headers, [timing("home banner/1")]);
        assert_eq!(headers[SERVER_TIMING], "home_banner_1;dur=1.500;desc=\"hit\"");
        for (micros, said) in [(0, "0.000"), (7, "0.007"), (1_000, "1.000"), (123_456_789, "123456.789")] {
            let mut line = String::new();
            push_milliseconds(&mut line, Duration::from_micros(micros));
            assert_eq!(line, said);
        }
        headers.clear();
        append_server_timing(&mut headers, (0..10_000).map(|_| timing("slot")));
        assert!(headers[SERVER_TIMING].len() <= limits::SERVER_TIMING_BYTES);
    }
}
