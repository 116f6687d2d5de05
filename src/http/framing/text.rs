//! The first bytes of a field's name or value, kept without allocating.
//!
//! In: pieces of it, as they arrive. Out: what it is without the white space around it, if it is no longer than anything that
//! matters. It must not know what matters.

/// Bytes that are looked at: longer than any name or value that says where a message ends.
const TEXT_BYTES: usize = 32;

/// A longer one equals nothing that is looked for.
#[derive(Debug)]
pub struct Text {
    bytes: [u8; TEXT_BYTES],
    /// Past [`TEXT_BYTES`] it only says that there were more.
    length: usize,
}

impl Text {
    pub fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES], length: 0 }
    }

    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// White space before the text, of any length, is not part of it.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.length == 0 && is_white(*byte) {
                continue;
            }
            if let Some(next) = self.bytes.get_mut(self.length) {
                *next = *byte;
                self.length += 1;
            } else if !is_white(*byte) {
                self.length = TEXT_BYTES + 1;
            }
        }
    }

    pub fn trimmed(&self) -> &[u8] {
        // What is too long must equal nothing, and be no number.
        self.bytes.get(..self.length).map_or(b"?", <[u8]>::trim_ascii_end)
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}
