//! `sources` in code: `sources.NAME(param=…)`, and whatever is looked up in the answer.
//!
//! In: the sources of a revision. Out: facts of one exchange: an answer that was read stays the same to its end. It must not
//! wait; what is missing is brought by whoever runs the code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::ask::Ask;
use super::running::Known;
use super::sources::Sources;
use crate::scope::values::Tree;
use crate::scope::{Answer, Facts, Key, Question, Seen};

/// The sources as one exchange sees them.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    sources: Sources,
    /// By the call as it stands in paths: `weather[[],{"city":"Gent"}]`.
    held: Arc<Mutex<HashMap<Key, Held>>>,
}

/// What is known of one call.
#[derive(Clone, Debug)]
enum Held {
    Known(Known),
    /// Why there is nothing, in words for the author.
    Failed(Arc<str>),
}

impl SourceFacts {
    /// Nothing was read yet.
    pub fn new(sources: Sources) -> Self {
        Self { sources, held: Arc::default() }
    }

    /// What a call gives, as far as that is known; the question if it is not.
    fn called(&self, name: &Key, arguments: &str) -> Result<Held, Question> {
        let key: Key = format!("{name}{arguments}").into();
        if let Some(held) = self.held().get(&key) {
            return Ok(held.clone());
        }
        let held = match self.sources.ask(name, arguments) {
            Err(error) => Held::Failed(error.to_string().into()),
            Ok(ask) => match self.sources.peek(&ask) {
                Some(known) => Held::Known(known),
                None => {
                    let path = Arc::new([Key::from("sources"), name.clone()]);
                    return Err(Question::Call(path, arguments.into()));
                }
            },
        };
        Ok(self.hold(key, held))
    }

    /// The first word about a call counts, for the whole exchange.
    fn hold(&self, key: Key, held: Held) -> Held {
        self.held().entry(key).or_insert(held).clone()
    }

    /// What the code reads below a call.
    fn below(&self, path: &[Key], read: impl FnOnce(&Tree, &[Key]) -> Answer) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::map() };
        match self.held().get(call).cloned() {
            Some(Held::Known(known)) => answer(&known, |tree| read(tree, below)),
            Some(Held::Failed(_)) | None => Answer::absent(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for one call and holds what comes.
    async fn bring_one(self, key: Key, ask: Ask) {
        let held = match self.sources.wait(&ask).await {
            Ok(known) => Held::Known(known),
            Err(error) => Held::Failed(error.told(&ask.source).into()),
        };
        self.hold(key, held);
    }
}

/// An answer out of what a source said. It depends on who asks only as far as its arguments do, which were read themselves.
fn answer(known: &Known, read: impl FnOnce(&Tree) -> Answer) -> Answer {
    Answer { until: Some(known.until), ..read(&Tree::shared(known.value.clone())) }
}

impl Facts for SourceFacts {
    fn get(&self, path: &[Key]) -> Answer {
        self.below(path, |tree, below| tree.get(below))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.below(path, |tree, below| tree.keys(below))
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let [name] = path else { return None };
        Some(match self.called(name, arguments) {
            Ok(Held::Known(known)) => Ok(answer(&known, |tree| tree.get(&[]))),
            Ok(Held::Failed(why)) => Err(why.to_string()),
            Err(question) => Ok(Answer::fixed(Seen::Awaited(Arc::new([question])))),
        })
    }

    /// All at once, but for those that must not be asked in vain: the first of them is asked when nothing else is missing.
    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let asks = missing.iter().filter_map(|question| {
            let Question::Call(path, arguments) = question else { return None };
            let name = path.get(1)?;
            let ask = self.sources.ask(name, arguments).ok()?;
            Some((Key::from(format!("{name}{arguments}")), ask))
        });
        let (free, mut dear): (Vec<_>, Vec<_>) = asks.partition(|(_, ask)| self.sources.is_idempotent(ask));
        dear.truncate(1);
        let asked = if free.is_empty() { dear } else { free };
        let this = self.clone();
        let calls = asked.into_iter().map(move |(key, ask)| this.clone().bring_one(key, ask));
        Some(join_all(calls.collect::<Vec<_>>()).map(|_| ()).boxed())
    }
}
