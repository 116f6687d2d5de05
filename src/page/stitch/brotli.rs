//! Brotli in pieces: meta-blocks that end on byte boundaries and know nothing of each other, and what stands before and behind
//! them (RFC 7932).
//!
//! In: plain bytes. Out: pieces that may follow each other in any order after [`HEADER`]. It must not keep them.

use brotli::enc::BrotliEncoderParams;

use crate::limits::{STITCH_BROTLI_QUALITY, STITCH_BROTLI_SMALL_WINDOW_LOG, STITCH_BROTLI_WINDOW_LOG};

/// A window of 4 MiB ([`STITCH_BROTLI_WINDOW_LOG`] 22: four bits), then an empty metadata block up to the next byte boundary.
pub(super) const HEADER: [u8; 2] = [0x6B, 0x00];
/// The empty last meta-block.
pub(super) const END: u8 = 0x03;
/// Bytes that [`store`] adds to each full or last meta-block.
pub(super) const STORED_HEAD_BYTES: usize = 3;
const STORED_BLOCK_BYTES: usize = 1 << 16;

/// Where a piece will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// At the beginning, in the place of [`HEADER`]: it may use brotli's dictionary, whose words are counted from where the
    /// page begins.
    First,
    Anywhere,
}

/// `plain` as meta-blocks up to a byte boundary. `None` if that is not smaller than storing it.
pub(super) fn compress(plain: &[u8], standing: Standing) -> Option<Vec<u8>> {
    let anywhere = standing == Standing::Anywhere;
    let params = BrotliEncoderParams {
        quality: STITCH_BROTLI_QUALITY,
        // The first piece names the window of the whole.
        lgwin: if anywhere { window_log(plain.len()) } else { STITCH_BROTLI_WINDOW_LOG },
        size_hint: plain.len(),
        catable: anywhere,
        use_dictionary: !anywhere,
        appendable: true,
        bare_stream: true,
        byte_align: true,
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::with_capacity(plain.len() / 2 + 64);
    brotli::BrotliCompress(&mut &*plain, &mut out, &params).ok()?;
    // What is kept is weighed by its length.
    out.shrink_to_fit();
    (out.len() < stored_bytes(plain.len())).then_some(out)
}

/// Bytes that `length` plain ones take as they are.
pub(super) fn stored_bytes(length: usize) -> usize {
    length + length.div_ceil(STORED_BLOCK_BYTES) * STORED_HEAD_BYTES
}

/// Writes `plain` as uncompressed meta-blocks (RFC 7932, 9.2): not the last, four nibbles of length, uncompressed.
pub(super) fn store(plain: &[u8], into: &mut Vec<u8>) {
    for block in plain.chunks(STORED_BLOCK_BYTES) {
        let head = (block.len() as u32 - 1) << 3 | 1 << 19;
        into.extend_from_slice(&head.to_le_bytes()[..STORED_HEAD_BYTES]);
        into.extend_from_slice(block);
    }
}

/// The window for so many bytes alone. They are not looked back beyond, and in a small one the compressor needs a fraction of
/// the memory.
fn window_log(length: usize) -> i32 {
    // The window is 16 bytes smaller than its name says (RFC 7932 section 9.1).
    if length + 16 <= 1 << STITCH_BROTLI_SMALL_WINDOW_LOG {
        STITCH_BROTLI_SMALL_WINDOW_LOG
    } else {
        STITCH_BROTLI_WINDOW_LOG
    }
}

/// Bytes of the whole as one stream would have: what pieces are measured by.
pub(super) fn whole_bytes(plain: &[u8]) -> Option<usize> {
    let params = BrotliEncoderParams {
        quality: STITCH_BROTLI_QUALITY,
        lgwin: window_log(plain.len()),
        size_hint: plain.len(),
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::with_capacity(plain.len() / 2 + 64);
    brotli::BrotliCompress(&mut &*plain, &mut out, &params).ok()?;
    Some(out.len())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decoded(file: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        ::brotli::Decompressor::new(file, 4096).read_to_end(&mut read).unwrap();
        read
    }

    #[test]
    fn pieces_of_any_length_follow_each_other() {
        let long: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let text = "<p>words and words</p>".repeat(4_000).into_bytes();
        for first in [Standing::First, Standing::Anywhere] {
            let (mut file, mut plain) = (Vec::new(), Vec::new());
            if first == Standing::Anywhere {
                file.extend_from_slice(&HEADER);
            }
            for (index, piece) in
                [&text[..], b"a", &long, b"<p>words", &text[..300], &long[..65_537]].iter().enumerate()
            {
                match compress(piece, if index == 0 { first } else { Standing::Anywhere }) {
                    Some(pressed) => file.extend_from_slice(&pressed),
                    None => store(piece, &mut file),
                }
                plain.extend_from_slice(piece);
            }
            file.push(END);
            assert!(decoded(&file) == plain, "{first:?}");
        }
        assert_eq!(decoded(&[HEADER[0], HEADER[1], END]), b"");
    }

    #[test]
    fn the_first_piece_may_use_the_dictionary() {
        let text = b"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Documentation of the government</title>";
        let [first, anywhere] = [Standing::First, Standing::Anywhere].map(|standing| compress(text, standing).unwrap());
        assert!(first.len() < anywhere.len(), "{} {}", first.len(), anywhere.len());
    }
}
