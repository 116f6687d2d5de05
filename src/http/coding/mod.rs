//! Content codings (RFC 9110 section 8.4): which ones a message has, which one to answer with, and the way through them.
//!
//! In: `Content-Encoding` and `Accept-Encoding` values, bodies. Out: bodies decoded or encoded as they stream by. It
//! must not look into what is decoded.

mod body;
mod decode;
mod effort;
mod encode;
mod negotiate;
#[cfg(test)]
mod tests;

pub use body::{DecodedBody, EncodedBody};
pub use decode::Decoder;
pub use effort::Effort;
pub use encode::Encoder;
pub use negotiate::{Accepted, accepted_codings};

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, HeaderValue};

use crate::limits;

/// A content coding that can be decoded and encoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Gzip,
    Brotli,
    Zstd,
    /// zlib's format, as the RFC has it. Raw deflate, which some servers send under this name, is decoded as well.
    Deflate,
}

impl Coding {
    /// All of them, the one we would rather send first: by what compressing as we stream costs for what it saves.
    pub const ALL: [Self; 4] = [Self::Zstd, Self::Brotli, Self::Gzip, Self::Deflate];

    /// The name in header fields.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    /// The name as a header value.
    pub fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// The coding of that name, in any case; `x-gzip` is `gzip`.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
}

/// The codings of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codings {
    /// These, in the order in which they were applied; none for an identity body.
    Known(Vec<Coding>),
    /// At least one that can't be undone here, or more than [`CODINGS_STACKED`](limits::CODINGS_STACKED): the body can
    /// only be passed through.
    Undecodable,
}

impl Codings {
    /// Reads `Content-Encoding`, all its lines.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut known = Vec::new();
        for line in headers.get_all(CONTENT_ENCODING) {
            let Ok(line) = line.to_str() else { return Self::Undecodable };
            for name in line.split(',').map(str::trim) {
                if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                let Some(coding) = Coding::named(name) else { return Self::Undecodable };
                known.push(coding);
            }
        }
        if known.len() > limits::CODINGS_STACKED { Self::Undecodable } else { Self::Known(known) }
    }
}

/// Why a coded body could not be decoded or encoded.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// The bytes are not what the coding's format says.
    #[error("damaged {} data", .coding.name())]
    Damaged {
        coding: Coding,
        #[source]
        source: Option<std::io::Error>,
    },
    /// The body ended before the format's end.
    #[error("{} data ended too early", .0.name())]
    Truncated(Coding),
    /// A compressor failed, which only want of memory explains.
    #[error("compressing as {} failed", .coding.name())]
    Encoder {
        coding: Coding,
        #[source]
        source: std::io::Error,
    },
}
