//! Templates as content: rendered, or found in the cache.
//!
//! In: a template's name and the scope. Out: what it printed, with the ledger of what it read. It must not judge the result:
//! blank or failed is the fallback chain's matter.

use std::sync::Arc;

use crate::content::How;
use crate::content::cache::Cache;
use crate::content::tally::Tally;
use crate::scope::Scope;
use crate::scope::language::{Escape, Language, RenderError, Rendered, Unit};
use crate::scope::ledger::{Fingerprint, Ledger, Reader};

/// Renders `template` for the scope, unless the cache has what it would print. The ledger is written in either case.
///
/// Sources will be awaited here, in rounds: a render that lacks a value is run again once it has arrived, and only the
/// last round's result and ledger leave this function.
pub(super) fn make(
    language: &Language,
    cache: &Cache,
    template: &str,
    scope: &Scope,
    escape: Escape,
    tally: &Tally,
) -> (Result<(Arc<Rendered>, How), RenderError>, Ledger) {
    let Some(identity) = language.identity(template) else {
        return (Err(RenderError::Missing(Unit::Template(template.into()))), Ledger::new());
    };
    let code = Fingerprint::of((identity, escape));
    if let Some((rendered, ledger)) = cache.find(code, scope) {
        tally.hit();
        return (Ok((rendered, How::Hit)), ledger);
    }
    let reader = Reader::new(scope.clone());
    let rendered = language.render(template, &reader, escape);
    let ledger = reader.take();
    match rendered {
        Ok(rendered) => {
            tally.rendered(&ledger);
            let rendered = Arc::new(rendered);
            cache.keep(code, &ledger, rendered.clone());
            (Ok((rendered, How::Rendered)), ledger)
        }
        Err(error) => {
            tally.failed();
            (Err(error), ledger)
        }
    }
}
