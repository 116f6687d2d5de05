//! `sources` in code: `sources.NAME(param=…)`, and whatever is looked up in the answer.
//!
//! In: the sources of a revision. Out: facts of one exchange: an answer that was read stays the same to its end. It must not
//! wait; what is missing is brought by whoever runs the code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::ask::Ask;
use super::running::{Known, Landed};
use super::sources::Sources;
use super::witness::{Became, Witness};
use crate::scope::values::Tree;
use crate::scope::{Answer, Facts, Key, Question, Seen};

/// The sources as one exchange sees them.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    sources: Sources,
    /// By the call as it stands in paths: `weather[[],{"city":"Gent"}]`.
    held: Arc<Mutex<HashMap<Key, Held>>>,
    /// Where somebody wants to know what is asked.
    witness: Option<Witness>,
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
        Self { sources, held: Arc::default(), witness: None }
    }

    /// The same, seen by a witness.
    pub fn seen_by(self, witness: Option<Witness>) -> Self {
        Self { witness, ..self }
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
        self.saw(name, arguments, &held);
        Ok(self.hold(key, held))
    }

    /// Tells the witness what was known at once.
    fn saw(&self, name: &Key, arguments: &str, held: &Held) {
        let Some(witness) = &self.witness else { return };
        witness.became(witness.asked(name, arguments), Became { call: None, ..became(held) });
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
        let arguments = key.strip_prefix(&*ask.source).unwrap_or_default();
        let place = self.witness.as_ref().and_then(|witness| witness.asked(&ask.source, arguments));
        let Some(Landed { answer, failed, call }) = self.sources.wait(&ask).await else { return };
        let held = match answer {
            Ok(known) => Held::Known(known),
            Err(error) => Held::Failed(error.told(&ask.source).into()),
        };
        if let Some(witness) = &self.witness {
            let failed = failed.map(|error| error.told(&ask.source));
            witness.became(place, Became { failed, call, ..became(&held) });
        }
        self.hold(key, held);
    }
}

/// What became of a question, as far as what is held tells it.
fn became(held: &Held) -> Became {
    let at = Instant::now();
    match held {
        Held::Known(Known { state, until, .. }) => {
            Became { at, state: Some(*state), until: Some(*until), failed: None, call: None }
        }
        Held::Failed(why) => Became { at, state: None, until: None, failed: Some(why.to_string()), call: None },
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
