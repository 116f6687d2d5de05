//! What the slots of a plan are to hold, and why.
//!
//! In: a plan whose content is made as far as the page's head allows. Out: plain data, slot by slot; which elements there are
//! only the page tells. It must not make anything.

use std::sync::Arc;

use super::layout::Awaits;
use super::layout::selector;
use super::slot::{Came, What};
use super::{Plan, Prepared};
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
        if !rule.applies() && rule.open().is_none() {
            return None;
        }
        let injection = self.injection(marker);
        let language = &self.context.revision.language;
        let asked = injection.when.as_ref().filter(|_| slot.awaits != Awaits::Element);
        Some(SlotExplained {
            rule: self.rule_name(marker).to_string(),
            name: injection.name.to_string(),
            select: selector(&injection.marker).to_string(),
            place: place(&injection.marker.target),
            condition: asked.map(|when| condition("when".to_owned(), when, language, &rule.scope)),
            filled: match &self.slots[marker] {
                Prepared::Came(came) => came_told(injection, came),
                Prepared::Late(late) => late.here().and_then(|came| came_told(injection, &came)),
                Prepared::Idle | Prepared::Waiting(_) => None,
            },
            ..SlotExplained::default()
        })
    }
}

fn came_told(injection: &Injection, came: &Came) -> Option<FilledExplained> {
    let What::Filled(filled) = &came.what else { return None };
    let name = injection.content.as_ref().map_or(&injection.name, |content| &content.name);
    Some(filled_told(name, filled))
}

/// How a slot was filled.
pub(super) fn filled_told(content: &str, filled: &Filled) -> FilledExplained {
    let Filled { outcome, ledger, took, detour } = filled;
    let tried =
        |(content, why): &(Arc<str>, Nothing)| TriedExplained { content: content.to_string(), reason: why.to_string() };
    FilledExplained {
        content: content.to_owned(),
        how: outcome.word().to_owned(),
        milliseconds: took.as_secs_f64() * 1000.0,
        reason: match outcome {
            Outcome::Show { .. } | Outcome::Stream(_) => None,
            Outcome::Nothing(nothing) => Some(nothing.to_string()),
        },
        tried: detour.iter().flat_map(|detour| &detour.tried).map(tried).collect(),
        fallback: detour.as_ref().and_then(|detour| detour.shown.as_ref()).map(|name| name.to_string()),
        reads: reads(ledger),
    }
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
