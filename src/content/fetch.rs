//! Fetched fragments: HTML of a source, laid in as it comes.
//!
//! In: which source, what it is called with, and the scope. Out: the call, with what was read to make it; the body comes through the
//! scope, which knows the source's manners. It must not read the body: that streams past.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::ready;
use serde_json::{Map, Value as Json, json};

use crate::scope::language::{Escape, Language, RenderError};
use crate::scope::ledger::Reader;
use crate::scope::{Opening, Question, Scope};

/// A source whose body is laid in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub source: Arc<str>,
    /// What it is called with: params, each with the template of its value.
    pub with: Vec<(Arc<str>, Arc<str>)>,
}

impl Fetch {
    /// The call, as a question: what its templates read is written down by `reader`. Unless all of it is known the call means nothing.
    ///
    /// # Errors
    /// [`RenderError`]: one of its templates fails; one that prints what is unknown does.
    pub(super) fn question(&self, language: &Language, reader: &Reader) -> Result<Question, RenderError> {
        let mut named = Map::new();
        for (param, template) in &self.with {
            named.insert(param.to_string(), Json::String(language.line(template, reader, Escape::Field)?));
        }
        let arguments = json!([[], named]).to_string();
        Ok(Question::Call(Arc::new([Arc::from("sources"), self.source.clone()]), arguments.into()))
    }
}

/// The body that a call gives.
pub(super) fn opening(scope: &Scope, question: &Question) -> Opening {
    let opened = match question {
        Question::Call(path, arguments) => scope.open(path, arguments),
        Question::Get(_) | Question::Keys(_) => None,
    };
    opened.unwrap_or_else(|| ready(Err("there is no such source".into())).boxed().shared())
}
