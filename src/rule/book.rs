//! The rules of a revision, and which of them a path has.
//!
//! In: rules in the order of precedence. Out: for a site and a path, the numbers of its rules. It must not look at who asks.

use super::index::PathIndex;
use super::pattern::PathPattern;
use super::{Rule, State};
use crate::decide::supposed::Supposed;
use crate::visitor::facts::RequestFacts;

/// All rules of a revision, in the order of precedence: a rule's number is its rank.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    rules: Vec<Rule>,
    index: PathIndex,
}

impl RuleBook {
    /// A book of `rules`, which come in the order of precedence.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut index = PathIndex::default();
        let everywhere = PathPattern::parse("/**").expect("invariant: a pattern that parses");
        for (number, rule) in rules.iter().enumerate() {
            // One list of paths is enough to find the rule; the others are looked at when it is decided.
            match rule.matches.iter().rev().find(|wanted| !wanted.paths.is_empty()) {
                Some(wanted) => wanted.paths.iter().for_each(|path| index.add(path, number)),
                None => index.add(&everywhere, number),
            }
        }
        Self { rules, index }
    }

    /// The numbers of the rules that have this site, host and path, highest first: who asks does not matter. A stopped one
    /// is there only if it is supposed to apply.
    pub fn on_path(&self, site: &str, request: &RequestFacts, supposed: &Supposed) -> Vec<usize> {
        let mut found = self.index.find(request.path());
        found.retain(|number| {
            let rule = &self.rules[*number];
            let wanted = rule.state != State::Stopped || supposed.rules.contains(&*rule.name);
            wanted && rule.place(site, request).is_ok()
        });
        found
    }

    /// The rule of a number that [`RuleBook::on_path`] gave.
    pub fn rule(&self, number: usize) -> &Rule {
        &self.rules[number]
    }

    /// All rules, highest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
