//! Functions as content: found in the cache, or called.
//!
//! In: what is to be called, and the scope. Out: what it returned, as pieces, with the ledger of what it read; or the errand that
//! must be run first. It must not judge the result: blank or failed is the fallback chain's matter.

use std::sync::Arc;

use bytes::Bytes;

use crate::content::cache::{Cache, Found, Kept};
use crate::content::function::{Allowance, Errand, FunctionError, Functions, Line, Ran, nonce_mark};
use crate::content::tally::Tally;
use crate::content::template::Printed;
use crate::content::{How, Nothing};
use crate::scope::language::{Escape, Piece, Rendered, quote_attribute};
use crate::scope::ledger::{Fingerprint, Ledger};
use crate::scope::{Question, Scope};

/// A function with what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its name: the file below `functions` without `.js`.
    pub function: Arc<str>,
    /// `input.with`, as JSON.
    pub with: Arc<str>,
    pub allowance: Allowance,
}

/// A function on its way into a slot.
pub(super) struct Invoking<'i> {
    pub functions: &'i Arc<Functions>,
    pub cache: &'i Cache,
    pub invocation: &'i Invocation,
    pub scope: &'i Scope,
    pub escape: Escape,
    pub tally: &'i Tally,
}

/// What the cache says of a function.
pub(super) enum Known {
    Hit(Printed, Ledger),
    /// It must be called.
    Unknown,
    /// These must be brought before that can be said.
    Awaited(Arc<[Question]>),
}

impl Invoking<'_> {
    fn code(&self) -> Fingerprint {
        let Invocation { function, with, allowance: _ } = self.invocation;
        Fingerprint::of(("function", self.functions.identity(function), with, self.escape))
    }

    /// Looks for a result of equal reads.
    pub(super) fn look(&self) -> Known {
        match self.cache.find(self.code(), self.scope) {
            Found::Hit(Kept { rendered, beside }, ledger) => {
                self.tally.hit();
                Known::Hit(Printed { rendered, how: How::Hit, beside: Some(beside) }, ledger)
            }
            Found::Awaited(questions) => Known::Awaited(questions),
            Found::Missing(_) | Found::Never => Known::Unknown,
        }
    }

    /// The call that is to be made.
    pub(super) fn errand(&self) -> Errand {
        let Invocation { function, with, allowance } = self.invocation.clone();
        Errand { functions: self.functions.clone(), function, with, scope: self.scope.clone(), allowance }
    }

    /// What a call came to. A result is kept as its ledger allows; why a call failed may hold for this call alone.
    pub(super) fn finish(&self, ran: Ran) -> (Result<Printed, Nothing>, Ledger) {
        let Ran { result, mut ledger, console, cpu: _ } = ran;
        console.iter().for_each(|line| self.say(line));
        match result {
            Ok(output) => {
                let pieces = pieces(output.html.as_deref().unwrap_or_default());
                let in_attribute = matches!(self.escape, Escape::Attribute(_));
                let pieces = if in_attribute { quote_attribute(pieces) } else { pieces };
                let rendered = Arc::new(Rendered { pieces });
                self.cache.keep(self.code(), &ledger, Some(rendered.clone()));
                self.tally.rendered(&ledger);
                (Ok(Printed { rendered, how: How::Rendered, beside: None }), ledger)
            }
            Err(error) => {
                ledger.forbid_keeping();
                self.note(&error);
                let function = self.invocation.function.clone();
                (Err(Nothing::Function(function, Arc::new(error))), ledger)
            }
        }
    }

    /// A function that fails for every visitor is told of ever more seldom.
    fn note(&self, error: &FunctionError) {
        let failures = self.tally.failed();
        if failures.is_power_of_two() {
            let function = &*self.invocation.function;
            tracing::warn!(function, failures, reason = error.word(), "a function failed: {error}");
        }
    }

    fn say(&self, Line { level, text }: &Line) {
        let function = &*self.invocation.function;
        match &**level {
            "error" => tracing::error!(function, "{text}"),
            "warn" => tracing::warn!(function, "{text}"),
            "debug" => tracing::debug!(function, "{text}"),
            _ => tracing::info!(function, "{text}"),
        }
    }
}

/// Text with holes where the nonce goes.
fn pieces(html: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, text) in html.split(nonce_mark()).enumerate() {
        pieces.extend((at > 0).then_some(Piece::Nonce));
        pieces.extend((!text.is_empty()).then(|| Piece::Text(Bytes::copy_from_slice(text.as_bytes()))));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_a_hole() {
        let text = |text: &'static str| Piece::Text(Bytes::from_static(text.as_bytes()));
        let html = format!("<script nonce=\"{0}\">{0}", nonce_mark());
        assert_eq!(pieces(&html), [text("<script nonce=\""), Piece::Nonce, text("\">"), Piece::Nonce]);
        assert_eq!(pieces(""), []);
    }
}
