//! Compressed pages put together from pieces that were compressed before: what a visitor gets costs no compression.
//!
//! In: the parts of an [`Assembled`](super::Assembled) page. Out: that page in gzip or brotli, its length known, of slices that are kept
//! beside the compiled page and beside fragments. What can't be had without compressing now, or would be too large, is
//! refused with the reason: the caller then compresses the plain page as it streams.
//!
//! ```text
//! gzip, brotli → pieces that end on byte boundaries, and what stands around them
//! compressed   → a fragment with its forms
//! forms        → a page's forms: for each set of slots that is filled, the stretches between them   (made off the request path)
//! seam         → the pieces of one response, put together
//! ```

mod brotli;
mod compressed;
mod forms;
mod gzip;
mod seam;

pub use compressed::Compressed;
pub use seam::{Prepared, Stitched};

pub(super) use forms::{Cut, Forms};
pub(super) use seam::Seam;

use bytes::Bytes;
use thiserror::Error;

use crate::limits;

/// A content coding that can be put together from pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    Gzip,
    Brotli,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 2] = [Form::Gzip, Form::Brotli];

    /// As `Content-Encoding` names it.
    pub fn name(self) -> &'static str {
        match self {
            Form::Gzip => "gzip",
            Form::Brotli => "br",
        }
    }

    /// What stands before all pieces.
    fn header(self) -> &'static [u8] {
        match self {
            Form::Gzip => &gzip::HEADER,
            Form::Brotli => &brotli::HEADER,
        }
    }

    pub(super) fn stored_bytes(self, length: usize) -> usize {
        match self {
            Form::Gzip => gzip::stored_bytes(length),
            Form::Brotli => brotli::stored_bytes(length),
        }
    }

    fn store(self, plain: &[u8], into: &mut Vec<u8>) {
        match self {
            Form::Gzip => gzip::store(plain, into),
            Form::Brotli => brotli::store(plain, into),
        }
    }
}

/// Why a page was not put together from pieces, and is to be compressed as it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotStitched {
    /// [`Assembled::prepare`](super::Assembled::prepare) makes them, for this response's kind and all like it.
    #[error("its pieces have not been compressed yet")]
    Unprepared,
    /// Preparing again changes nothing.
    #[error("in pieces it would be larger than {} % of what it compresses to in one", limits::STITCH_EXCESS_PERCENT)]
    Bloated,
    /// Preparing again changes nothing, as long as the page is kept.
    #[error("the page's compressed pieces already take as much memory as they may")]
    NoRoom,
    /// The compressor failed.
    #[error("it could not be compressed")]
    Failed,
}

/// A stretch of bytes, coded.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    bytes: Bytes,
    sum: gzip::Checksum,
}

/// Whether `stitched` bytes are few enough beside `whole`, what the page alone compresses to in one, and the plain `fills`.
pub(super) fn is_worth(stitched: usize, whole: usize, fills: usize) -> bool {
    // Text in its place compresses to about a quarter.
    let in_one = whole + fills / 4;
    stitched * 100 <= in_one * limits::STITCH_EXCESS_PERCENT + limits::STITCH_EXCESS_BYTES * 100
}
