//! The consent strings of IAB Europe's Transparency and Consent Framework, version 2.
//!
//! In: a string as consent platforms write it into a cookie. Out: the purposes that it consents to, or why it can't be believed. Only
//! the fields of the core segment that stand at fixed places are read: the lists of vendors behind them may unfold to thousands of times their
//! length, and say nothing of the site itself. It must not decide what a purpose is for.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::Purposes;
use crate::limits::{CONSENT_STRING_AGE, CONSENT_STRING_BYTES, CONSENT_STRING_SKEW};

/// base64url, whose last letter may carry spare bits: fields end where they end.
const LETTERS: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The version that is read; version 1 has been without effect since 2020.
const VERSION: u64 = 2;
/// The first bit and the length of the fields that are read.
const VERSION_FIELD: (usize, usize) = (0, 6);
const LAST_UPDATED: (usize, usize) = (42, 36);
const PURPOSE_CONSENTS: (usize, usize) = (152, 24);
/// Letters that hold these fields: 30 of six bits, and two more to make whole bytes.
const HEAD_LETTERS: usize = 32;

/// The purposes of the framework that a string consents to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consented(u32);

impl Consented {
    /// Whether the purpose with this number (from 1) is among them.
    pub fn has(self, purpose: u8) -> bool {
        (1..=24).contains(&purpose) && self.0 >> (24 - purpose) & 1 == 1
    }
}

/// Which purposes of the framework each of ours needs: all that are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcfPurposes {
    pub store: Vec<u8>,
    pub personalise: Vec<u8>,
    pub measure: Vec<u8>,
}

impl Default for TcfPurposes {
    /// Storing and reading on the device; making and using profiles for advertising, and making them for content; measuring content.
    fn default() -> Self {
        Self { store: vec![1], personalise: vec![3, 4, 5], measure: vec![8] }
    }
}

impl TcfPurposes {
    /// What a string means for our purposes.
    pub fn in_ours(&self, consented: Consented) -> Purposes {
        let all = |needed: &[u8]| needed.iter().all(|purpose| consented.has(*purpose));
        Purposes { store: all(&self.store), personalise: all(&self.personalise), measure: all(&self.measure) }
    }
}

/// Why a string can't be believed. Then nothing is consented to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TcfError {
    #[error("the consent string is longer than {CONSENT_STRING_BYTES} bytes")]
    Long,
    #[error("the consent string is not written in base64url, or too short")]
    Damaged,
    #[error("the consent string is of version {0}, only version 2 is read")]
    Version(u8),
    #[error("the consent string is older than thirteen months")]
    Expired,
    #[error("the consent string is from the future")]
    Early,
}

/// What a string consents to at a moment. Legitimate interests count for nothing: they are not the visitor's word.
///
/// # Errors
/// [`TcfError`] where it can't be believed.
pub fn consented(text: &str, now: Timestamp) -> Result<Consented, TcfError> {
    let text = text.trim();
    if text.len() > CONSENT_STRING_BYTES {
        return Err(TcfError::Long);
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let core = text.split('.').next().unwrap_or_default();
    let whole = text.split('.').all(|segment| !segment.is_empty() && segment.bytes().all(is_letter));
    let head = core.get(..HEAD_LETTERS).filter(|_| whole).and_then(|head| LETTERS.decode(head).ok());
    let head = head.ok_or(TcfError::Damaged)?;
    match bits(&head, VERSION_FIELD) {
        VERSION => {}
        // Six bits.
        other => return Err(TcfError::Version(other as u8)),
    }
    // Tenths of a second in 36 bits: some two hundred years.
    let updated = Timestamp::from_millisecond(bits(&head, LAST_UPDATED) as i64 * 100);
    let age = updated.map_or(SignedDuration::MIN, |updated| now.duration_since(updated));
    match age {
        age if age < -CONSENT_STRING_SKEW => Err(TcfError::Early),
        age if age > CONSENT_STRING_AGE => Err(TcfError::Expired),
        // 24 bits.
        _ => Ok(Consented(bits(&head, PURPOSE_CONSENTS) as u32)),
    }
}

/// A field of at most 64 bits, the most significant first.
fn bits(bytes: &[u8], (first, length): (usize, usize)) -> u64 {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| u64::from(byte >> (7 - at % 8) & 1));
    (first..first + length).fold(0, |value, at| value << 1 | bit(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A whole one of three segments, of 2020-02-20, with consent to the purposes 1 to 3.
    const REAL: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw.ZAAgH9794ulA";

    fn at(time: &str) -> Timestamp {
        time.parse().expect("a time")
    }

    #[test]
    fn a_string_in_use_holds_for_thirteen_months() {
        let consented_at = |time: &str| consented(REAL, at(time));
        let purposes = consented_at("2020-06-01T00:00:00Z").expect("consent");
        let listed: Vec<u8> = (0..=30).filter(|purpose| purposes.has(*purpose)).collect();
        assert_eq!(listed, [1, 2, 3]);
        assert!(consented_at("2021-03-20T00:00:00Z").is_ok());
        assert_eq!(consented_at("2021-04-01T00:00:00Z"), Err(TcfError::Expired));
        assert_eq!(consented_at("2020-02-01T00:00:00Z"), Err(TcfError::Early));
    }

    #[test]
    fn what_is_no_such_string_is_no_consent() {
        let now = at("2020-06-01T00:00:00Z");
        let cases = [
            (String::new(), TcfError::Damaged),
            ("C".into(), TcfError::Damaged),
            (REAL[..31].into(), TcfError::Damaged),
            (REAL.replace('.', ".."), TcfError::Damaged),
            (REAL.replace('v', "%"), TcfError::Damaged),
            (REAL.replacen('C', "é", 1), TcfError::Damaged),
            (format!("B{}", &REAL[1..]), TcfError::Version(1)),
            (format!("D{}", &REAL[1..]), TcfError::Version(3)),
            (format!("{REAL}.{}", "A".repeat(CONSENT_STRING_BYTES)), TcfError::Long),
        ];
        for (text, error) in cases {
            assert_eq!(consented(&text, now), Err(error), "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn each_of_ours_needs_all_of_theirs() {
        let of = |numbers: &[u8]| Consented(numbers.iter().map(|number| 1 << (24 - number)).sum());
        let purposes = TcfPurposes::default();
        assert_eq!(purposes.in_ours(of(&[1, 3, 4, 5, 8])), Purposes::ALL);
        assert_eq!(purposes.in_ours(of(&[1, 3, 5])), Purposes { store: true, ..Purposes::NONE });
        assert_eq!(purposes.in_ours(of(&[3, 4, 5])), Purposes { personalise: true, ..Purposes::NONE });
        assert_eq!(purposes.in_ours(of(&[])), Purposes::NONE);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(text in ".{0,200}", letters in "[A-Za-z0-9_.-]{0,200}") {
            let now = at("2026-11-23T12:00:00Z");
            let _ = (consented(&text, now), consented(&letters, now));
        }
    }
}
