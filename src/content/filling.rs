//! A slot is filled: the walk is done, and where it stands still, what it needs is brought, and it is done again.
//!
//! In: a content and a scope. Out: what the content came to, at once or later. It must not judge how long that may take: whoever
//! waits knows its deadline.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;

use crate::content::calls::Turn;
use crate::content::library::Library;
use crate::content::walk::{Need, Progress, Walk};
use crate::content::{Attempt, Content, Filled};
use crate::scope::Scope;
use crate::scope::language::Escape;

/// What filling one slot takes.
struct Filling {
    library: Arc<Library>,
    content: Content,
    scope: Scope,
    escape: Escape,
}

impl Library {
    /// Fills a slot: the content, then its fallbacks in turn. At once if everything is at hand; it runs as long as the
    /// templates do, which fuel bounds.
    pub fn fill(self: &Arc<Self>, content: &Content, scope: &Scope, escape: Escape) -> Attempt {
        let started = Instant::now();
        let mut progress = Progress::default();
        match (Walk { library: self, scope, escape, progress: &mut progress, passed: 0 }).fill(content) {
            Ok(outcome) => Attempt::Done(progress.filled(outcome, started.elapsed())),
            Err(need) => {
                let filling = Filling { library: self.clone(), content: content.clone(), scope: scope.clone(), escape };
                Attempt::Later(filling.finish(progress, need, started).boxed())
            }
        }
    }
}

impl Filling {
    /// Goes on from a walk that stood still for `need`. Bounds on rounds and on what a function may use end it.
    async fn finish(self, mut progress: Progress, mut need: Need, started: Instant) -> Filled {
        let Self { library, content, scope, escape } = self;
        // Calls under these keys were made by others and gave nothing that fits here.
        let mut waited_for = Vec::new();
        loop {
            // Held until what was made has been kept.
            let mut making = None;
            match need {
                Need::Answers(questions) => scope.bring(&questions).await,
                Need::Body(opening) => progress.opened = Some(opening.await),
                Need::Run(errand, key) => {
                    let key = key.filter(|key| !waited_for.contains(key));
                    match key.map(|key| library.lasting.calls().turn(key)) {
                        Some(Turn::Theirs(theirs)) => {
                            let over = theirs.over().await;
                            waited_for.extend(key.filter(|_| over));
                        }
                        turn => {
                            making = turn;
                            progress.ran = Some(library.lasting.engine.run(*errand).await);
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
