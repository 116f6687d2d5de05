//! gzip in pieces: raw deflate blocks that end on byte boundaries, and what stands before and behind them (RFC 1951, 1952).
//!
//! In: plain bytes. Out: pieces that may follow each other in any order after [`HEADER`]. It must not keep them.

use flate2::{Compress, Compression, FlushCompress, Status};
use zlib_rs::crc32::{crc32, crc32_combine_gen, crc32_combine_op, get_crc_table};

use crate::limits::STITCH_GZIP_LEVEL;

/// Deflate, no flags, no time, smallest form, unknown system.
pub(super) const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255];
/// Bytes of [`end`].
pub(super) const END_BYTES: usize = 10;
/// Bytes that [`store`] adds to each full or last block.
pub(super) const STORED_HEAD_BYTES: usize = 5;
const STORED_BLOCK_BYTES: usize = 0xFFFF;
/// From so many bytes on the library folds them.
const FOLDED_BYTES: usize = 64;
/// As far as deflate looks back.
pub(super) const WINDOW_BYTES: usize = 32 * 1024;

/// The CRC-32 of a stretch of plain bytes, with what it takes to append it to that of those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    crc: u32,
    /// Shifts a checksum by as many bytes as the stretch has.
    shift: u32,
}

impl Checksum {
    pub fn of(plain: &[u8]) -> Self {
        Self { crc: crc32(0, plain), shift: crc32_combine_gen(plain.len() as u64) }
    }

    /// The CRC-32 of what `before` stands for with this stretch behind it.
    pub fn behind(self, before: u32) -> u32 {
        crc32_combine_op(before, self.crc, self.shift)
    }
}

/// The CRC-32 of what `before` stands for with `plain` behind it, for what is seen once: nothing is made to shift by.
pub(super) fn go_on(before: u32, plain: &[u8]) -> u32 {
    if plain.len() >= FOLDED_BYTES {
        return crc32(before, plain);
    }
    // Below that the library copies a table of 8 KiB first.
    let table = get_crc_table();
    let step = |crc: u32, byte: &u8| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    !plain.iter().fold(!before, step)
}

/// `plain` as deflate blocks up to a byte boundary. They look back into `window`, which must be what stands before them when
/// they are read, and into nothing else. `None` if that is not smaller than storing it.
pub(super) fn compress(plain: &[u8], window: &[u8]) -> Option<Vec<u8>> {
    let mut deflate = Compress::new(Compression::new(STITCH_GZIP_LEVEL), false);
    if !window.is_empty() {
        deflate.set_dictionary(&window[window.len().saturating_sub(WINDOW_BYTES)..]).ok()?;
    }
    let mut out = Vec::with_capacity(plain.len() / 2 + 64);
    loop {
        let read = usize::try_from(deflate.total_in()).ok()?;
        match deflate.compress_vec(&plain[read..], &mut out, FlushCompress::Sync).ok()? {
            Status::Ok if out.len() < out.capacity() => break,
            Status::Ok => out.reserve(out.len() / 2 + 64),
            Status::BufError | Status::StreamEnd => break,
        }
    }
    let whole = deflate.total_in() == plain.len() as u64;
    // What is kept is weighed by its length.
    out.shrink_to_fit();
    (whole && out.len() < stored_bytes(plain.len())).then_some(out)
}

/// Bytes that `length` plain ones take as they are.
pub(super) fn stored_bytes(length: usize) -> usize {
    length + length.div_ceil(STORED_BLOCK_BYTES) * STORED_HEAD_BYTES
}

/// Writes `plain` as stored blocks.
pub(super) fn store(plain: &[u8], into: &mut Vec<u8>) {
    for block in plain.chunks(STORED_BLOCK_BYTES) {
        let length = block.len() as u16;
        into.push(0);
        into.extend_from_slice(&length.to_le_bytes());
        into.extend_from_slice(&(!length).to_le_bytes());
        into.extend_from_slice(block);
    }
}

/// Writes the empty last block, the checksum and the length of all that was plain.
pub(super) fn end(crc: u32, length: usize, into: &mut Vec<u8>) {
    into.extend_from_slice(&[0x03, 0x00]);
    into.extend_from_slice(&crc.to_le_bytes());
    // RFC 1952: modulo 2^32.
    into.extend_from_slice(&(length as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn pieces_of_any_length_follow_each_other() {
        let long: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let text = "<p>words and words</p>".repeat(4_000).into_bytes();
        let (mut file, mut crc, mut plain) = (HEADER.to_vec(), 0, Vec::new());
        for piece in [&text[..], b"a", &long, b"<p>words", &text[..300]] {
            match compress(piece, &[]) {
                Some(pressed) => file.extend_from_slice(&pressed),
                None => store(piece, &mut file),
            }
            crc = Checksum::of(piece).behind(crc);
            plain.extend_from_slice(piece);
        }
        end(crc, plain.len(), &mut file);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*file).read_to_end(&mut read).unwrap();
        assert!(read == plain);
        assert_eq!(compress(b"abc", &[]), None, "stored it is smaller");
    }

    #[test]
    fn a_checksum_goes_on_over_pieces_of_any_length() {
        let text: Vec<u8> = (0..300_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for at in 0..text.len() {
            assert_eq!(go_on(go_on(0, &text[..at]), &text[at..]), crc32(0, &text), "{at}");
        }
    }

    #[test]
    fn a_window_is_looked_back_into() {
        let text = b"Lorem ipsum dolor sit amet, consectetur adipiscing elit";
        let (alone, behind) = (compress(text, &[]).unwrap(), compress(text, text).unwrap());
        assert!(behind.len() + 30 < alone.len(), "{} {}", behind.len(), alone.len());
    }
}
