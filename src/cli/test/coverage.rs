//! Which rules, branches and fallbacks the tests came by.
//!
//! In: the rules, then the explanation of each page. Out: what was covered, and what was not, by name. It must not judge whether that is
//! enough.

use std::collections::BTreeMap;

use crate::content::{Content, Fallback};
use crate::exchange::explanation::{ConditionExplained, Explanation};
use crate::revision::Revision;

/// Two ways, and which of them were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    pub yes: bool,
    pub no: bool,
}

/// What was covered.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By rule: whether it applied, and whether it did not.
    pub rules: BTreeMap<String, Ways>,
    /// By what they stand for: conditions and audiences that held, and that did not.
    pub conditions: BTreeMap<String, Ways>,
    /// By content: whether what it falls back on was needed.
    pub fallbacks: BTreeMap<String, bool>,
}

impl Ways {
    fn note(&mut self, yes: bool) {
        self.yes |= yes;
        self.no |= !yes;
    }

    /// Both were taken.
    pub fn both(self) -> bool {
        self.yes && self.no
    }
}

impl Coverage {
    /// Of the rules of a revision, nothing covered.
    pub fn of(revision: &Revision) -> Self {
        let mut coverage = Self::default();
        for (rule, injections) in revision.book.rules().iter().zip(&revision.injections) {
            coverage.rules.insert(rule.name.to_string(), Ways::default());
            let campaigns = rule.campaigns.iter().filter(|campaign| campaign.when.is_some());
            let campaigns = campaigns.map(|campaign| format!("campaign {}", campaign.name));
            let own = (!rule.when.is_empty()).then(|| format!("rule {}", rule.name));
            let slots = injections.iter().filter(|injection| injection.when.is_some());
            let slots = slots.map(|injection| format!("slot {}", injection.name));
            let all = campaigns.chain(own).chain(slots);
            coverage.conditions.extend(all.map(|name| (name, Ways::default())));
            let contents = injections.iter().filter_map(|injection| injection.content.as_ref());
            let falling = contents.filter(|content| falls_back(content));
            coverage.fallbacks.extend(falling.map(|content| (content.name.to_string(), false)));
        }
        let audiences = revision.audiences.keys().map(|name| (format!("audience {name}"), Ways::default()));
        coverage.conditions.extend(audiences);
        for (name, fragment) in revision.library.fragments() {
            if falls_back(fragment) {
                coverage.fallbacks.insert(name.to_string(), false);
            }
        }
        coverage
    }

    /// Notes what one page came by.
    pub fn note(&mut self, told: &Explanation) {
        for rule in &told.rules {
            self.rules.entry(rule.name.clone()).or_default().note(rule.applies);
            for condition in &rule.conditions {
                let name = if condition.of == "when" { format!("rule {}", rule.name) } else { condition.of.clone() };
                self.condition(name, condition);
            }
        }
        for audience in &told.audiences {
            self.conditions.entry(format!("audience {}", audience.name)).or_default().note(audience.inside);
        }
        for slot in &told.slots {
            if let Some(condition) = &slot.condition {
                self.condition(format!("slot {}", slot.name), condition);
            }
            let placed = slot.places.iter().filter_map(|place| place.filled.as_ref());
            for tried in slot.filled.iter().chain(placed).flat_map(|filled| &filled.tried) {
                if let Some(taken) = self.fallbacks.get_mut(&tried.content) {
                    *taken = true;
                }
            }
        }
    }

    fn condition(&mut self, name: String, condition: &ConditionExplained) {
        self.conditions.entry(name).or_default().note(condition.holds);
    }
}

fn falls_back(content: &Content) -> bool {
    !matches!(content.fallback, Fallback::Keep)
}
