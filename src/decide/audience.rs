//! Audiences: named conditions, evaluated when read, once per exchange.
//!
//! In: the language and the scope that they see. Out: `audiences.NAME` as facts. It must not know where an answer is used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use crate::scope::condition::Condition;
use crate::scope::language::Language;
use crate::scope::ledger::{Bounds, Reader};
use crate::scope::{Answer, Facts, Key, Question, Scope, Seen};

/// The definitions, of one revision.
pub type Audiences = BTreeMap<Arc<str>, Condition>;

/// The audiences of one exchange. An audience that fails to evaluate holds for nobody.
pub struct AudienceFacts {
    language: Arc<Language>,
    definitions: Arc<Audiences>,
    /// What conditions see; `audiences` there is this very value, so that audiences may be made of audiences.
    scope: Scope,
    answers: BTreeMap<Arc<str>, OnceLock<Member>>,
}

/// Whether the visitor is in an audience, and what that rests on.
#[derive(Clone, Debug)]
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
    pub fn new(language: Arc<Language>, definitions: Arc<Audiences>, scope: Scope) -> Arc<Self> {
        let answers = definitions.keys().map(|name| (name.clone(), OnceLock::new())).collect();
        Arc::new_cyclic(|this| {
            let scope = scope.with("audiences", Arc::new(Others(this.clone())));
            Self { language, definitions, scope, answers }
        })
    }

    /// Settles some audiences beforehand: their conditions are not asked.
    pub fn suppose<'a>(&self, audiences: impl IntoIterator<Item = (&'a String, &'a bool)>) {
        for (name, inside) in audiences {
            if let Some(answer) = self.answers.get(name.as_str()) {
                answer.get_or_init(|| Member { inside: *inside, bounds: Bounds::default() });
            }
        }
    }

    /// Whether the visitor is in an audience that is defined.
    ///
    /// # Errors
    /// What must be known first, which is not yet.
    fn member(&self, name: &str) -> Option<Result<&Member, Arc<[Question]>>> {
        let definition = self.definitions.get(name)?;
        let answer = self.answers.get(name)?;
        if answer.get().is_some() {
            return answer.get().map(Ok);
        }
        Some(self.evaluate(name, definition).map(|member| answer.get_or_init(|| member)))
    }

    fn evaluate(&self, name: &str, definition: &Condition) -> Result<Member, Arc<[Question]>> {
        let reader = Reader::new(self.scope.clone());
        let inside = self.language.holds(&definition.name, &reader);
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
