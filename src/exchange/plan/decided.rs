//! A rule of the path, decided for one request.
//!
//! In: the context of an exchange, and a rule's number. Out: whether it applies, and what its code sees. It must not fill
//! anything.

use std::sync::Arc;

use crate::context::Context;
use crate::rule::Verdict;
use crate::scope::Scope;
use crate::scope::ledger::{Bounds, Reader};
use crate::scope::values::Tree;

/// A rule of the path, decided.
#[derive(Debug)]
pub struct Decided {
    pub number: usize,
    verdict: Verdict,
    /// What its code sees: with the captures of its path.
    pub scope: Scope,
    /// What the verdict rests on.
    pub bounds: Bounds,
    /// Whether it has anything that is laid into pages.
    lays_in: bool,
}

impl Decided {
    /// Decides one rule.
    pub fn of(context: &Context, number: usize, scope: &Scope) -> Self {
        let rule = context.revision.book.rule(number);
        let captures = rule.place(&context.site.name, &context.request).unwrap_or_default();
        let params = captures.into_iter().map(|(name, text)| (name.to_string(), text.into())).collect();
        let scope = scope.clone().with("params", Arc::new(Tree::shared(serde_json::Value::Object(params))));
        let reader = Reader::new(scope.clone());
        let language = &context.revision.language;
        let verdict = rule.decide(&context.asking(), &mut |condition| {
            language.holds(&condition.name, &reader).map_err(|error| error.to_string())
        });
        let mut bounds = Bounds { until: verdict.until, of_visitor: verdict.of_visitor, storable: true };
        bounds.merge(reader.ledger().bounds());
        if let Err(reason) = &verdict.outcome {
            tracing::debug!(rule = &*rule.name, %reason, "a rule does not apply");
        }
        let lays_in = !context.revision.injections[number].is_empty();
        Self { number, verdict, scope, bounds, lays_in }
    }

    /// Whether the rule is for this request.
    pub fn applies(&self) -> bool {
        self.verdict.outcome.is_ok()
    }

    /// What was said of it, and why.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether anything of the rule is laid in.
    pub fn lays_in(&self) -> bool {
        self.lays_in && self.applies()
    }
}
