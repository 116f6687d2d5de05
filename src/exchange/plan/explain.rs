//! What the slots of a plan are to hold, and why.
//!
//! In: a plan whose content is made as far as the page's head allows. Out: plain data, slot by slot; which elements there are
//! only the page tells. It must not make anything.

use std::sync::Arc;

use super::fills::selector;
use super::{Awaits, Plan, Prepared};
use crate::content::{Filled, Nothing, Outcome};
use crate::exchange::explanation::{FilledExplained, SlotExplained, TriedExplained, condition, reads};
use crate::page::{Place, Target};
use crate::revision::Injection;

impl Plan {
    /// What is to be laid in, in the order of precedence: the slots of the rules that apply.
    pub fn explain(&self) -> Vec<SlotExplained> {
        (0..self.slots.len()).filter_map(|marker| self.slot_told(marker)).collect()
    }

    fn slot_told(&self, marker: usize) -> Option<SlotExplained> {
        let slot = self.layout.slots[marker];
        let rule = &self.rules[slot.rule];
        if !rule.applies() {
            return None;
        }
        let injection = self.injection(marker);
        let idle = matches!(self.slots[marker], Prepared::Idle);
        let when = injection.when.as_ref().filter(|_| idle || slot.awaits != Awaits::Element);
        Some(SlotExplained {
            rule: self.rule_name(marker).to_string(),
            name: injection.name.to_string(),
            select: selector(&injection.marker).to_string(),
            place: place(&injection.marker.target),
            condition: when
                .map(|when| condition("when".to_owned(), when, &self.context.revision.language, &rule.scope)),
            filled: filled_told(injection, &self.slots[marker]),
            ..SlotExplained::default()
        })
    }
}

/// How a slot was filled; `None` while it waits, and where nothing is wanted.
pub(super) fn filled_told(injection: &Injection, prepared: &Prepared) -> Option<FilledExplained> {
    let Prepared::Filled(filled) = prepared else { return None };
    let Filled { outcome, ledger, took, detour } = filled;
    let content = injection.content.as_ref().map_or(&injection.name, |content| &content.name);
    let tried = |(content, reason): &(Arc<str>, String)| TriedExplained {
        content: content.to_string(),
        reason: reason.clone(),
    };
    Some(FilledExplained {
        content: content.to_string(),
        how: outcome.word().to_owned(),
        milliseconds: took.as_secs_f64() * 1000.0,
        reason: match outcome {
            Outcome::Show { .. } => None,
            Outcome::Nothing(nothing) => Some(Nothing::to_string(nothing)),
        },
        tried: detour.iter().flat_map(|detour| &detour.tried).map(tried).collect(),
        fallback: detour.as_ref().and_then(|detour| detour.shown.as_ref()).map(|name| name.to_string()),
        reads: reads(ledger),
    })
}

/// Where it goes, in the words of the rule files.
fn place(target: &Target) -> String {
    match target {
        Target::Place(place) => match place {
            Place::Before => "before",
            Place::Prepend => "prepend",
            Place::Append => "append",
            Place::After => "after",
            Place::Inner => "inner",
            Place::Replace => "replace",
            Place::Remove => "remove",
        }
        .to_owned(),
        Target::Attribute(name) => format!("attribute {name}"),
        Target::Class { .. } => "class".to_owned(),
    }
}
