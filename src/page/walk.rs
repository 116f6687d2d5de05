//! The walk: pieces and fills become the page that leaves.
//!
//! In: pieces, in order, and what was promised for their slots. Out: bytes, as soon as they are certain, and one
//! [`Settled`] for each slot. It must not know how pieces are made; they may come from a page kept since yesterday.

use std::ops::Range;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::attribute::Number;
use super::attribute::Value;
use super::flowing::{End, Flowing};
use super::nonce::Nonce;
use super::outgoing::Outgoing;
use super::piece::{Absence, Found, Piece};
use super::queue::{Queue, Span};
use super::slots::{Outcomes, PageSlots};
use super::waiting::Content;
use super::{Filling, Fills, Outcome, Settled};
use crate::http::flow::Flow;
use crate::limits;

/// The walk over one page.
pub(super) struct Walk {
    queue: Queue,
    leaving: Outgoing,
    nonce: Option<Nonce>,
    flowing: Option<Box<Underway>>,
}

/// A slot whose content leaves as it comes.
struct Underway {
    number: Number,
    flowing: Flowing,
    /// Where the walk stood when it began, in the page that came.
    source: u64,
    /// The same in the page that leaves.
    output: u64,
    /// Where the origin's bytes end that it stands in the place of.
    end: u64,
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

impl Walk {
    /// A walk for slots of which some may be known already. `nonce` stands in the place of the page's own.
    pub fn new(slots: PageSlots, nonce: Option<Nonce>) -> Self {
        Self { queue: Queue::new(slots), leaving: Outgoing::default(), nonce, flowing: None }
    }

    /// A slot that pieces to come will mention. Slots come by ascending number.
    pub fn expect(&mut self, found: &Found, filling: Filling) {
        self.queue.slots.expect(found, filling);
    }

    /// The next piece of the page.
    pub fn push(&mut self, piece: Piece) {
        self.queue.push(piece);
    }

    /// How many bytes wait here.
    pub fn ahead(&self) -> usize {
        (self.queue.pushed() - self.leaving.source) as usize + self.leaving.len()
    }

    /// Whether nothing is left to walk or to send.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.leaving.is_empty() && self.flowing.is_none()
    }

    /// Whether only more pieces can bring it on.
    pub fn wants_pieces(&self) -> bool {
        self.is_empty() || (self.flowing.is_none() && self.queue.begins_with_growing())
    }

    /// Goes on as far as it can.
    pub fn go(&mut self, cx: &mut Context<'_>, fills: &mut impl Fills) -> Standstill {
        while self.leaving.len() < limits::PAGE_PIECE_BYTES {
            if let Some(underway) = &mut self.flowing {
                match underway.flowing.poll_next(cx) {
                    Poll::Pending => return Standstill::Fill,
                    Poll::Ready(Some(bytes)) => self.leaving.show(bytes),
                    Poll::Ready(None) => self.flowed(fills),
                }
                continue;
            }
            let Some(piece) = self.queue.pop() else {
                return Standstill::Input;
            };
            if let Err((piece, why)) = self.step(piece, cx, fills) {
                self.queue.put_back(piece);
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
    fn step(&mut self, piece: Piece, cx: &mut Context<'_>, fills: &mut impl Fills) -> Result<(), (Piece, Standstill)> {
        match piece {
            Piece::Bytes(bytes) => self.leaving.pass(bytes),
            Piece::Nonce(own) => self.exchange_nonce(own),
            Piece::Close(..) => {}
            Piece::Nowhere(number, Absence::Void) => self.settle(number, Outcome::Kept, fills),
            Piece::Nowhere(number, Absence::BrokenOff) => self.settle(number, Outcome::Unclosed, fills),
            Piece::Insert(number) => match self.queue.slots.poll(number, cx) {
                Poll::Pending => return Err((piece, Standstill::Fill)),
                Poll::Ready(Some(outcome)) => self.settle(number, outcome, fills),
                Poll::Ready(None) => self.exchange(number, self.leaving.source, fills),
            },
            Piece::Open(number) => self.open(number, cx, fills).map_err(|why| (piece, why))?,
            Piece::Value(value) => match self.queue.slots.poll_value(&value, cx) {
                Poll::Pending => return Err((Piece::Value(value), Standstill::Fill)),
                Poll::Ready(applied) => self.value(&value, &applied, fills),
            },
        }
        Ok(())
    }

    /// A spanning slot is due.
    fn open(&mut self, number: Number, cx: &mut Context<'_>, fills: &mut impl Fills) -> Result<(), Standstill> {
        let span = self.queue.span(number);
        if span == Span::Stays {
            let outcome = self.queue.slots.outcome_of_staying(number);
            self.settle(number, outcome, fills);
            return Ok(());
        }
        match (self.queue.slots.poll(number, cx), span) {
            (Poll::Pending, _) => return Err(Standstill::Fill),
            (Poll::Ready(Some(outcome)), _) => self.settle(number, outcome, fills),
            (Poll::Ready(None), Span::Whole(end)) => self.exchange(number, end, fills),
            (Poll::Ready(None), _) => return Err(Standstill::Input),
        }
        Ok(())
    }

    /// Lays a slot's content in, in the place of the origin's bytes up to `end`; whatever slots are among these are covered.
    fn exchange(&mut self, number: Number, end: u64, fills: &mut impl Fills) {
        let (source, output) = (self.leaving.source, self.leaving.output);
        match self.queue.slots.settle(number).1 {
            Content::Nothing => {}
            Content::Flow(flow) => return self.flow(number, &flow, end),
            Content::Plain(parts) => parts.into_iter().for_each(|part| self.leaving.show(part)),
            Content::Compressed(compressed) => self.leaving.show(compressed.plain().clone()),
        }
        self.exchanged(number, source..end, output, Outcome::Shown, fills);
    }

    /// The origin's bytes in `source` are exchanged for those that left from `output` on.
    fn exchanged(&mut self, number: Number, source: Range<u64>, output: u64, outcome: Outcome, fills: &mut impl Fills) {
        let covered = self.queue.drop_span(number);
        self.leaving.source = source.end;
        self.report(number, outcome, source, output..self.leaving.output, fills);
        for number in covered {
            self.settle(number, Outcome::Covered, fills);
        }
    }

    /// From here on a slot's content leaves as it comes.
    fn flow(&mut self, number: Number, flow: &Flow, end: u64) {
        let flowing = Flowing::new(flow, self.queue.slots.charset());
        let Outgoing { source, output, .. } = self.leaving;
        self.flowing = Some(Box::new(Underway { number, flowing, source, output, end }));
    }

    /// What flowed is over.
    fn flowed(&mut self, fills: &mut impl Fills) {
        let Some(underway) = self.flowing.take() else { return };
        let Underway { number, flowing, source, output, end } = *underway;
        match flowing.end() {
            End::Cut if self.leaving.output == output => self.settle(number, Outcome::Kept, fills),
            End::Cut => self.exchanged(number, source..end, output, Outcome::Cut, fills),
            End::Whole => self.exchanged(number, source..end, output, Outcome::Shown, fills),
        }
    }

    /// The page's own nonce leaves, or the one that stands in its place.
    fn exchange_nonce(&mut self, own: Bytes) {
        match &self.nonce {
            None => self.leaving.pass(own),
            Some(nonce) => {
                self.leaving.source += own.len() as u64;
                self.leaving.show(nonce.bytes().clone());
            }
        }
    }

    /// Writes an attribute's value and settles its slots.
    fn value(&mut self, value: &Value, outcomes: &Outcomes, fills: &mut impl Fills) {
        let from = (self.leaving.source, self.leaving.output);
        let mut owner = None;
        match self.queue.slots.compose(value, outcomes) {
            None => self.leaving.pass(value.original.clone()),
            Some((composed, by)) => {
                self.leaving.source += value.original.len() as u64;
                self.leaving.show(composed);
                owner = by;
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
        let (marker, _) = self.queue.slots.settle(number);
        fills.settled(Settled { marker, number, outcome, source, output });
    }
}
