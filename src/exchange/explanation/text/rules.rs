//! Rules and audiences of an explanation as lines: what was decided, by what, and what was read for it.
//!
//! In: rules, conditions, audiences, reads. Out: lines of a page. It must not know slots.

use super::{Ink, Page};
use crate::exchange::explanation::{AudienceExplained, ConditionExplained, ReadExplained, RuleExplained};

impl Page {
    pub(super) fn rule(&mut self, rule: &RuleExplained) {
        let mark = if rule.applies { self.ink(Ink::Good, "+") } else { self.ink(Ink::Faint, "-") };
        let verdict = if rule.applies { self.ink(Ink::Good, "applies") } else { self.ink(Ink::Faint, &rule.reason) };
        let actions = if rule.actions.is_empty() { String::new() } else { format!(" ({})", rule.actions.join(", ")) };
        self.line(2, &format!("{mark} {:<24} {verdict}{actions}", rule.name));
        if let Some(share) = &rule.share {
            let place =
                share.place.map_or_else(|| "nobody is recognised".to_owned(), |place| format!("place {place:.4}"));
            self.line(6, &format!("share {} of visitors, {place}", share.share));
        }
        rule.conditions.iter().for_each(|condition| self.condition(condition));
        if let Some(until) = &rule.until {
            self.line(6, &self.ink(Ink::Faint, &format!("by time the same until {until}")));
        }
    }

    pub(super) fn condition(&mut self, condition: &ConditionExplained) {
        let ConditionExplained { of, source, holds, error, reads } = condition;
        let held = match (error, holds) {
            (Some(error), _) => self.ink(Ink::Bad, &format!("failed: {error}")),
            (None, true) => self.ink(Ink::Good, "holds"),
            (None, false) => self.ink(Ink::Bad, "does not hold"),
        };
        self.line(6, &format!("{of}: {source}  {held}"));
        self.reads(10, reads);
    }

    pub(super) fn reads(&mut self, indent: usize, reads: &[ReadExplained]) {
        for read in reads {
            let answer = if read.answer.is_null() { "nothing".to_owned() } else { read.answer.to_string() };
            let until = read.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
            let visitor = if read.of_visitor { ", of the visitor" } else { "" };
            let kept = if read.kept { "" } else { ", for this once" };
            let more = self.ink(Ink::Faint, &format!("{visitor}{until}{kept}"));
            self.line(indent, &format!("{} = {answer}{more}", read.asked));
        }
    }

    pub(super) fn audience(&mut self, audience: &AudienceExplained) {
        let side = if audience.inside { self.ink(Ink::Good, "in ") } else { self.ink(Ink::Faint, "out") };
        let error = audience.error.as_ref().map(|error| format!("  failed: {error}")).unwrap_or_default();
        self.line(2, &format!("{side} {:<22} {}{error}", audience.name, audience.source));
        self.reads(10, &audience.reads);
    }
}
