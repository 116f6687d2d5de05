//! Bytes as text and text as bytes: base64, percent coding, digests.
//!
//! In: texts. Out: texts. Digests are of the SHA-2 family: MD5 and SHA-1 are no longer fit for anything that a new page
//! would want them for.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256, Sha512};

use super::Refusal;

/// Reads with and without padding, since people leave it out.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Base64 (RFC 4648 section 4); with `for_urls` the alphabet of section 5 without padding.
pub fn base64(text: &str, for_urls: bool) -> String {
    match for_urls {
        true => GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false)).encode(text),
        false => GeneralPurpose::new(&STANDARD, LENIENT).encode(text),
    }
}

/// The UTF-8 text in base64 of either alphabet, padded or not.
pub fn base64_decode(text: &str) -> Result<String, Refusal> {
    let refused = || Refusal::not(text, "base64 of a text", "check that it is whole");
    let for_urls = text.contains(['-', '_']);
    let alphabet = if for_urls { &URL_SAFE } else { &STANDARD };
    let bytes = GeneralPurpose::new(alphabet, LENIENT).decode(text.trim()).map_err(|_| refused())?;
    String::from_utf8(bytes).map_err(|_| refused())
}

/// The text in percent coding; what is not UTF-8 becomes replacement characters, `+` stays.
pub fn url_decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The digest by SHA-256, as 64 hexadecimal digits.
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The digest by SHA-512, as 128 hexadecimal digits.
pub fn sha512(text: &str) -> String {
    hex(&Sha512::digest(text))
}

/// The code by which a receiver with the same key knows the text (HMAC-SHA-256, RFC 2104), as 64 hexadecimal digits.
pub fn hmac_sha256(text: &str, key: &str) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("invariant: a key of any length will do");
    code.update(text.as_bytes());
    hex(&code.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways_and_forgives() {
        assert_eq!(base64("a?>~é", false), "YT8+fsOp");
        assert_eq!(base64("a?>~", true), "YT8-fg");
        for text in ["YT8-fg", "YT8+fg==", " YT8+fg "] {
            assert_eq!(base64_decode(text).unwrap(), "a?>~");
        }
        assert!(base64_decode("/w==").is_err(), "no UTF-8");
        assert!(base64_decode("***").is_err());
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(sha512("abc").starts_with("ddaf35a193617abacc417349ae204131"));
        // RFC 4231, test case 2.
        assert!(hmac_sha256("what do ya want for nothing?", "Jefe").starts_with("5bdcc146bf60754e6a042426089575c7"));
    }
}
