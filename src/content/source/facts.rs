//! `sources` in code: `sources.NAME(param=…)`, and whatever is looked up in the answer.
//!
//! In: the sources of a revision. Out: facts of one exchange: an answer that was read stays the same to its end. It must not
//! wait; what is missing is brought by whoever runs the code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use http::HeaderMap;

use super::ask::{Ask, AskError};
use super::failure::SourceError;
use super::running::{Known, Landed, State};
use super::sources::Sources;
use super::witness::{Became, Witness};
use crate::http::cookies::remove_cookie;
use crate::scope::values::Tree;
use crate::scope::{Answer, Facts, Key, Opened, Opening, Question, Seen};
use crate::visitor::facts::RequestFacts;

/// The sources as one exchange sees them.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    sources: Sources,
    /// Of its fields some may go on to sources.
    request: Arc<RequestFacts>,
    /// By the call as it stands in paths: `weather[[],{"city":"Gent"}]`.
    held: Arc<Mutex<HashMap<Key, Held>>>,
    /// Calls whose bodies are laid in.
    opened: Arc<Mutex<HashMap<Key, Opening>>>,
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
    pub fn new(sources: Sources, request: Arc<RequestFacts>) -> Self {
        Self { sources, request, held: Arc::default(), opened: Arc::default(), witness: None }
    }

    /// The same, seen by a witness.
    pub fn seen_by(self, witness: Option<Witness>) -> Self {
        Self { witness, ..self }
    }

    /// The question to a source, with what of the visitor's request goes on to it: never our own cookie.
    fn ask(&self, name: &str, arguments: &str) -> Result<Ask, AskError> {
        if !self.sources.forwards(name) {
            return self.sources.ask(name, arguments, &HeaderMap::new());
        }
        let mut fields = self.request.head.headers.clone();
        remove_cookie(&mut fields, &self.request.expose.own_cookie);
        self.sources.ask(name, arguments, &fields)
    }

    /// What a call gives, as far as that is known; the question if it is not.
    fn called(&self, name: &Key, arguments: &str) -> Result<Held, Question> {
        let key: Key = format!("{name}{arguments}").into();
        if let Some(held) = self.held().get(&key) {
            return Ok(held.clone());
        }
        let held = match self.ask(name, arguments) {
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

    fn begin(&self, name: &Key, arguments: &str) -> Opening {
        let (name, of_visitor) = (name.clone(), self.sources.forwards(name));
        let coming = match self.ask(&name, arguments) {
            Err(error) => return std::future::ready(Err(error.to_string().into())).boxed().shared(),
            Ok(ask) => self.sources.open(&ask),
        };
        let witness = self.witness.clone().map(|witness| (witness.asked(&name, arguments), witness));
        let became = move |state, until, failed| {
            if let Some((place, witness)) = witness {
                witness.became(place, Became { at: Instant::now(), state, until, failed, call: None });
            }
        };
        let opened = move |opened: Result<super::opening::Opened, Arc<SourceError>>| match opened {
            Ok(super::opening::Opened { flow, until }) => {
                became(Some(State::Called), Some(until), None);
                let answer = Answer { until: Some(until), of_visitor, ..Answer::scalar("HTML") };
                Ok(Opened { flow, answer })
            }
            Err(error) => {
                let why = error.told(&name);
                became(None, None, Some(why.clone()));
                Err(why.into())
            }
        };
        coming.map(opened).boxed().shared()
    }

    /// What the code reads below a call.
    fn below(&self, path: &[Key], read: impl FnOnce(&Tree, &[Key]) -> Answer) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::map() };
        match self.held().get(call).cloned() {
            Some(Held::Known(known)) => {
                let name = call.split('[').next().unwrap_or_default();
                self.answer(name, &known, |tree| read(tree, below))
            }
            Some(Held::Failed(_)) | None => Answer::absent(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer out of what a source said. It depends on who asks as far as something of the request went on to it; its arguments
    /// were read themselves.
    fn answer(&self, name: &str, known: &Known, read: impl FnOnce(&Tree) -> Answer) -> Answer {
        let of_visitor = self.sources.forwards(name);
        Answer { until: Some(known.until), of_visitor, ..read(&Tree::shared(known.value.clone())) }
    }

    /// Asks for one call and holds what comes.
    async fn bring_one(self, key: Key, ask: Ask) {
        // Another condition of the same exchange may have asked, and been told, meanwhile.
        if self.held().contains_key(&key) {
            return;
        }
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
            Ok(Held::Known(known)) => Ok(self.answer(name, &known, |tree| tree.get(&[]))),
            Ok(Held::Failed(why)) => Err(why.to_string()),
            Err(question) => Ok(Answer::fixed(Seen::Awaited(Arc::new([question])))),
        })
    }

    /// The body of what a call gives; the same for the whole exchange.
    fn open(&self, path: &[Key], arguments: &str) -> Option<Opening> {
        let [name] = path else { return None };
        let key: Key = format!("{name}{arguments}").into();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        Some(opened.entry(key).or_insert_with(|| self.begin(name, arguments)).clone())
    }

    /// All at once, but for those that must not be asked in vain: the first of them is asked when nothing else is missing.
    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let asks = missing.iter().filter_map(|question| {
            let Question::Call(path, arguments) = question else { return None };
            let name = path.get(1)?;
            let ask = self.ask(name, arguments).ok()?;
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
