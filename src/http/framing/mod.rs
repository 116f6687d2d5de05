//! Where messages over HTTP/1.1 end, held to one reading (RFC 9112 sections 6 and 7).
//!
//! In: a response's head as the HTTP library parsed it ([`check`]), or the bytes of a connection as they arrive: those of a server
//! ([`Followed`]); of requests the server room makes its own reader of the parts ([`chunks`], [`fields`]). Out: nothing, or what is
//! wrong. It must not hold bytes, nor judge what the library refuses by itself.

mod answers;
pub mod chunks;
pub mod fields;
mod followed;
mod text;

use http::header;
use http::{Response, Version};

pub use answers::Wanted;
pub use followed::{Asked, Followed};

/// What two readers of a response could read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Section 6.3: what smuggling looks like.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    /// Also equal ones: a client behind us may read the list, the last, or none.
    #[error("more than one Content-Length")]
    Lengths,
    /// Also where no body follows, as to HEAD, and the library does not look: whoever keeps it would read it later.
    #[error("Content-Length is not a number of bytes")]
    InvalidLength,
    /// A coding that was not asked for can't be undone, and its bytes are not the content.
    #[error("Transfer-Encoding is not chunked, once")]
    Coding,
    /// They may go on for ever.
    #[error("more than {} interim responses", crate::limits::INTERIM_RESPONSES)]
    Interim,
}

/// Looks at a response's head. Without a length or a coding the connection's end is the end, which is one reading.
///
/// # Errors
/// The first [`FramingError`] that is found; none in HTTP/2, which frames by itself.
pub fn check<B>(response: &Response<B>) -> Result<(), FramingError> {
    if response.version() > Version::HTTP_11 {
        return Ok(());
    }
    let mut lengths = response.headers().get_all(header::CONTENT_LENGTH).iter();
    let mut codings = response.headers().get_all(header::TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (Some(_), Some(_)) => Err(FramingError::LengthAndCoding),
        (Some(length), None) if lengths.next().is_some() || length.as_bytes().contains(&b',') => {
            Err(FramingError::Lengths)
        }
        (Some(length), None) if !is_length(length.as_bytes()) => Err(FramingError::InvalidLength),
        (None, Some(coding)) if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Err(FramingError::Coding)
        }
        _ => Ok(()),
    }
}

/// `1*DIGIT` (section 6.2), as large as anybody counts.
fn is_length(value: &[u8]) -> bool {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits && std::str::from_utf8(value).is_ok_and(|digits| digits.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_in_one_place() {
        let checked = |version, lines: &[(&str, &str)]| {
            let response = lines
                .iter()
                .fold(Response::builder().version(version), |made, (name, value)| made.header(*name, *value));
            check(&response.body(()).unwrap())
        };
        let both = [("content-length", "1"), ("transfer-encoding", "chunked")];
        assert_eq!(checked(Version::HTTP_11, &both), Err(FramingError::LengthAndCoding));
        assert_eq!(checked(Version::HTTP_2, &both), Ok(()));
        assert_eq!(checked(Version::HTTP_11, &both[..1]), Ok(()));
        assert_eq!(checked(Version::HTTP_10, &[]), Ok(()));
        assert_eq!(checked(Version::HTTP_11, &[("transfer-encoding", "Chunked")]), Ok(()));
        assert_eq!(checked(Version::HTTP_11, &[both[0], both[0]]), Err(FramingError::Lengths));
        assert_eq!(checked(Version::HTTP_11, &[("content-length", "1, 1")]), Err(FramingError::Lengths));
        for length in ["+2", "2 2", "-1", "", "0x2", "18446744073709551616"] {
            let checked = checked(Version::HTTP_11, &[("content-length", length)]);
            assert_eq!(checked, Err(FramingError::InvalidLength), "{length:?}");
        }
        assert_eq!(checked(Version::HTTP_11, &[both[1], both[1]]), Err(FramingError::Coding));
        assert_eq!(checked(Version::HTTP_11, &[("transfer-encoding", "gzip, chunked")]), Err(FramingError::Coding));
    }
}
