//! A rule of the path, decided for one request, now or as soon as what its conditions ask of sources is known.
//!
//! In: the context of an exchange, and a rule's number. Out: whether it applies, and what its code sees. It must not fill
//! anything.

use std::sync::Arc;

use jiff::SignedDuration;

use super::fuses::Gate;
use super::late::Late;
use super::paths::RuleOnPath;
use crate::context::Context;
use crate::limits::SOURCE_ROUNDS;
use crate::rule::{Reason, Verdict};
use crate::scope::ledger::{Bounds, Ledger, Reader};
use crate::scope::{Question, Scope};

/// A rule of the path.
#[derive(Debug)]
pub struct Decided {
    pub number: usize,
    standing: Standing,
    /// What its code sees: with the captures of its path.
    pub scope: Scope,
    /// Whether it has anything that is laid into pages.
    lays_in: bool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are `Settled`, and a box for each would cost every page")]
enum Standing {
    Settled(Ruling),
    /// A condition asks a source that has not answered yet.
    Open(Late<Ruling>),
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Ruling {
    verdict: Verdict,
    bounds: Bounds,
    /// What its conditions read.
    ledger: Ledger,
}

impl Ruling {
    /// Decides; without what is missing it is no decision.
    ///
    /// # Errors
    /// What must be brought first.
    fn of(context: &Context, number: usize, scope: &Scope, gate: &Gate) -> Result<Self, Arc<[Question]>> {
        let rule = context.revision.book.rule(number);
        let reader = Reader::new(scope.clone());
        let language = &context.revision.language;
        let verdict = rule.decide(&context.asking(), &mut |condition| {
            language.holds(&condition.name, &reader).map_err(|error| error.to_string())
        });
        let ledger = reader.take();
        if !ledger.missing().is_empty() {
            return Err(ledger.missing().into());
        }
        let verdict = through(gate, context, number, verdict);
        let mut bounds = Bounds { until: verdict.until, of_visitor: verdict.of_visitor, storable: true };
        bounds.merge(ledger.bounds());
        if let Err(reason) = &verdict.outcome {
            tracing::debug!(rule = &*rule.name, %reason, "a rule does not apply");
        }
        Ok(Self { verdict, bounds, ledger })
    }

    /// Decides as soon as that is possible.
    async fn later(context: Arc<Context>, number: usize, scope: Scope, gate: Gate, missing: Arc<[Question]>) -> Self {
        let mut missing = missing;
        for _ in 0..SOURCE_ROUNDS {
            scope.bring(&missing).await;
            match Self::of(&context, number, &scope, &gate) {
                Ok(ruling) => return ruling,
                Err(more) => missing = more,
            }
        }
        let rule = context.revision.book.rule(number);
        tracing::warn!(rule = &*rule.name, "the conditions of a rule ask sources again and again: it is left out");
        Self::unanswered()
    }

    fn unanswered() -> Self {
        let verdict = Verdict { outcome: Err(Reason::Unanswered), until: None, of_visitor: true };
        let mut ledger = Ledger::new();
        ledger.forbid_keeping();
        Self { verdict, bounds: unknown(), ledger }
    }

    /// Whether the rule is for this request.
    pub fn applies(&self) -> bool {
        self.verdict.outcome.is_ok()
    }
}

/// The verdict, unless the rule's fuse is open: then it is off until that has passed.
fn through(gate: &Gate, context: &Context, number: usize, verdict: Verdict) -> Verdict {
    let rule = context.revision.book.rule(number);
    let off = verdict.outcome.as_ref().ok().and_then(|_| gate.off_for(rule, &context.revision));
    let Some(left) = off else { return verdict };
    let back = context.now.checked_add(SignedDuration::try_from(left).unwrap_or_default()).ok();
    let until = verdict.until.into_iter().chain(back).min();
    Verdict { outcome: Err(Reason::SwitchedOff(left)), until, ..verdict }
}

/// Of what is not known it must be feared that it is the visitor's own.
fn unknown() -> Bounds {
    Bounds { of_visitor: true, ..Bounds::default() }
}

impl Decided {
    /// Decides one rule, or begins to.
    pub fn of(context: &Arc<Context>, rule: &RuleOnPath, scope: &Scope, gate: &Gate) -> Self {
        let number = rule.number;
        let scope = scope.clone().with("params", rule.params.clone());
        let standing = match Ruling::of(context, number, &scope, gate) {
            Ok(ruling) => Standing::Settled(ruling),
            Err(missing) => {
                let ruling = Ruling::later(context.clone(), number, scope.clone(), gate.clone(), missing);
                Standing::Open(Late::start(ruling))
            }
        };
        let lays_in = !context.revision.injections[number].is_empty();
        Self { number, standing, scope, lays_in }
    }

    /// The decision that is awaited.
    pub fn open(&self) -> Option<&Late<Ruling>> {
        match &self.standing {
            Standing::Open(late) => Some(late),
            Standing::Settled(_) => None,
        }
    }

    /// Takes the decision in if it has come.
    pub fn look(&mut self) {
        if let Some(ruling) = self.open().and_then(Late::here) {
            self.standing = Standing::Settled((*ruling).clone());
        }
    }

    /// Waits no longer: what is not decided does not apply.
    pub fn give_up(&mut self) {
        self.look();
        if self.open().is_some() {
            self.standing = Standing::Settled(Ruling::unanswered());
        }
    }

    /// Whether the rule is for this request, as far as that is known.
    pub fn applies(&self) -> bool {
        matches!(&self.standing, Standing::Settled(ruling) if ruling.applies())
    }

    /// What was said of it, and why; `None` while that is awaited.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.standing {
            Standing::Settled(ruling) => Some(&ruling.verdict),
            Standing::Open(_) => None,
        }
    }

    /// What its conditions read; `None` while that is awaited.
    pub fn ledger(&self) -> Option<&Ledger> {
        match &self.standing {
            Standing::Settled(ruling) => Some(&ruling.ledger),
            Standing::Open(_) => None,
        }
    }

    /// What that rests on.
    pub fn bounds(&self) -> Bounds {
        match &self.standing {
            Standing::Settled(ruling) => ruling.bounds,
            Standing::Open(_) => unknown(),
        }
    }

    /// Whether anything of the rule is laid in, or may be.
    pub fn lays_in(&self) -> bool {
        self.lays_in && (self.applies() || self.open().is_some())
    }
}
