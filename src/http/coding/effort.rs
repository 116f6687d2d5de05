//! How much is done to make a body small that is compressed as it streams by.
//!
//! In: a word. Out: each compressor's own level. It must not compress.

use super::Coding;
use crate::limits::{LEVELS_BALANCED, LEVELS_FAST, LEVELS_SMALL, Levels};

/// Processor time against bytes. What is compressed once and kept does not go by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// The least time that still saves most of the bytes.
    #[default]
    Fast,
    Balanced,
    /// For those who pay for bytes.
    Small,
}

impl Effort {
    /// The level of a compressor, in its own numbers.
    pub fn level(self, coding: Coding) -> u32 {
        let Levels { gzip, brotli, zstd } = match self {
            Self::Fast => LEVELS_FAST,
            Self::Balanced => LEVELS_BALANCED,
            Self::Small => LEVELS_SMALL,
        };
        match coding {
            Coding::Gzip | Coding::Deflate => gzip,
            Coding::Brotli => brotli,
            Coding::Zstd => zstd,
        }
    }
}
