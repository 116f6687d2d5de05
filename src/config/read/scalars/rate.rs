//! Rates: requests in a time, bytes in a second.
//!
//! In: text. Out: the value, or what is expected instead. Pure.

use std::num::NonZeroU32;
use std::time;

use super::Size;
use super::written::{Written, number_and_unit};
use crate::limits::RATE_LIMIT_REQUESTS;

/// So many in such a time, as in `10/s`; at most [`RATE_LIMIT_REQUESTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub count: NonZeroU32,
    pub per: time::Duration,
}

/// Bytes a second, as in `240B/s`; none means that nothing is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRate(pub u64);

impl Written for Rate {
    const WHAT: &'static str = "a rate such as `10/s` or `600/m`";
    const PATTERN: Option<&'static str> = Some(r"^[1-9]\d* ?/ ?[smhd]$");

    fn from_text(text: &str) -> Result<Self, String> {
        let (number, per) = number_and_unit(text);
        let seconds = match per.strip_prefix('/').map(str::trim) {
            Some("s") => 1,
            Some("m") => 60,
            Some("h") => 3_600,
            Some("d") => 86_400,
            Some(_) => return Err("it is counted per `s`, `m`, `h` or `d`".to_owned()),
            None if !number.is_empty() => return Err(format!("say in which time: `{number}/s`")),
            None => return Err(String::new()),
        };
        let count = number.parse().ok().filter(|count: &NonZeroU32| count.get() <= RATE_LIMIT_REQUESTS);
        let count = count.ok_or_else(|| format!("write a whole number from 1 to {RATE_LIMIT_REQUESTS}"))?;
        Ok(Self { count, per: time::Duration::from_secs(seconds) })
    }
}

impl Written for ByteRate {
    const WHAT: &'static str = "a number of bytes a second such as `240B/s`";
    const PATTERN: Option<&'static str> = Some(r"^\d+(\.\d+)? ?([KMG]i?)?B/s$");

    fn from_text(text: &str) -> Result<Self, String> {
        let size = text.strip_suffix("/s").ok_or_else(|| "it ends with `/s`: `240B/s`".to_owned())?;
        Size::from_text(size.trim_end()).map(|Size(bytes)| Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, count, seconds) in [("10/s", 10, 1), ("600 / m", 600, 60), ("1/d", 1, 86_400)] {
            let count = NonZeroU32::new(count).unwrap();
            assert_eq!(Rate::from_text(text), Ok(Rate { count, per: time::Duration::from_secs(seconds) }), "{text}");
        }
        for (text, remedy) in [
            ("10", "`10/s`"),
            ("0/s", "from 1"),
            ("1.5/s", "from 1"),
            ("2000000/s", "to 1000000"),
            ("1/w", "per `s`"),
            ("x", ""),
        ] {
            assert!(Rate::from_text(text).is_err_and(|error| error.contains(remedy)), "{text}");
        }
        assert_eq!(ByteRate::from_text("1KiB/s"), Ok(ByteRate(1024)));
        assert!(ByteRate::from_text("240B").is_err_and(|error| error.contains("/s")));
        assert!(ByteRate::from_text("240/s").is_err());
    }
}
