//! Slots of an explanation as lines: what they were to hold, what became of it, and where.
//!
//! In: slots. Out: lines of a page. It must not judge.

use super::{Ink, Page, took};
use crate::exchange::explanation::{FilledExplained, PlaceExplained, SlotExplained};

impl Page {
    pub(super) fn slot(&mut self, slot: &SlotExplained) {
        let SlotExplained { name, select, place, condition, filled, found, places, .. } = slot;
        let found = match found {
            None => String::new(),
            Some(0) => self.ink(Ink::Bad, "  no element of the page fits"),
            Some(1) => "  1 element".to_owned(),
            Some(found) => format!("  {found} elements"),
        };
        self.line(2, &format!("{name:<26} {place} `{select}`{found}"));
        if let Some(condition) = condition {
            self.condition(condition);
        }
        if let Some(filled) = filled {
            self.filled(6, filled);
        }
        places.iter().for_each(|place| self.place(place));
    }

    fn place(&mut self, place: &PlaceExplained) {
        let ink = if place.outcome == "shown" { Ink::Good } else { Ink::Bad };
        let text = place.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = place.reason.as_ref().filter(|_| place.filled.is_none()).map(|why| format!(": {why}"));
        let outcome = self.ink(ink, &format!("{}{}", place.outcome, why.unwrap_or_default()));
        self.line(6, &format!("{outcome}  {text}"));
        if let Some(filled) = &place.filled {
            self.filled(10, filled);
        }
    }

    fn filled(&mut self, indent: usize, filled: &FilledExplained) {
        let FilledExplained { content, how, milliseconds, reason, tried, fallback, reads } = filled;
        let reason = reason.as_ref().map(|reason| self.ink(Ink::Bad, &format!(": {reason}"))).unwrap_or_default();
        self.line(indent, &format!("content {content}: {how}{reason}, {}", took(*milliseconds)));
        for tried in tried {
            self.line(indent + 2, &format!("tried {}: {}", tried.content, tried.reason));
        }
        if let Some(fallback) = fallback {
            self.line(indent + 2, &format!("shown instead: {fallback}"));
        }
        self.reads(indent + 4, reads);
    }
}
