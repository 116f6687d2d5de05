//! Which encoding a page has, settled before its first byte is rewritten, and text in that encoding.
//!
//! In: the response's `Content-Type` and the first bytes of the page. Out: a [`Charset`]. The page's own bytes are never
//! recoded, so a wrong guess can spoil at most what is laid in; that is why nothing is guessed.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, Encoding, UTF_8, WINDOWS_1252};

use super::prescan::{Prescan, prescan};
use crate::limits;

/// The encoding of a page, as far as rewriting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// The page says so, and markup is ASCII in it.
    Known(&'static Encoding),
    /// Nothing says which: what is laid in is written in ASCII, the rest as numeric references. Right in every encoding
    /// in which a page can be read at all.
    Unknown,
    /// Markup is not ASCII in it (UTF-16, ISO-2022-JP, `replacement`): such a page passes through as it is.
    Foreign(&'static Encoding),
}

impl Charset {
    /// The charset of a page that begins with `prefix`, by the standard's order: byte order mark, `content_type` (the whole
    /// header value), then a `<meta>` in the first [`limits::CHARSET_PRESCAN_BYTES`].
    ///
    /// `None`: these bytes do not say, more are needed. It is never returned when `complete` is set (no more will come, or
    /// no more will be waited for) nor when that many bytes are there.
    pub fn settle(content_type: Option<&str>, prefix: &[u8], complete: bool) -> Option<Self> {
        if let Some((encoding, _)) = Encoding::for_bom(prefix) {
            return Some(Self::of(encoding));
        }
        let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
        if !complete && marks.iter().any(|mark| mark.starts_with(prefix)) {
            return None;
        }
        let label = content_type.and_then(charset_parameter);
        if let Some(encoding) = label.and_then(|label| Encoding::for_label(label.as_bytes())) {
            return Some(Self::of(encoding));
        }
        let complete = complete || prefix.len() >= limits::CHARSET_PRESCAN_BYTES;
        match prescan(&prefix[..prefix.len().min(limits::CHARSET_PRESCAN_BYTES)]) {
            Prescan::Found(encoding) => Some(Self::of(encoding)),
            Prescan::Nothing => complete.then_some(Self::Unknown),
        }
    }

    fn of(encoding: &'static Encoding) -> Self {
        match encoding.is_ascii_compatible() {
            true => Self::Known(encoding),
            false => Self::Foreign(encoding),
        }
    }

    /// The name by which people know it, for logs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(encoding) | Self::Foreign(encoding) => encoding.name(),
            Self::Unknown => "unknown",
        }
    }

    /// The encoding in which selectors are matched.
    pub(super) fn for_matching(self) -> &'static Encoding {
        match self {
            Self::Known(encoding) => encoding,
            Self::Unknown | Self::Foreign(_) => UTF_8,
        }
    }

    /// Bytes of the page as text. Where nothing says which encoding it is, UTF-8 if it can be, else windows-1252.
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Known(encoding) | Self::Foreign(encoding) => encoding.decode_without_bom_handling(bytes).0,
            Self::Unknown => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
            },
        }
    }

    /// Text as bytes of the page, `None` if they are the text's own bytes.
    pub(super) fn encode(self, text: &str, beyond: Beyond) -> Result<Option<Vec<u8>>, Inexpressible> {
        match self {
            _ if text.is_ascii() => Ok(None),
            Self::Known(encoding) if encoding == UTF_8 => Ok(None),
            Self::Known(encoding) => encode(encoding, text, beyond).map(Some),
            Self::Unknown | Self::Foreign(_) => escape_all(text, beyond).map(Some),
        }
    }
}

/// What becomes of characters that the page's encoding lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// `&#x20AC;`: understood wherever entities are.
    Reference,
    Refuse,
}

/// A character that the encoding lacks, where no reference would be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inexpressible;

fn encode(encoding: &'static Encoding, text: &str, beyond: Beyond) -> Result<Vec<u8>, Inexpressible> {
    let mut encoder = encoding.new_encoder();
    let mut encoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        encoded.reserve(rest.len() + 16);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut encoded, true);
        rest = &rest[read..];
        if let EncoderResult::Unmappable(character) = result {
            refer(character, beyond, &mut encoded)?;
        }
    }
    Ok(encoded)
}

fn escape_all(text: &str, beyond: Beyond) -> Result<Vec<u8>, Inexpressible> {
    let mut escaped = Vec::with_capacity(text.len() + 16);
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() => escaped.push(byte),
            _ => refer(character, beyond, &mut escaped)?,
        }
    }
    Ok(escaped)
}

fn refer(character: char, beyond: Beyond, into: &mut Vec<u8>) -> Result<(), Inexpressible> {
    match beyond {
        Beyond::Refuse => Err(Inexpressible),
        Beyond::Reference => {
            into.extend_from_slice(format!("&#x{:X};", u32::from(character)).as_bytes());
            Ok(())
        }
    }
}

/// The `charset` parameter of a `Content-Type`, without its quotes.
fn charset_parameter(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(content_type: Option<&str>, prefix: &[u8]) -> &'static str {
        Charset::settle(content_type, prefix, true).unwrap().name()
    }

    #[test]
    fn the_mark_beats_the_header_and_the_header_the_meta() {
        let meta = b"<meta charset=shift_jis>";
        assert_eq!(name(Some("text/html; charset=iso-8859-1"), b"\xEF\xBB\xBF<p>"), "UTF-8");
        assert_eq!(name(Some("text/html; Charset=\"koi8-r\""), meta), "KOI8-R");
        assert_eq!(name(Some("text/html; charset=nonsense"), meta), "Shift_JIS");
        assert_eq!(name(Some("text/html"), meta), "Shift_JIS");
        assert_eq!(Charset::settle(None, b"<p>", true), Some(Charset::Unknown));
    }

    #[test]
    fn it_waits_for_bytes_only_while_they_can_change_the_answer() {
        let header = Some("text/html; charset=utf-8");
        assert_eq!(Charset::settle(header, b"", false), None);
        assert_eq!(Charset::settle(header, b"\xEF", false), None);
        assert_eq!(Charset::settle(header, b"<", false), Some(Charset::Known(UTF_8)));
        assert_eq!(Charset::settle(None, b"<p>", false), None);
        assert_eq!(Charset::settle(None, b"<meta charset=utf-8>", false), Some(Charset::Known(UTF_8)));
        let long = b"x".repeat(limits::CHARSET_PRESCAN_BYTES);
        assert_eq!(Charset::settle(None, &long, false), Some(Charset::Unknown));
        assert_eq!(Charset::settle(None, b"", true), Some(Charset::Unknown));
    }

    #[test]
    fn encodings_without_ascii_are_foreign() {
        for (header, prefix) in [
            (None, &b"\xFF\xFE<\0"[..]),
            (None, b"\xFE\xFF\0<"),
            (Some("text/html; charset=utf-16"), b"<p"),
            (Some("text/html; charset=iso-2022-jp"), b"<p"),
            (Some("text/html; charset=iso-2022-kr"), b"<p"),
            (None, b"<meta charset=iso-2022-jp>"),
        ] {
            let charset = Charset::settle(header, prefix, true).unwrap();
            assert!(matches!(charset, Charset::Foreign(_)), "{header:?} {prefix:?}: {charset:?}");
        }
    }

    #[test]
    fn what_can_not_be_expressed_becomes_a_reference() {
        let latin = Charset::Known(encoding_rs::WINDOWS_1252);
        let euro_and_snowman = latin.encode("é€☃", Beyond::Reference).unwrap().unwrap();
        assert_eq!(euro_and_snowman, b"\xE9\x80&#x2603;");
        assert_eq!(latin.encode("☃", Beyond::Refuse), Err(Inexpressible));
        assert_eq!(Charset::Unknown.encode("é", Beyond::Reference).unwrap().unwrap(), b"&#xE9;");
        assert_eq!(Charset::Unknown.encode("e", Beyond::Refuse), Ok(None));
        let long = "é".repeat(5_000);
        assert_eq!(latin.encode(&long, Beyond::Refuse).unwrap().unwrap(), b"\xE9".repeat(5_000));
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_reads_the_same(text in "\\PC{0,40}", which in 0..4usize) {
            let charset = [
                Charset::Unknown,
                Charset::Known(encoding_rs::SHIFT_JIS),
                Charset::Known(encoding_rs::GB18030),
                Charset::Known(encoding_rs::WINDOWS_1252),
            ][which];
            proptest::prop_assume!(!text.contains('&'));
            let encoded = charset.encode(&text, Beyond::Reference).unwrap().unwrap_or_else(|| text.clone().into());
            let read = htmlize::unescape(charset.decode(&encoded)).into_owned();
            // A few encodings fold characters that look alike (¥ and \ in Shift_JIS); that is their loss, not ours.
            let own = htmlize::unescape(charset.decode(&encode_by_library(charset, &text))).into_owned();
            proptest::prop_assert_eq!(read, own);
        }
    }

    fn encode_by_library(charset: Charset, text: &str) -> Vec<u8> {
        charset.for_matching().encode(text).0.into_owned()
    }
}
