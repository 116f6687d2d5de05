//! The queue: pieces in order, and the slots that they mention, from their discovery to their settlement.
//!
//! In: pieces and fillings. Out: the pieces again, and what is known of a slot when it is due. It must not know the page
//! that leaves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use smallvec::SmallVec;

use super::attribute::Number;
use super::attribute::Value;
use super::charset::Charset;
use super::class::Change;
use super::markers::Markers;
use super::piece::{Closing, Found, Piece};
use super::source::join_tiny;
use super::waiting::{Verdict, Waiting};
use super::{Filling, Outcome, Target};
use crate::limits;

pub(super) struct Queue {
    markers: Arc<Markers>,
    charset: Charset,
    pieces: VecDeque<Piece>,
    /// By number.
    slots: Vec<Waiting>,
    /// How many of the origin's bytes have been queued.
    queued: u64,
}

/// How the slots of one attribute end.
pub(super) type Outcomes = SmallVec<[(Number, Outcome); 2]>;

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
    pub fn new(markers: Arc<Markers>, charset: Charset) -> Self {
        Self { markers, charset, pieces: VecDeque::new(), slots: Vec::new(), queued: 0 }
    }

    /// A slot that pieces to come will mention. Slots come by ascending number.
    pub fn expect(&mut self, found: &Found, filling: Filling) {
        let marker = found.slot.marker;
        let target = &self.markers.list()[marker].target;
        let waiting = Waiting::new(marker, target, found.holder, self.charset, filling);
        self.slots.push(waiting);
    }

    /// The next piece of the page.
    pub fn push(&mut self, piece: Piece) {
        match &piece {
            Piece::Bytes(bytes) => self.queued += bytes.len() as u64,
            Piece::Value(value) => self.queued += value.original.len() as u64,
            Piece::Open(number) => self.slots[*number].opened = self.queued,
            Piece::Close(number, closing) => self.slots[*number].closed = Some((*closing, self.queued)),
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
        let shown = matches!(self.slots[*number].known(), Some(Verdict::Show(_)));
        shown && self.span(*number) == Span::Growing
    }

    /// Whether a slot's own end tag has come. Judged by offsets alone, so the answer is the same at any chunking.
    pub fn span(&self, number: Number) -> Span {
        let slot = &self.slots[number];
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

    /// How a slot ends whose fill is not shown; `None` if it is.
    pub fn poll(&mut self, number: Number, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let slot = &mut self.slots[number];
        let target = &self.markers.list()[slot.marker].target;
        slot.poll(target, self.charset, cx).map(|verdict| match verdict {
            Verdict::Keep => Some(Outcome::Kept),
            Verdict::Refuse => Some(Outcome::Refused),
            Verdict::Show(_) => None,
        })
    }

    /// How a slot ends that must stay, without waiting for its fill.
    pub fn outcome_of_staying(&self, number: Number) -> Outcome {
        match self.slots[number].known() {
            Some(Verdict::Keep) => Outcome::Kept,
            Some(Verdict::Refuse) => Outcome::Refused,
            Some(Verdict::Show(_)) | None => Outcome::Unclosed,
        }
    }

    /// Lets go of a slot's fill or future: its marker, and what it was to show.
    pub fn settle(&mut self, number: Number) -> (usize, Vec<Bytes>) {
        let slot = &mut self.slots[number];
        (slot.marker, slot.settle())
    }

    /// Drops the pieces that a slot spans, if it is a spanning one, and names the slots among them.
    pub fn drop_span(&mut self, number: Number) -> SmallVec<[Number; 4]> {
        let mut covered = SmallVec::new();
        if self.slots[number].closed.is_none() {
            return covered;
        }
        while let Some(piece) = self.pieces.pop_front() {
            match piece {
                Piece::Close(closed, _) if closed == number => break,
                Piece::Bytes(_) | Piece::Close(..) => {}
                Piece::Insert(number) | Piece::Open(number) | Piece::Nowhere(number, _) => covered.push(number),
                Piece::Value(value) => covered.extend(value.setters.into_iter().chain(value.edits)),
            }
        }
        covered
    }

    /// The outcomes of an attribute's slots, once all that matter have come; those behind a shown setter are covered
    /// and not waited for.
    pub fn poll_value(&mut self, value: &Value, cx: &mut Context<'_>) -> Poll<Outcomes> {
        let mut outcomes = Outcomes::new();
        let mut set = false;
        for &number in &value.setters {
            let outcome = match set {
                true => Outcome::Covered,
                false => match self.poll(number, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(outcome) => outcome.unwrap_or(Outcome::Shown),
                },
            };
            set |= outcome == Outcome::Shown;
            outcomes.push((number, outcome));
        }
        for &number in &value.edits {
            match self.poll(number, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcomes.push((number, outcome.unwrap_or(Outcome::Shown))),
            }
        }
        Poll::Ready(outcomes)
    }

    /// What is to be written for an attribute whose slots ended so; `None` if the origin's value stays. With it the slot
    /// that is said to have exchanged it: there may be several, but the ranges that are told must not overlap.
    pub fn compose(&mut self, value: &Value, outcomes: &Outcomes) -> Option<(Bytes, Option<Number>)> {
        let shown = |number: &Number| outcomes.contains(&(*number, Outcome::Shown));
        let setter = value.setters.iter().copied().find(shown);
        let edits: SmallVec<[Number; 2]> = value.edits.iter().copied().filter(shown).collect();
        let set = setter.map(|number| self.settle(number).1.into_iter().next().unwrap_or_default());
        let composed = value.compose(set.as_deref(), &self.changes(&edits), self.charset)?;
        Some((composed, setter.or(edits.first().copied())))
    }

    /// The classes that these slots ask for.
    fn changes(&self, edits: &[Number]) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        for number in edits {
            if let Target::Class { add, remove } = &self.markers.list()[self.slots[*number].marker].target {
                changes.extend(add.iter().map(|class| Change::Add(class)));
                changes.extend(remove.iter().map(|class| Change::Remove(class)));
            }
        }
        changes
    }
}
