//! The slots of one page for one response, from their discovery to their settlement.
//!
//! In: slots with their fillings. Out: what is known of a slot when it is due, and what an attribute becomes. It must not
//! know where slots stand.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use smallvec::SmallVec;

use super::attribute::Number;
use super::attribute::Value;
use super::charset::Charset;
use super::class::Change;
use super::markers::Markers;
use super::piece::Found;
use super::waiting::{Content, Verdict, Waiting};
use super::{Filling, Outcome, Target};

pub(super) struct PageSlots {
    markers: Arc<Markers>,
    charset: Charset,
    /// By number. Inline as many as an ordinary page has, so that an ordinary page costs no list.
    slots: SmallVec<[Waiting; 8]>,
}

/// How the slots of one attribute end.
pub(super) type Outcomes = SmallVec<[(Number, Outcome); 2]>;

impl PageSlots {
    pub fn new(markers: Arc<Markers>, charset: Charset) -> Self {
        Self { markers, charset, slots: SmallVec::new() }
    }

    /// The next slot. Slots come by ascending number.
    pub fn expect(&mut self, found: &Found, filling: Filling) {
        let marker = found.slot.marker;
        let target = &self.markers.list()[marker].target;
        self.slots.push(Waiting::new(marker, target, found.holder, self.charset, filling));
    }

    /// What is known of a slot.
    pub fn get(&self, number: Number) -> &Waiting {
        &self.slots[number]
    }

    pub fn get_mut(&mut self, number: Number) -> &mut Waiting {
        &mut self.slots[number]
    }

    /// Whether no fill is waited for, or still coming.
    pub fn are_known(&self) -> bool {
        let flows = |verdict: &Verdict| matches!(verdict, Verdict::Show(Content::Flow(_)));
        self.slots.iter().all(|slot| slot.known().is_some_and(|verdict| !flows(verdict)))
    }

    /// The encoding of the page.
    pub fn charset(&self) -> Charset {
        self.charset
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
    pub fn settle(&mut self, number: Number) -> (usize, Content) {
        let slot = &mut self.slots[number];
        (slot.marker, slot.settle())
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
        let set = setter.map(|number| self.settle(number).1.first());
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
