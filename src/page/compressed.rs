//! Content that is kept, with its compressed forms beside it.

use bytes::Bytes;

/// Bytes, and what they compress to.
#[derive(Debug, PartialEq, Eq)]
pub struct Compressed {
    plain: Bytes,
}

impl Compressed {
    pub fn new(plain: Bytes) -> Self {
        Self { plain }
    }

    /// The bytes themselves.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }
}
