//! The standard library of the language: what its filters do, as plain functions.
//!
//! In: plain values (texts, numbers, locales). Out: plain values, or a [`Refusal`] in words for the author. No function
//! here knows of templates, scopes or the clock: what they need they are handed, so that whatever language code is written in
//! gets the same answers. What they make is at most a small multiple of what they are given, or is bounded by a limit.

pub mod codings;
pub mod dates;
pub mod locales;
pub mod markdown;
pub mod numbers;
pub mod patterns;
pub mod strings;
pub mod urls;

/// Why a function of the library gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A text does not say what it should.
    #[error("`{given}` is no {wanted}; {remedy}")]
    Not { given: String, wanted: &'static str, remedy: &'static str },
    /// The result would be larger than this many bytes.
    #[error("this would make more than {0} bytes")]
    TooLarge(usize),
    /// Something outside of what dates or numbers can say.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

impl Refusal {
    fn not(given: &str, wanted: &'static str, remedy: &'static str) -> Self {
        Self::Not { given: given.chars().take(80).collect(), wanted, remedy }
    }
}
