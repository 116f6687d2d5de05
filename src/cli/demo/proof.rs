//! The proof that nothing else changed: both pages without their slots are the same bytes.
//!
//! In: a [`Traced`]. Out: a [`Proof`]. Pure; it looks at the bytes themselves and believes of the trace only where
//! the slots are, so that a wrong trace cannot prove a page that was changed elsewhere.

use std::ops::Range;

use crate::exchange::trace::{SlotTrace, Traced};
use crate::page::Outcome;

/// What comparing the remains showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Without the filled slots, both pages are the same, byte for byte.
    Identical {
        /// Filled slots that were cut out.
        slots: usize,
        /// Bytes that were compared.
        bytes: u64,
    },
    /// The first byte that differs outside every slot, as an offset in the origin's page.
    Differs { at: u64 },
    /// This slot (by its index in the trace) lies outside the page, or over the one before it.
    Misplaced { slot: usize },
}

/// Cuts every filled slot out of both pages and compares what remains.
pub fn prove(traced: &Traced) -> Proof {
    let mut walk = Walk::default();
    for (index, slot) in traced.slots.iter().enumerate() {
        if slot.outcome != Outcome::Shown {
            continue;
        }
        let Some((before, after)) = walk.up_to(traced, slot) else {
            return Proof::Misplaced { slot: index };
        };
        if let Some(offset) = first_difference(before, after) {
            return Proof::Differs { at: walk.source + offset };
        }
        walk.pass(slot, before.len() as u64);
    }
    let before = &traced.origin[walk.source as usize..];
    let after = &traced.served[walk.output as usize..];
    match first_difference(before, after) {
        Some(offset) => Proof::Differs { at: walk.source + offset },
        None => Proof::Identical { slots: walk.slots, bytes: walk.bytes + before.len() as u64 },
    }
}

/// How far both pages have been walked.
#[derive(Default)]
struct Walk {
    source: u64,
    output: u64,
    slots: usize,
    bytes: u64,
}

impl Walk {
    /// The bytes of both pages between here and the slot; `None` if the slot is not ahead, or not within the page.
    fn up_to<'a>(&self, traced: &'a Traced, slot: &SlotTrace) -> Option<(&'a [u8], &'a [u8])> {
        Some((ahead(&traced.origin, self.source, &slot.source)?, ahead(&traced.served, self.output, &slot.output)?))
    }

    fn pass(&mut self, slot: &SlotTrace, compared: u64) {
        self.source = slot.source.end;
        self.output = slot.output.end;
        self.slots += 1;
        self.bytes += compared;
    }
}

fn ahead<'a>(page: &'a [u8], from: u64, slot: &Range<u64>) -> Option<&'a [u8]> {
    if slot.start > slot.end || slot.end > page.len() as u64 {
        return None;
    }
    page.get(usize::try_from(from).ok()?..usize::try_from(slot.start).ok()?)
}

fn first_difference(a: &[u8], b: &[u8]) -> Option<u64> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (same < a.len().max(b.len())).then_some(same as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::exchange::trace::Made;
    use crate::page::{Context, Place, Target};

    fn slot(outcome: Outcome, source: Range<u64>, output: Range<u64>) -> SlotTrace {
        SlotTrace {
            rule: Arc::from("rule"),
            injection: Arc::from("rule.1"),
            select: Arc::from("p"),
            target: Target::Place(Place::Replace),
            context: Context::Html,
            content: Arc::from("rule.1"),
            outcome,
            reason: None,
            made: Made::Fixed,
            filled: None,
            opened: Instant::now(),
            settled: Instant::now(),
            source,
            output,
        }
    }

    /// Pages made of shared runs and exchanged ones, with the trace that describes them truly.
    fn pages() -> impl Strategy<Value = Traced> {
        let run = proptest::collection::vec(any::<u8>(), 0..20);
        let part = (run.clone(), run.clone(), run);
        proptest::collection::vec(part, 0..8).prop_map(|parts| {
            let (mut origin, mut served, mut slots) = (vec![], vec![], vec![]);
            for (shared, before, after) in parts {
                origin.extend(&shared);
                served.extend(&shared);
                let (from, to) = (origin.len() as u64, served.len() as u64);
                origin.extend(&before);
                served.extend(&after);
                let source = from..origin.len() as u64;
                let output = to..served.len() as u64;
                slots.push(slot(Outcome::Shown, source, output));
            }
            origin.extend(b"end");
            served.extend(b"end");
            Traced { slots, origin: origin.into(), served: served.into() }
        })
    }

    proptest! {
        #[test]
        fn a_true_trace_proves_the_page(traced in pages()) {
            let cut: u64 = traced.slots.iter().map(|slot| slot.source.end - slot.source.start).sum();
            prop_assert_eq!(prove(&traced), Proof::Identical {
                slots: traced.slots.len(),
                bytes: traced.origin.len() as u64 - cut,
            });
        }

        #[test]
        fn one_changed_byte_outside_the_slots_is_found(traced in pages(), pick in any::<prop::sample::Index>()) {
            let outside: Vec<usize> = (0..traced.served.len())
                .filter(|at| !traced.slots.iter().any(|slot| slot.output.contains(&(*at as u64))))
                .collect();
            let at = outside[pick.index(outside.len())];
            let mut served = traced.served.to_vec();
            served[at] ^= 1;
            let changed = Traced { served: served.into(), ..traced };
            let differs = matches!(prove(&changed), Proof::Differs { .. });
            prop_assert!(differs);
        }
    }

    #[test]
    fn slots_that_kept_the_origin_are_compared_too() {
        let traced =
            Traced { slots: vec![slot(Outcome::Kept, 0..4, 0..4)], origin: "same".into(), served: "some".into() };
        assert_eq!(prove(&traced), Proof::Differs { at: 1 });
    }

    #[test]
    fn slots_over_each_other_or_outside_prove_nothing() {
        let over = [slot(Outcome::Shown, 0..4, 0..4), slot(Outcome::Shown, 2..4, 4..4)];
        let outside = [slot(Outcome::Shown, 0..9, 0..4)];
        for (slots, wrong) in [(over.to_vec(), 1), (outside.to_vec(), 0)] {
            let traced = Traced { slots, origin: "same".into(), served: "same".into() };
            assert_eq!(prove(&traced), Proof::Misplaced { slot: wrong });
        }
    }
}
