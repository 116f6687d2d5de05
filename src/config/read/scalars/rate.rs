//! Rates: bytes in a second.
//!
//! In: text. Out: the value, or what is expected instead. Pure.

use super::Size;
use super::written::Written;

/// Bytes a second, as in `240B/s`; none means that nothing is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRate(pub u64);

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
        assert_eq!(ByteRate::from_text("1KiB/s"), Ok(ByteRate(1024)));
        assert!(ByteRate::from_text("240B").is_err_and(|error| error.contains("/s")));
        assert!(ByteRate::from_text("240/s").is_err());
    }
}
