//! A slot that can't be filled at once: the walk is done, what it needs is brought, and it is done again.
//!
//! In: a walk that stands still. Out: what the content came to, later. It must not judge how long that may take: whoever
//! waits knows its deadline.

use std::sync::Arc;
use std::time::Instant;

use crate::content::calls::Turn;
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
        // Calls under these keys were made by others and gave nothing that fits here.
        let mut waited_for = Vec::new();
        loop {
            // Held until what was made has been kept.
            let mut making = None;
            match need {
                Need::Answers(questions) => scope.bring(&questions).await,
                Need::Run(errand, key) => {
                    let key = key.filter(|key| !waited_for.contains(key));
                    match key.map(|key| library.lasting.calls().turn(key)) {
                        Some(Turn::Theirs(theirs)) => {
                            let over = theirs.over().await;
                            waited_for.extend(key.filter(|_| over));
                        }
                        turn => {
                            making = turn;
                            progress.ran = Some(library.lasting.engine.run(errand).await);
                        }
                    }
                }
            }
            let walk = Walk { library: &library, scope: &scope, escape, progress: &mut progress, passed: 0 };
            match walk.fill(&content) {
                Ok(outcome) => {
                    making.into_iter().for_each(Turn::done);
                    return progress.filled(outcome, started.elapsed());
                }
                Err(next) => need = next,
            }
            making.into_iter().for_each(Turn::done);
        }
    }
}
