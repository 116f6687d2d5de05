//! Templates as content: rendered, or found in the cache.
//!
//! In: a template's name and the scope. Out: what it printed, with the ledger of what it read. It must not judge the result:
//! blank or failed is the fallback chain's matter.

use std::sync::Arc;

use crate::content::cache::{Cache, Found, Kept};
use crate::content::tally::Tally;
use crate::content::{Beside, How};
use crate::scope::language::{Escape, Language, RenderError, Rendered, Unit};
use crate::scope::ledger::{Fingerprint, Ledger, Reader};
use crate::scope::{Question, Scope};

/// What came of a template, with the ledger of what was read for it.
pub(super) type Made = (Result<Printed, RenderError>, Ledger);

/// What a template printed.
pub(super) struct Printed {
    pub rendered: Arc<Rendered>,
    pub how: How,
    /// Of a result that was found.
    pub beside: Option<Beside>,
}

/// A template with what it is made from.
pub(super) struct Making<'m> {
    pub language: &'m Language,
    pub cache: &'m Cache,
    pub template: &'m str,
    pub scope: &'m Scope,
    pub escape: Escape,
    pub tally: &'m Tally,
}

/// What must be known before it can be made.
#[derive(Debug)]
pub(super) struct Missing(pub Arc<[Question]>);

impl Making<'_> {
    /// Renders the template for the scope, unless the cache has what it would print. The ledger is written in either case.
    ///
    /// # Errors
    /// [`Missing`]: it is to be made again once that has been brought. Nothing of this round counts.
    pub(super) fn make(&self) -> Result<Made, Missing> {
        let Some(identity) = self.language.identity(self.template) else {
            return Ok((Err(RenderError::Missing(Unit::Template(self.template.into()))), Ledger::new()));
        };
        let code = Fingerprint::of((identity, self.escape));
        let mut missing = match self.cache.find(code, self.scope) {
            Found::Hit(kept, ledger) => return Ok(self.hit(kept, ledger)),
            Found::Never => return self.render(code),
            Found::Awaited(questions) => return Err(Missing(questions)),
            Found::Missing(key) => key,
        };
        loop {
            let _making = self.cache.make_under(missing);
            missing = match self.cache.find(code, self.scope) {
                Found::Hit(kept, ledger) => return Ok(self.hit(kept, ledger)),
                Found::Awaited(questions) => return Err(Missing(questions)),
                Found::Missing(key) if key != missing => key,
                Found::Missing(_) | Found::Never => return self.render(code),
            };
        }
    }

    fn hit(&self, Kept { rendered, beside }: Kept, ledger: Ledger) -> Made {
        self.tally.hit();
        (Ok(Printed { rendered, how: How::Hit, beside: Some(beside) }), ledger)
    }

    fn render(&self, code: Fingerprint) -> Result<Made, Missing> {
        let reader = Reader::new(self.scope.clone());
        let rendered = self.language.render(self.template, &reader, self.escape);
        let ledger = reader.take();
        if !ledger.missing().is_empty() {
            return Err(Missing(ledger.missing().into()));
        }
        let rendered = rendered.map(Arc::new);
        if !self.scope.is_fleeting() {
            self.cache.keep(code, &ledger, rendered.as_ref().ok().cloned());
        }
        match &rendered {
            Ok(_) => self.tally.rendered(&ledger),
            Err(_) => drop(self.tally.failed()),
        }
        Ok((rendered.map(|rendered| Printed { rendered, how: How::Rendered, beside: None }), ledger))
    }
}
