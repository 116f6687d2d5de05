//! The bytes of a page that have arrived and not yet become pieces, addressed by their offset in the page.
//!
//! In: chunks. Out: slices of them, uncopied wherever a range lies in one chunk. It must not know what they mean.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::limits;

/// A window on the page: what lies before it has been taken.
#[derive(Debug, Default)]
pub(super) struct Source {
    chunks: VecDeque<Bytes>,
    /// Offset in the page of the first byte held.
    start: u64,
    /// Offset in the page behind the last byte held.
    end: u64,
}

impl Source {
    pub fn push(&mut self, chunk: Bytes) {
        self.end += chunk.len() as u64;
        let joined = self.chunks.back_mut().is_some_and(|last| join_tiny(last, &chunk));
        if !joined && !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// Offset of the first byte that has not been taken.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Offset behind the last byte that has arrived.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes of a range that lies within the window; copied only where it spans chunks.
    pub fn slice(&self, range: Range<u64>) -> Bytes {
        let mut joined = BytesMut::new();
        let mut offset = self.start;
        for chunk in &self.chunks {
            let next = offset + chunk.len() as u64;
            let from = (range.start.max(offset) - offset).min(chunk.len() as u64) as usize;
            let to = (range.end.min(next).max(offset) - offset) as usize;
            if from < to {
                let part = chunk.slice(from..to);
                if part.len() as u64 == range.end - range.start {
                    return part;
                }
                joined.extend_from_slice(&part);
            }
            if next >= range.end {
                break;
            }
            offset = next;
        }
        joined.freeze()
    }

    /// Takes the bytes up to `to`, chunk by chunk.
    pub fn take_until(&mut self, to: u64, mut each: impl FnMut(Bytes)) {
        while self.start < to {
            let Some(chunk) = self.chunks.front_mut() else {
                break;
            };
            let length = chunk.len().min((to - self.start) as usize);
            self.start += length as u64;
            if length == chunk.len() {
                self.chunks.pop_front().into_iter().for_each(&mut each);
            } else {
                each(chunk.split_to(length));
            }
        }
    }
}

/// Appends `next` to `last` if both are tiny; whether it did.
pub(super) fn join_tiny(last: &mut Bytes, next: &Bytes) -> bool {
    let length = last.len() + next.len();
    let tiny = length <= limits::PAGE_TINY_BYTES;
    if tiny {
        let mut joined = BytesMut::with_capacity(length);
        joined.extend_from_slice(last);
        joined.extend_from_slice(next);
        *last = joined.freeze();
    }
    tiny
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_and_takes_over_chunks() {
        let mut source = Source::default();
        for chunk in ["abc", "de", "fghi"] {
            source.end += chunk.len() as u64;
            source.chunks.push_back(Bytes::from_static(chunk.as_bytes()));
        }
        for from in 0..9 {
            for to in from..=9 {
                assert_eq!(source.slice(from..to), "abcdefghi"[from as usize..to as usize]);
            }
        }
        let mut taken = Vec::new();
        source.take_until(4, |chunk| taken.push(chunk));
        assert_eq!(taken.concat(), b"abcd");
        assert_eq!((source.start, source.end), (4, 9));
        assert_eq!(source.slice(4..7), "efg");
    }

    #[test]
    fn single_bytes_are_joined_and_large_chunks_are_not_copied() {
        let mut source = Source::default();
        let large = Bytes::from(vec![b'x'; limits::PAGE_TINY_BYTES]);
        source.push(large.clone());
        for _ in 0..limits::PAGE_TINY_BYTES {
            source.push(Bytes::from_static(b"y"));
        }
        let mut taken = Vec::new();
        source.take_until(source.end(), |chunk| taken.push(chunk));
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].as_ptr(), large.as_ptr());
        assert_eq!(taken[1], vec![b'y'; limits::PAGE_TINY_BYTES]);
    }
}
