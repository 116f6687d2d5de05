//! The queue: pieces in order, and how far the slots that they mention reach.
//!
//! In: pieces and fillings. Out: the pieces again, and what is known of a slot's span when it is due. It must not know the
//! page that leaves.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::attribute::Number;
use super::piece::{Closing, Piece};
use super::slots::PageSlots;
use super::source::join_tiny;
use super::waiting::Verdict;
use crate::limits;

pub(super) struct Queue {
    pub slots: PageSlots,
    pieces: VecDeque<Piece>,
    /// How many of the origin's bytes have been queued.
    queued: u64,
}

/// What is known of the bytes that a slot spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// All of it is here, up to this offset.
    Whole(u64),
    /// Its end has not come.
    Growing,
    /// It must stay: it ends without its own end tag, or is too long.
    Stays,
}

impl Queue {
    pub fn new(slots: PageSlots) -> Self {
        Self { slots, pieces: VecDeque::new(), queued: 0 }
    }

    /// The next piece of the page.
    pub fn push(&mut self, piece: Piece) {
        match &piece {
            Piece::Bytes(bytes) | Piece::Nonce(bytes) => self.queued += bytes.len() as u64,
            Piece::Value(value) => self.queued += value.original.len() as u64,
            Piece::Open(number) => self.slots.get_mut(*number).opened = self.queued,
            Piece::Close(number, closing) => self.slots.get_mut(*number).closed = Some((*closing, self.queued)),
            Piece::Insert(_) | Piece::Nowhere(..) => {}
        }
        if let (Piece::Bytes(next), Some(Piece::Bytes(last))) = (&piece, self.pieces.back_mut())
            && join_tiny(last, next)
        {
            return;
        }
        self.pieces.push_back(piece);
    }

    pub fn pop(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    /// A piece that was popped and can't be walked yet.
    pub fn put_back(&mut self, piece: Piece) {
        self.pieces.push_front(piece);
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many of the origin's bytes have been pushed.
    pub fn pushed(&self) -> u64 {
        self.queued
    }

    /// Whether the first piece is a slot that will be shown as soon as it is known where it ends.
    pub fn begins_with_growing(&self) -> bool {
        let Some(Piece::Open(number)) = self.pieces.front() else {
            return false;
        };
        let shown = matches!(self.slots.get(*number).known(), Some(Verdict::Show(_)));
        shown && self.span(*number) == Span::Growing
    }

    /// Whether a slot's own end tag has come. Judged by offsets alone, so the answer is the same at any chunking.
    pub fn span(&self, number: Number) -> Span {
        let slot = self.slots.get(number);
        let (closing, end) = match slot.closed {
            Some((closing, end)) => (Some(closing), end),
            None => (None, self.queued),
        };
        let too_long = end - slot.opened > limits::SLOT_HELD_BYTES as u64;
        match closing {
            _ if too_long => Span::Stays,
            Some(Closing::Own) => Span::Whole(end),
            Some(Closing::Implied) => Span::Stays,
            None => Span::Growing,
        }
    }

    /// Drops the pieces that a slot spans, if it is a spanning one, and names the slots among them.
    pub fn drop_span(&mut self, number: Number) -> SmallVec<[Number; 4]> {
        let mut covered = SmallVec::new();
        if self.slots.get(number).closed.is_none() {
            return covered;
        }
        while let Some(piece) = self.pieces.pop_front() {
            match piece {
                Piece::Close(closed, _) if closed == number => break,
                piece => covered.extend(piece.slots()),
            }
        }
        covered
    }
}
