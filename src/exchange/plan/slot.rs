//! Filling one slot: whether it is wanted, and what is laid in.
//!
//! In: an injection, with what its code sees. Out: what became of it, at once if everything is at hand. It must not know the
//! page.

use std::sync::Arc;

use super::decided::Ruling;
use super::late::Late;
use crate::content::{Attempt, Filled};
use crate::context::Context;
use crate::limits::SOURCE_ROUNDS;
use crate::revision::Injection;
use crate::scope::language::Escape;
use crate::scope::ledger::{Bounds, Ledger, Reader};
use crate::scope::{Question, Scope};

/// One slot to be filled.
pub struct Filling {
    pub context: Arc<Context>,
    /// The rule's number, and which of its injections it is.
    pub rule: usize,
    pub injection: usize,
    pub scope: Scope,
    pub escape: Escape,
}

/// What became of a slot.
#[derive(Debug)]
pub struct Came {
    pub what: What,
    /// What that rests on.
    pub bounds: Bounds,
    /// What its own condition read.
    pub condition: Ledger,
}

/// What is laid in.
#[derive(Debug)]
pub enum What {
    /// Nothing: its rule or its own condition says no.
    Unwanted,
    /// It needs no content.
    Bare,
    Filled(Filled),
}

/// Where a filling stands still.
pub enum Stands {
    /// Its own condition waits for these.
    Condition(Arc<[Question]>),
    /// Its content does; what the condition rested on is known.
    Content(futures_util::future::BoxFuture<'static, Filled>, Box<Ledger>),
}

impl Filling {
    /// Fills the slot.
    ///
    /// # Errors
    /// Where it has to wait.
    pub fn at_once(&self) -> Result<Came, Stands> {
        let injection = self.injection();
        let (wanted, condition) = self.wanted(injection).map_err(Stands::Condition)?;
        match &injection.content {
            _ if !wanted => Ok(Came::without_content(What::Unwanted, condition)),
            None => Ok(Came::without_content(What::Bare, condition)),
            Some(content) => match self.context.revision.library.fill(content, &self.scope, self.escape) {
                Attempt::Done(filled) => Ok(Came::filled(filled, condition)),
                Attempt::Later(filling) => Err(Stands::Content(filling, Box::new(condition))),
            },
        }
    }

    /// Goes on from where it stood still.
    pub async fn finish(self, stands: Stands) -> Came {
        let mut stands = stands;
        for _ in 0..=SOURCE_ROUNDS {
            match stands {
                Stands::Content(filling, condition) => return Came::filled(filling.await, *condition),
                Stands::Condition(missing) => self.scope.bring(&missing).await,
            }
            match self.at_once() {
                Ok(came) => return came,
                Err(next) => stands = next,
            }
        }
        let name = &*self.injection().name;
        tracing::warn!(injection = name, "a condition asks sources again and again: its injection is left out");
        Came::unknown()
    }

    /// Fills the slot once its rule is decided.
    pub async fn once_decided(self, ruling: Late<Ruling>) -> Came {
        match ruling.wait().await {
            Some(ruling) if ruling.applies() => match self.at_once() {
                Ok(came) => came,
                Err(stands) => self.finish(stands).await,
            },
            _ => Came::unknown(),
        }
    }

    fn injection(&self) -> &Injection {
        &self.context.revision.injections[self.rule][self.injection]
    }

    /// Whether the injection's own condition holds, and what that rests on.
    fn wanted(&self, injection: &Injection) -> Result<(bool, Ledger), Arc<[Question]>> {
        let Injection { name, when, .. } = injection;
        let Some(condition) = when else { return Ok((true, Ledger::new())) };
        let reader = Reader::new(self.scope.clone());
        let held = self.context.revision.language.holds(&condition.name, &reader);
        let ledger = reader.take();
        if !ledger.missing().is_empty() {
            return Err(ledger.missing().into());
        }
        let wanted = held.unwrap_or_else(|error| {
            tracing::warn!(injection = &**name, %condition, %error, "a condition could not be evaluated: its injection is left out");
            false
        });
        Ok((wanted, ledger))
    }
}

impl Came {
    fn filled(filled: Filled, condition: Ledger) -> Self {
        let mut bounds = condition.bounds();
        bounds.merge(filled.ledger.bounds());
        Self { what: What::Filled(filled), bounds, condition }
    }

    fn without_content(what: What, condition: Ledger) -> Self {
        Self { what, bounds: condition.bounds(), condition }
    }

    /// It was not settled in time, or its rule was not.
    fn unknown() -> Self {
        Self::without_content(What::Unwanted, Ledger::new())
    }
}
