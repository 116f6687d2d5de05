//! Trailers that hold pseudo-header fields, which makes them malformed (RFC 9113 section 8.1); the library leaves such fields out.
//!
//! In: the frames of a header block that does not begin a request. Out: whether it names a pseudo-header field, as far as that shows without the
//! dynamic table of HPACK (RFC 7541). It must not decode values, nor judge what the library does: what can't be read is its.

use super::frame::Head;
use crate::limits;

/// The entries of the static table whose names begin with a colon (RFC 7541 appendix A).
const PSEUDO: std::ops::RangeInclusive<usize> = 1..=14;
/// A colon in the Huffman code, in the upper seven bits (appendix B).
const HUFFMAN_COLON: u8 = 0b1011_1000;

/// A block that is being read.
#[derive(Debug)]
pub struct Trailers {
    /// Of the frame that is being read.
    head: Head,
    payload: Vec<u8>,
    /// What stood in the frames before it.
    block: Vec<u8>,
}

/// What a block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Pseudo,
    /// As far as can be read.
    Others,
}

impl Trailers {
    pub fn begin(head: Head) -> Self {
        Self { head, payload: Vec::new(), block: Vec::new() }
    }

    /// A further frame of the block begins.
    pub fn go_on(&mut self, head: Head) {
        self.head = head;
    }

    /// What is beyond [`limits::TRAILER_BLOCK_BYTES`] is not looked at.
    pub fn push(&mut self, payload: &[u8]) {
        let room = limits::TRAILER_BLOCK_BYTES.saturating_sub(self.block.len() + self.payload.len());
        self.payload.extend_from_slice(&payload[..payload.len().min(room)]);
    }

    /// A frame is whole: `None` while the block goes on behind it.
    pub fn end_frame(&mut self) -> Option<Named> {
        let payload = std::mem::take(&mut self.payload);
        self.block.extend_from_slice(self.head.block(&payload).unwrap_or_default());
        let has_pseudo = || has_pseudo(&self.block).unwrap_or(false);
        self.head.ends_block().then(|| if has_pseudo() { Named::Pseudo } else { Named::Others })
    }
}

/// `None` where the block can't be read.
fn has_pseudo(mut block: &[u8]) -> Option<bool> {
    while let Some(first) = block.first() {
        // Section 6: what it is shows in the first bits, and an index follows.
        let (bits, is_literal) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            0x20.. => (5, false),
            _ => (4, true),
        };
        let is_resize = bits == 5;
        let (index, rest) = integer(block, bits)?;
        block = rest;
        if !is_resize && PSEUDO.contains(&index) {
            return Some(true);
        }
        if is_literal && index == 0 {
            let (is_huffman, name, rest) = text(block)?;
            let is_pseudo = |byte: &u8| if is_huffman { byte & 0xfe == HUFFMAN_COLON } else { *byte == b':' };
            if name.first().is_some_and(is_pseudo) {
                return Some(true);
            }
            block = rest;
        }
        if is_literal {
            block = text(block)?.2;
        }
    }
    Some(false)
}

/// Section 5.1: an integer in the lower `bits` of the first byte, or going on behind it. No longer than the library takes.
fn integer(bytes: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(*first) & mask;
    if value < mask {
        return Some((value, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (byte, more) = rest.split_first()?;
        value += usize::from(byte & 0x7f) << shift;
        rest = more;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// Section 5.2: whether it is in the Huffman code, its bytes, and what follows.
fn text(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let is_huffman = bytes.first()? & 0x80 != 0;
    let (length, rest) = integer(bytes, 7)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((is_huffman, text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_header_fields_are_found_in_every_form() {
        // Indexed; a name of the static table; a literal name; the same in the Huffman code (`:path`).
        let found: [&[u8]; 5] = [
            &[0x83],
            &[0x04, 1, b'/'],
            &[0x40, 2, b'x', b'y', 0, 0x40, 2, b':', b'x', 0],
            &[0x10, 0x84, 0xb9, 0x58, 0xd3, 0x3f, 0],
            &[0x3f, 0xe1, 0x1f, 0x82],
        ];
        for block in found {
            assert_eq!(has_pseudo(block), Some(true), "{block:x?}");
        }
    }

    #[test]
    fn other_fields_are_none_and_broken_blocks_are_the_librarys() {
        let none: [&[u8]; 4] = [&[], &[0x90], &[0x40, 1, b'a', 1, b':'], &[0x0f, 0x00, 0x82, 0xb9, 0x58, 0xbf]];
        for block in none {
            assert_eq!(has_pseudo(block), Some(false), "{block:x?}");
        }
        let broken: [&[u8]; 4] = [&[0x40], &[0x40, 5, b'a'], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[0x00, 0x7f]];
        for block in broken {
            assert_eq!(has_pseudo(block), None, "{block:x?}");
        }
    }
}
