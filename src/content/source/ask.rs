//! One question to a source: its name, and its arguments as they are in every spelling of the same call.
//!
//! In: a call's arguments as code wrote them. Out: an [`Ask`], equal for equal questions. It must not ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};

use super::definition::Definition;
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// The arguments of a call, by the source's parameters.
pub type Arguments = BTreeMap<String, Json>;

/// Fields of a visitor's request that go on to a source.
pub type Forwarded = Arc<[(HeaderName, HeaderValue)]>;

/// One question to a source.
#[derive(Clone, PartialEq)]
pub struct Ask {
    pub source: Arc<str>,
    pub arguments: Arc<Arguments>,
    pub forwarded: Forwarded,
    /// Of all of it: equal questions have equal keys.
    pub key: Fingerprint,
}

/// What is forwarded may be a secret.
impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("source", &self.source).field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// Why a call is none; in words for the author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("there is no source `{0}`")]
    NoSource(String),
    #[error("a source is called with values: `sources.{0}({1}=…)`")]
    Unreadable(Arc<str>, String),
    #[error("source `{0}` has no param `{1}`")]
    NoParam(Arc<str>, String),
    #[error("source `{0}` takes {1} values, and more were given")]
    TooMany(Arc<str>, usize),
    #[error("`{1}` of source `{0}` is given twice")]
    Twice(Arc<str>, String),
    #[error("source `{0}` needs `{1}`, which is unknown")]
    Missing(Arc<str>, Arc<str>),
    #[error("what source `{0}` is asked with is too long")]
    TooLong(Arc<str>),
}

impl Ask {
    /// The question that `arguments` put: JSON, `[[positional…], {named…}]`. Positional ones count in the order of the params.
    /// `fields` are those of the visitor's request, of which the definition names those that go on.
    ///
    /// # Errors
    /// [`AskError`]. An argument that is missing or null is an error too: a URL with a hole in it asks for something else.
    pub fn of(definition: &Definition, arguments: &str, fields: &HeaderMap) -> Result<Self, AskError> {
        let name = || definition.name.clone();
        if arguments.len() > limits::SOURCE_ARGUMENT_BYTES {
            return Err(AskError::TooLong(name()));
        }
        let parsed: Result<(Vec<Json>, Map<String, Json>), _> = serde_json::from_str(arguments);
        let first = || definition.params.first().map(ToString::to_string).unwrap_or_default();
        let (positional, named) = parsed.map_err(|_| AskError::Unreadable(name(), first()))?;
        if positional.len() > definition.params.len() {
            return Err(AskError::TooMany(name(), definition.params.len()));
        }
        let mut given: Arguments = definition.params.iter().map(ToString::to_string).zip(positional).collect();
        for (param, value) in named {
            if !definition.params.iter().any(|known| **known == *param) {
                return Err(AskError::NoParam(name(), param));
            }
            if given.insert(param.clone(), value).is_some() {
                return Err(AskError::Twice(name(), param));
            }
        }
        let missing = |param: &&Arc<str>| given.get(&***param).is_none_or(Json::is_null);
        match definition.params.iter().find(missing) {
            Some(param) => Err(AskError::Missing(name(), param.clone())),
            None => Ok(Self::new(name(), given, forwarded(definition, fields))),
        }
    }

    /// A question whose arguments are in order.
    pub fn new(source: Arc<str>, arguments: Arguments, forwarded: Forwarded) -> Self {
        let fields: Vec<_> = forwarded.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let key = Fingerprint::of((&*source, text(&arguments), fields));
        Self { source, arguments: Arc::new(arguments), forwarded, key }
    }
}

/// The fields that go on, in the order in which they are named.
fn forwarded(definition: &Definition, fields: &HeaderMap) -> Forwarded {
    let lines = |name: &HeaderName| {
        let name = name.clone();
        fields.get_all(&name).into_iter().cloned().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
    };
    definition.forward.iter().flat_map(lines).collect()
}

/// Arguments as one text; equal ones, equal texts.
fn text(arguments: &Arguments) -> String {
    serde_json::to_string(arguments).expect("invariant: JSON with text keys can be written")
}
