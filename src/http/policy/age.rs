//! How old a response is (RFC 9111 section 4.2.3), and what its dates say.
//!
//! In: a response's head, and when it was asked for and came. Out: the moment at which it was born, as far as anybody can
//! tell. It must not know what time it is now.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

/// When a response was asked for, and when its head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub asked: Timestamp,
    pub at: Timestamp,
}

/// The greatest age there is: what a receiver takes that can't hold more (RFC 9111 section 1.2.2).
pub const AGE_MAX: u64 = 1 << 31;

/// When the response was made or last confirmed by the origin, by our clock. A `Date` ahead of our clock says nothing, an
/// `Age` counts from when we asked, because the delay may lie on either side of the cache that wrote it.
pub fn born(headers: &HeaderMap, received: Received) -> Timestamp {
    let apparent = date(headers, &header::DATE).map_or(0, |date| received.at.duration_since(date).as_secs().max(0));
    let delay = received.at.duration_since(received.asked).as_secs().max(0);
    let corrected = i64::try_from(age(headers)).unwrap_or(i64::MAX).saturating_add(delay);
    before(received.at, apparent.max(corrected).unsigned_abs())
}

/// The moment `seconds` before `at`; the beginning of time if there is none.
fn before(at: Timestamp, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    at.checked_sub(seconds).unwrap_or(Timestamp::MIN)
}

/// Whole seconds from `born` to `now`.
pub fn age_at(born: Timestamp, now: Timestamp) -> u64 {
    now.duration_since(born).as_secs().max(0).unsigned_abs().min(AGE_MAX)
}

/// The `Age` that came with the response: the first of several, 0 where it can't be read (RFC 9111 section 5.1).
fn age(headers: &HeaderMap) -> u64 {
    let first = headers.get(header::AGE).and_then(|line| line.to_str().ok()).and_then(|line| line.split(',').next());
    let digits = first.map(str::trim).filter(|age| !age.is_empty() && age.bytes().all(|byte| byte.is_ascii_digit()));
    digits.map_or(0, |digits| digits.parse().unwrap_or(AGE_MAX).min(AGE_MAX))
}

/// The only date under `name`, in any of the formats that receivers must read; `None` for none, several, or another.
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let mut lines = headers.get_all(name).into_iter();
    let date = lines.next().and_then(parse)?;
    lines.next().is_none().then_some(date)
}

/// A date of RFC 9110 section 5.6.7: today's format, RFC 850's or asctime's. Letters may be in either case (RFC 9111
/// section 4.2), and the day of the week, which adds nothing, may be wrong.
pub fn parse(value: &HeaderValue) -> Option<Timestamp> {
    let text = value.to_str().ok()?.trim();
    let parsed = httpdate::parse_http_date(text).ok().or_else(|| leniently(text))?;
    let since = parsed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn leniently(text: &str) -> Option<SystemTime> {
    let text = cased(text);
    let (day, rest) = text.split_at(text.find(|letter: char| !letter.is_ascii_alphabetic())?);
    let days = [DAYS, LONG_DAYS].into_iter().find(|days| days.contains(&day))?;
    days.iter().find_map(|day| httpdate::parse_http_date(&format!("{day}{rest}")).ok())
}

/// Each word as dates have it: `GMT`, and names with a capital.
fn cased(text: &str) -> String {
    let mut within = false;
    let cased = text.chars().map(|letter| match std::mem::replace(&mut within, letter.is_ascii_alphabetic()) {
        true => letter.to_ascii_lowercase(),
        false => letter.to_ascii_uppercase(),
    });
    cased.collect::<String>().replace("Gmt", "GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "1994-11-06T08:49:37Z";

    fn born_with(lines: &[(&'static str, &'static str)], delay: i64) -> u64 {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let at: Timestamp = AT.parse().unwrap();
        age_at(born(&headers, Received { asked: at - SignedDuration::from_secs(delay), at }), at)
    }

    #[test]
    fn the_greatest_age_that_anything_tells_counts() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:17 GMT");
        assert_eq!(born_with(&[], 0), 0);
        assert_eq!(born_with(&[date], 3), 20);
        assert_eq!(born_with(&[date, ("age", "30")], 3), 33);
        assert_eq!(born_with(&[("date", "Sun, 06 Nov 1994 09:49:17 GMT")], 0), 0, "a clock ahead of ours");
        assert_eq!(born_with(&[("age", "99999999999999999999999")], 0), AGE_MAX);
        assert_eq!(born_with(&[("age", "7, 9"), ("age", "50")], 0), 7);
        for nonsense in ["-7", "7s", "7.5", "", "\"7\""] {
            assert_eq!(born_with(&[("age", nonsense)], 0), 0, "{nonsense}");
        }
    }

    #[test]
    fn dates_come_in_three_formats() {
        let read = |text: &'static str| parse(&HeaderValue::from_static(text));
        let expected = AT.parse().ok();
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in ["SUN, 06 nOv 1994 08:49:37 gMt", "FRIDAY, 06-Nov-94 08:49:37 GMT", "Tue nov  6 08:49:37 1994"] {
            assert_eq!(read(text), expected, "{text}");
        }
        for nonsense in [
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37 AEST",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
