//! A slot that can't be filled at once: the walk is done, what it needs is brought, and it is done again.
//!
//! In: a walk that stands still. Out: what the content came to, later. It must not judge how long that may take: whoever
//! waits knows its deadline.

use std::sync::Arc;
use std::time::Instant;

use crate::content::library::Library;
use crate::content::walk::{Need, Progress, Walk};
use crate::content::{Content, Filled};
use crate::scope::Scope;
use crate::scope::language::Escape;

/// What filling one slot takes.
pub(super) struct Filling {
    pub library: Arc<Library>,
    pub content: Content,
    pub scope: Scope,
    pub escape: Escape,
}

impl Filling {
    /// Goes on from a walk that stood still for `need`. Bounds on rounds and on what a function may use end it.
    pub async fn finish(self, mut progress: Progress, mut need: Need, started: Instant) -> Filled {
        let Self { library, content, scope, escape } = self;
        loop {
            match need {
                Need::Answers(questions) => scope.bring(&questions).await,
                Need::Body(opening) => progress.opened = Some(opening.await),
                Need::Run(errand) => progress.ran = Some(library.lasting.engine.run(errand).await),
            }
            let walk = Walk { library: &library, scope: &scope, escape, progress: &mut progress, passed: 0 };
            match walk.fill(&content) {
                Ok(outcome) => return progress.filled(outcome, started.elapsed()),
                Err(next) => need = next,
            }
        }
    }
}
