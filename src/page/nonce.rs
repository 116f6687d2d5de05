//! The nonce of a page's content security policy: where the page carries it, and what may stand in its place.
//!
//! In: a nonce, a start tag. Out: the place of its value. It must not make nonces nor know policies.

use std::ops::Range;

use bytes::Bytes;

use super::charset::Charset;
use super::tag::Tag;

/// A nonce as a policy names it: base64 or base64url characters, which stand for themselves in an attribute, quoted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Bytes);

impl Nonce {
    /// `None` if `text` is empty or could not be laid into an attribute as it is.
    pub fn of(text: &str) -> Option<Self> {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
        let valid = !text.is_empty() && text.bytes().all(is_base64);
        valid.then(|| Self(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Its characters.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).expect("invariant: it was made of ASCII")
    }

    /// The same as bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes of the tag's `nonce` attribute, without quotes, if its value is this nonce once entities are decoded.
    pub(super) fn locate(&self, tag: &Tag<'_>, charset: Charset) -> Option<Range<u64>> {
        let value = tag.value("nonce")?;
        let written = charset.decode(tag.slice(&value));
        (htmlize::unescape_attribute(written).as_bytes() == &*self.0).then_some(value)
    }

    /// Whether it stands in `text`, whatever is around it.
    pub(super) fn stands_in(&self, text: &[u8]) -> bool {
        memchr::memmem::find(text, &self.0).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_escapes_is_a_nonce() {
        assert!(Nonce::of("Ab1+/-_=").is_some());
        for bad in ["", "a b", "a\"", "a>", "é"] {
            assert_eq!(Nonce::of(bad), None, "{bad}");
        }
    }
}
