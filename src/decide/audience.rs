//! Audiences: named conditions, and lists of those who were put there; evaluated when read, once per exchange.
//!
//! In: the language and the scope that they see. Out: `audiences.NAME` as facts; who was in is counted. It must not know where an
//! answer is used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::lists::LISTS;
use crate::profile::Name;
use crate::scope::condition::Condition;
use crate::scope::language::{Language, RenderError};
use crate::scope::ledger::{Bounds, Reader};
use crate::scope::{Answer, Facts, Key, Question, Scope, Seen};
use crate::telemetry::Census;

/// What makes somebody a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// That this holds.
    When(Condition),
    /// That they are on this list.
    List(Name),
}

impl Audience {
    /// The definition in words, for explanations.
    pub fn source(&self) -> Arc<str> {
        match self {
            Self::When(condition) => condition.source.clone(),
            Self::List(_) => "list: true".into(),
        }
    }

    /// Whether who reads the world so is a member.
    ///
    /// # Errors
    /// As for [`Language::holds`].
    pub fn holds(&self, language: &Language, reader: &Reader) -> Result<bool, RenderError> {
        match self {
            Self::When(condition) => language.holds(&condition.name, reader),
            Self::List(list) => {
                let path: Arc<[Key]> = [LISTS, list.text()].map(Key::from).into();
                let answer = reader.ask(Question::Get(path));
                Ok(matches!(answer.seen, Seen::Scalar(is_on) if is_on.is_true()))
            }
        }
    }
}

/// The definitions, of one revision.
pub type Audiences = BTreeMap<Arc<str>, Audience>;

/// The audiences of one exchange. An audience that fails to evaluate holds for nobody.
pub struct AudienceFacts {
    language: Arc<Language>,
    definitions: Arc<Audiences>,
    /// What conditions see; `audiences` there is this very value, so that audiences may be made of audiences.
    scope: Scope,
    /// Of those that were asked about: of many audiences a page asks about few.
    answers: Mutex<Answers>,
    /// Where it is counted that the visitor is in; nowhere for who is not to be counted.
    census: Option<Census>,
}

type Answers = BTreeMap<Arc<str>, Member>;

/// Whether the visitor is in an audience, and what that rests on.
#[derive(Clone, Copy, Debug)]
struct Member {
    inside: bool,
    bounds: Bounds,
}

/// The audiences as seen by their own conditions.
#[derive(Debug)]
struct Others(Weak<AudienceFacts>);

impl fmt::Debug for AudienceFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudienceFacts").field("answers", &self.answers).finish_non_exhaustive()
    }
}

impl AudienceFacts {
    /// The audiences as seen from `scope`. Definitions that go round in a circle must have been refused before: here
    /// they would wait for themselves.
    pub fn new(
        language: Arc<Language>,
        definitions: Arc<Audiences>,
        scope: Scope,
        census: Option<Census>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| {
            let scope = scope.with("audiences", Arc::new(Others(this.clone())));
            Self { language, definitions, scope, answers: Mutex::default(), census }
        })
    }

    /// Settles some audiences beforehand: their conditions are not asked.
    pub fn suppose<'a>(&self, audiences: impl IntoIterator<Item = (&'a String, &'a bool)>) {
        for (name, inside) in audiences {
            if let Some((name, _)) = self.definitions.get_key_value(name.as_str()) {
                self.settle(name, Member { inside: *inside, bounds: Bounds::default() });
            }
        }
    }

    /// Whether the visitor is in an audience that is defined.
    ///
    /// # Errors
    /// What must be known first, which is not yet.
    fn member(&self, name: &str) -> Option<Result<Member, Arc<[Question]>>> {
        let (name, definition) = self.definitions.get_key_value(name)?;
        let answered = self.answers().get(name).copied();
        // Evaluated without the lock, because it may ask about other audiences.
        Some(answered.map_or_else(|| self.find_out(name, definition), Ok))
    }

    fn find_out(&self, name: &Arc<str>, definition: &Audience) -> Result<Member, Arc<[Question]>> {
        let member = self.settle(name, self.evaluate(name, definition)?);
        if let Some(census) = self.census.as_ref().filter(|_| member.inside) {
            census.count(name);
        }
        Ok(member)
    }

    /// Whoever is first says it for the whole exchange.
    fn settle(&self, name: &Arc<str>, member: Member) -> Member {
        *self.answers().entry(name.clone()).or_insert(member)
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evaluate(&self, name: &str, definition: &Audience) -> Result<Member, Arc<[Question]>> {
        let reader = Reader::new(self.scope.clone());
        let inside = definition.holds(&self.language, &reader);
        let ledger = reader.take();
        if !ledger.missing().is_empty() {
            return Err(ledger.missing().into());
        }
        let inside = inside.unwrap_or_else(|error| {
            tracing::warn!(audience = name, %error, "an audience could not be evaluated and holds for nobody");
            false
        });
        Ok(Member { inside, bounds: ledger.bounds() })
    }
}

impl Facts for AudienceFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let [name] = path else {
            return if path.is_empty() { Answer::map() } else { Answer::absent() };
        };
        match self.member(name) {
            None => Answer::absent(),
            Some(Err(missing)) => Answer::fixed(Seen::Awaited(missing)),
            Some(Ok(member)) => Answer {
                seen: Seen::Scalar(member.inside.into()),
                until: member.bounds.until,
                of_visitor: member.bounds.of_visitor,
                // An audience by chance is settled for this exchange, but what is made of it must not outlive it.
                storable: member.bounds.storable,
            },
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::keys(self.definitions.keys().cloned()),
            _ => Answer::absent(),
        }
    }
}

impl Facts for Others {
    fn get(&self, path: &[Key]) -> Answer {
        self.0.upgrade().map_or_else(Answer::absent, |audiences| audiences.get(path))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.0.upgrade().map_or_else(Answer::absent, |audiences| audiences.keys(path))
    }
}
