//! The walk: pieces and fills become the page that leaves.
//!
//! In: pieces, in order, and what was promised for their slots. Out: bytes, as soon as they are certain, and one
//! [`Settled`] for each slot. It must not know how pieces are made; they may come from a page kept since yesterday.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use smallvec::SmallVec;

use super::attribute::Value;
use super::charset::Charset;
use super::class::Change;
use super::markers::Markers;
use super::outgoing::Outgoing;
use super::piece::{Absence, Closing, Found, Number, Piece};
use super::waiting::{Verdict, Waiting};
use super::{Filling, Fills, Outcome, Settled, Target};
use crate::limits;

/// The walk over one page.
pub(super) struct Walk {
    markers: Arc<Markers>,
    charset: Charset,
    queue: VecDeque<Piece>,
    /// By number.
    slots: Vec<Waiting>,
    /// How many of the origin's bytes have been queued.
    queued: u64,
    leaving: Outgoing,
}

/// Why a walk stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standstill {
    /// The fill of the slot that is due has not come; its future will wake the task.
    Fill,
    /// The pieces are used up, or it is not known yet where the slot that is due ends.
    Input,
    /// Enough is ready to leave.
    Enough,
}

/// What is known of the bytes that a slot spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// All of it is here, up to this offset.
    Whole(u64),
    /// Its end has not come.
    Growing,
    /// It must stay: it ends without its own end tag, or is too long.
    Stays,
}

impl Walk {
    pub fn new(markers: Arc<Markers>, charset: Charset) -> Self {
        Self {
            markers,
            charset,
            queue: VecDeque::new(),
            slots: Vec::new(),
            queued: 0,
            leaving: Outgoing::default(),
        }
    }

    /// A slot that pieces to come will mention. Slots come by ascending number.
    pub fn expect(&mut self, found: &Found, filling: Filling) {
        let target = &self.markers.list()[found.slot.marker].target;
        self.slots.push(Waiting::new(
            found.slot.marker,
            target,
            found.holder,
            self.charset,
            filling,
        ));
    }

    pub fn push(&mut self, piece: Piece) {
        match &piece {
            Piece::Bytes(bytes) => self.queued += bytes.len() as u64,
            Piece::Value(value) => self.queued += value.original.len() as u64,
            Piece::Open(number) => self.slots[*number].opened = self.queued,
            Piece::Close(number, closing) => {
                self.slots[*number].closed = Some((*closing, self.queued))
            }
            Piece::Insert(_) | Piece::Nowhere(..) => {}
        }
        self.queue.push_back(piece);
    }

    /// How many of the origin's bytes wait here.
    pub fn ahead(&self) -> usize {
        (self.queued - self.leaving.source) as usize + self.leaving.len()
    }

    /// Whether nothing is left to walk or to send.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.leaving.is_empty()
    }

    /// Whether only more pieces can bring it on.
    pub fn wants_pieces(&self) -> bool {
        match self.queue.front() {
            None => self.leaving.is_empty(),
            Some(Piece::Open(number)) => {
                let shown = matches!(self.slots[*number].known(), Some(Verdict::Show(_)));
                shown && self.span(*number) == Span::Growing
            }
            Some(_) => false,
        }
    }

    /// Goes on as far as it can.
    pub fn go(&mut self, cx: &mut Context<'_>, fills: &mut impl Fills) -> Standstill {
        while self.leaving.len() < limits::PAGE_PIECE_BYTES {
            let Some(piece) = self.queue.pop_front() else {
                return Standstill::Input;
            };
            if let Err((piece, why)) = self.step(piece, cx, fills) {
                self.queue.push_front(piece);
                return why;
            }
        }
        Standstill::Enough
    }

    /// Bytes that may leave.
    pub fn take_ready(&mut self) -> Option<Bytes> {
        self.leaving.take()
    }

    /// Takes one piece, or gives it back with the reason why it must wait.
    fn step(
        &mut self,
        piece: Piece,
        cx: &mut Context<'_>,
        fills: &mut impl Fills,
    ) -> Result<(), (Piece, Standstill)> {
        match piece {
            Piece::Bytes(bytes) => self.leaving.pass(bytes),
            Piece::Close(..) => {}
            Piece::Nowhere(number, Absence::Void) => self.settle(number, Outcome::Kept, fills),
            Piece::Nowhere(number, Absence::BrokenOff) => {
                self.settle(number, Outcome::Unclosed, fills)
            }
            Piece::Insert(number) => match self.poll(number, cx) {
                Poll::Pending => return Err((piece, Standstill::Fill)),
                Poll::Ready(Some(outcome)) => self.settle(number, outcome, fills),
                Poll::Ready(None) => self.exchange(number, self.leaving.source, fills),
            },
            Piece::Open(number) => self.open(number, cx, fills).map_err(|why| (piece, why))?,
            Piece::Value(value) => match self.poll_value(&value, cx) {
                Poll::Pending => return Err((Piece::Value(value), Standstill::Fill)),
                Poll::Ready(applied) => self.value(&value, &applied, fills),
            },
        }
        Ok(())
    }

    /// A spanning slot is due.
    fn open(
        &mut self,
        number: Number,
        cx: &mut Context<'_>,
        fills: &mut impl Fills,
    ) -> Result<(), Standstill> {
        let span = self.span(number);
        if span == Span::Stays {
            let outcome = match self.slots[number].known() {
                Some(Verdict::Keep) => Outcome::Kept,
                Some(Verdict::Refuse) => Outcome::Refused,
                _ => Outcome::Unclosed,
            };
            self.settle(number, outcome, fills);
            return Ok(());
        }
        match (self.poll(number, cx), span) {
            (Poll::Pending, _) => return Err(Standstill::Fill),
            (Poll::Ready(Some(outcome)), _) => self.settle(number, outcome, fills),
            (Poll::Ready(None), Span::Whole(end)) => self.exchange(number, end, fills),
            (Poll::Ready(None), _) => return Err(Standstill::Input),
        }
        Ok(())
    }

    /// Whether a slot's own end tag has come. Judged by offsets alone, so the answer is the same at any chunking.
    fn span(&self, number: Number) -> Span {
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
    fn poll(&mut self, number: Number, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let slot = &mut self.slots[number];
        let target = &self.markers.list()[slot.marker].target;
        slot.poll(target, self.charset, cx)
            .map(|verdict| match verdict {
                Verdict::Keep => Some(Outcome::Kept),
                Verdict::Refuse => Some(Outcome::Refused),
                Verdict::Show(_) => None,
            })
    }

    /// Lays a slot's content in, in the place of the origin's bytes up to `end`; whatever slots are among these are covered.
    fn exchange(&mut self, number: Number, end: u64, fills: &mut impl Fills) {
        let (source, output) = (self.leaving.source, self.leaving.output);
        for part in self.slots[number].settle() {
            self.leaving.show(part);
        }
        let covered = self.drop_span(number);
        self.leaving.source = end;
        self.report(
            number,
            Outcome::Shown,
            source..end,
            output..self.leaving.output,
            fills,
        );
        for number in covered {
            self.settle(number, Outcome::Covered, fills);
        }
    }

    /// Drops the pieces that a slot spans, if it is a spanning one, and names the slots among them.
    fn drop_span(&mut self, number: Number) -> SmallVec<[Number; 4]> {
        let mut covered = SmallVec::new();
        if self.slots[number].closed.is_none() {
            return covered;
        }
        while let Some(piece) = self.queue.pop_front() {
            match piece {
                Piece::Close(closed, _) if closed == number => break,
                Piece::Bytes(_) | Piece::Close(..) => {}
                Piece::Insert(number) | Piece::Open(number) | Piece::Nowhere(number, _) => {
                    covered.push(number)
                }
                Piece::Value(value) => covered.extend(value.setters.into_iter().chain(value.edits)),
            }
        }
        covered
    }

    /// The outcomes of an attribute's slots, once all that matter have come; those behind a shown setter are covered
    /// and not waited for.
    fn poll_value(
        &mut self,
        value: &Value,
        cx: &mut Context<'_>,
    ) -> Poll<SmallVec<[(Number, Outcome); 2]>> {
        let mut outcomes = SmallVec::new();
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

    /// Writes an attribute's value and settles its slots.
    fn value(&mut self, value: &Value, outcomes: &[(Number, Outcome)], fills: &mut impl Fills) {
        let from = (self.leaving.source, self.leaving.output);
        let shown = |number: &Number| outcomes.contains(&(*number, Outcome::Shown));
        let setter = value.setters.iter().copied().find(shown);
        let edits: SmallVec<[Number; 2]> = value.edits.iter().copied().filter(shown).collect();
        let set = setter.map(|number| {
            self.slots[number]
                .settle()
                .into_iter()
                .next()
                .unwrap_or_default()
        });
        let composed = value.compose(set.as_deref(), &self.changes(&edits), self.charset);
        // The slot that is said to have exchanged the bytes: there may be several, but the ranges must not overlap.
        let mut owner = None;
        match composed {
            None => self.leaving.pass(value.original.clone()),
            Some(composed) => {
                self.leaving.source += value.original.len() as u64;
                self.leaving.show(composed);
                owner = setter.or(edits.first().copied());
            }
        }
        let to = (self.leaving.source, self.leaving.output);
        let mut at = if owner.is_some() { from } else { to };
        for &(number, outcome) in outcomes {
            let until = if Some(number) == owner { to } else { at };
            self.report(number, outcome, at.0..until.0, at.1..until.1, fills);
            at = until;
        }
    }

    /// The classes that these slots ask for.
    fn changes(&self, edits: &[Number]) -> Vec<Change<'_>> {
        let mut changes = Vec::new();
        for number in edits {
            if let Target::Class { add, remove } =
                &self.markers.list()[self.slots[*number].marker].target
            {
                changes.extend(add.iter().map(|class| Change::Add(class)));
                changes.extend(remove.iter().map(|class| Change::Remove(class)));
            }
        }
        changes
    }

    /// A slot is done that changed nothing.
    fn settle(&mut self, number: Number, outcome: Outcome, fills: &mut impl Fills) {
        self.report(
            number,
            outcome,
            self.leaving.source..self.leaving.source,
            self.leaving.output..self.leaving.output,
            fills,
        );
    }

    fn report(
        &mut self,
        number: Number,
        outcome: Outcome,
        source: Range<u64>,
        output: Range<u64>,
        fills: &mut impl Fills,
    ) {
        let slot = &mut self.slots[number];
        slot.settle();
        fills.settled(Settled {
            marker: slot.marker,
            number,
            outcome,
            source,
            output,
        });
    }
}
