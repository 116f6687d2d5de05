//! A compiled page and fills that are all at hand, laid together in one go.
//!
//! In: a [`CompiledPage`] and verdicts on its slots. Out: the [`Assembled`] page, as a list of what stands where: stretches of
//! the page, and what was laid in. No byte is copied. It must do what the [`walk`](super::walk) does, only without waiting.

use std::ops::Range;
use std::task::{Context, Poll, Waker};

use super::assembled::{Assembled, Part, Parts};
use super::attribute::{Number, Value};
use super::compiled::{CompiledPage, Spanned};
use super::nonce::Nonce;
use super::piece::{Absence, Piece};
use super::slots::PageSlots;
use super::waiting::Content;
use super::{Fills, Outcome, Settled};

/// One page being laid together.
pub(super) struct Laying<'a, F> {
    page: &'a CompiledPage,
    slots: PageSlots,
    nonce: Option<Nonce>,
    fills: &'a mut F,
    /// Offset in the page: where the laying stands.
    source: usize,
    /// Offset in the page that leaves.
    output: usize,
    parts: Parts,
}

impl<'a, F: Fills> Laying<'a, F> {
    /// All of `slots` must be known.
    pub fn new(page: &'a CompiledPage, slots: PageSlots, nonce: Option<Nonce>, fills: &'a mut F) -> Self {
        Self { page, slots, nonce, fills, source: 0, output: 0, parts: Parts::new() }
    }

    pub fn lay(mut self) -> Assembled {
        let page = self.page;
        let mut at = 0;
        while let Some(piece) = page.pieces.get(at) {
            at += 1;
            match piece {
                Piece::Bytes(bytes) => self.pass(bytes.len()),
                Piece::Nonce(own) => self.nonce(own.len()),
                Piece::Close(..) => {}
                Piece::Nowhere(number, Absence::Void) => self.settle(*number, Outcome::Kept),
                Piece::Nowhere(number, Absence::BrokenOff) => self.settle(*number, Outcome::Unclosed),
                Piece::Insert(number) => match self.outcome(*number) {
                    Some(outcome) => self.settle(*number, outcome),
                    None => self.exchange(*number, self.source),
                },
                Piece::Open(number) => at = self.open(*number, at),
                Piece::Value(value) => self.value(value),
            }
        }
        Assembled::new(page.whole.clone(), page.forms.clone(), self.parts, self.output)
    }

    /// A spanning slot, whose `Open` is the piece before `at`. The index of the piece to go on with.
    fn open(&mut self, number: Number, at: usize) -> usize {
        let Some(Spanned { behind, end, stays: false }) = self.page.span(number) else {
            self.settle(number, self.slots.outcome_of_staying(number));
            return at;
        };
        if let Some(outcome) = self.outcome(number) {
            self.settle(number, outcome);
            return at;
        }
        self.exchange(number, end);
        for covered in self.page.pieces[at..behind].iter().flat_map(Piece::slots) {
            self.settle(covered, Outcome::Covered);
        }
        behind
    }

    /// How a slot ends whose fill is not shown; `None` if it is.
    fn outcome(&mut self, number: Number) -> Option<Outcome> {
        match self.slots.poll(number, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Some(Outcome::Kept),
        }
    }

    /// The origin's next bytes leave as they came.
    fn pass(&mut self, length: usize) {
        let range = self.source..self.source + length;
        self.source = range.end;
        self.output += length;
        match self.parts.last_mut() {
            Some(Part::Page(last)) if last.end == range.start => last.end = range.end,
            _ if length == 0 => {}
            _ => self.parts.push(Part::Page(range)),
        }
    }

    fn show(&mut self, part: Part, length: usize) {
        if length > 0 {
            self.output += length;
            self.parts.push(part);
        }
    }

    fn nonce(&mut self, length: usize) {
        match self.nonce.clone() {
            None => self.pass(length),
            Some(nonce) => {
                self.source += length;
                self.show(Part::Nonce(nonce.bytes().clone()), nonce.bytes().len());
            }
        }
    }

    /// Lays a slot's content in, in the place of the origin's bytes up to `end`.
    fn exchange(&mut self, number: Number, end: usize) {
        let (source, output) = (self.source, self.output);
        match self.slots.settle(number).1 {
            // What flows is never laid: it is not known.
            Content::Nothing | Content::Flow(_) => {}
            Content::Plain(parts) => parts.into_iter().for_each(|part| {
                let length = part.len();
                self.show(Part::Plain(part), length);
            }),
            Content::Compressed(compressed) => {
                let length = compressed.plain().len();
                self.show(Part::Compressed(compressed), length);
            }
        }
        self.source = end;
        self.report(number, Outcome::Shown, source..end, output..self.output);
    }

    /// Writes an attribute's value and settles its slots.
    fn value(&mut self, value: &Value) {
        let Poll::Ready(outcomes) = self.slots.poll_value(value, &mut Context::from_waker(Waker::noop())) else {
            return self.pass(value.original.len());
        };
        let from = (self.source, self.output);
        let mut owner = None;
        match self.slots.compose(value, &outcomes) {
            None => self.pass(value.original.len()),
            Some((composed, by)) => {
                self.source += value.original.len();
                let length = composed.len();
                self.show(Part::Plain(composed), length);
                owner = by;
            }
        }
        let to = (self.source, self.output);
        let mut at = if owner.is_some() { from } else { to };
        for (number, outcome) in outcomes {
            let until = if Some(number) == owner { to } else { at };
            self.report(number, outcome, at.0..until.0, at.1..until.1);
            at = until;
        }
    }

    /// A slot is done that changed nothing.
    fn settle(&mut self, number: Number, outcome: Outcome) {
        self.report(number, outcome, self.source..self.source, self.output..self.output);
    }

    fn report(&mut self, number: Number, outcome: Outcome, source: Range<usize>, output: Range<usize>) {
        let (marker, _) = self.slots.settle(number);
        let offsets = |range: Range<usize>| range.start as u64..range.end as u64;
        self.fills.settled(Settled { marker, number, outcome, source: offsets(source), output: offsets(output) });
    }
}
