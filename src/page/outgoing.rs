//! The page that leaves: certain bytes, joined to pieces worth sending, and the two offsets of the walk.
//!
//! In: bytes of the origin and bytes of fills, in order. Out: pieces. It must not know slots.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Offset in the page that came: where the walk stands.
    pub source: u64,
    /// Offset in the page that leaves: where the walk stands.
    pub output: u64,
    ready: VecDeque<Bytes>,
    ready_bytes: usize,
}

impl Outgoing {
    /// The origin's bytes leave as they came.
    pub fn pass(&mut self, bytes: Bytes) {
        self.source += bytes.len() as u64;
        self.show(bytes);
    }

    /// Bytes leave that did not come.
    pub fn show(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.output += bytes.len() as u64;
            self.ready_bytes += bytes.len();
            self.ready.push_back(bytes);
        }
    }

    /// Bytes that have not been taken.
    pub fn len(&self) -> usize {
        self.ready_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// One large piece, or small ones joined; never waits for more.
    pub fn take(&mut self) -> Option<Bytes> {
        let first = self.ready.pop_front()?;
        self.ready_bytes -= first.len();
        let fits = |next: &Bytes, so_far: usize| so_far + next.len() <= limits::PAGE_PIECE_BYTES;
        let large = first.len() >= limits::PAGE_PIECE_BYTES / 2;
        if large || !self.ready.front().is_some_and(|next| fits(next, first.len())) {
            return Some(first);
        }
        let mut joined = BytesMut::with_capacity((first.len() + self.ready_bytes).min(limits::PAGE_PIECE_BYTES));
        joined.extend_from_slice(&first);
        while let Some(next) = self.ready.pop_front_if(|next| fits(next, joined.len())) {
            self.ready_bytes -= next.len();
            joined.extend_from_slice(&next);
        }
        Some(joined.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let mut outgoing = Outgoing::default();
        let large = Bytes::from(vec![b'x'; limits::PAGE_PIECE_BYTES]);
        for piece in
            [Bytes::from_static(b"a"), Bytes::new(), Bytes::from_static(b"b"), large.clone(), Bytes::from_static(b"c")]
        {
            outgoing.pass(piece);
        }
        assert_eq!(outgoing.len(), limits::PAGE_PIECE_BYTES + 3);
        assert_eq!(outgoing.take().unwrap(), "ab");
        assert_eq!(outgoing.take().unwrap().as_ptr(), large.as_ptr());
        assert_eq!(outgoing.take().unwrap(), "c");
        assert_eq!(outgoing.take(), None);
        assert_eq!((outgoing.len(), outgoing.source), (0, limits::PAGE_PIECE_BYTES as u64 + 3));
    }
}
