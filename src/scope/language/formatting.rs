//! The filters and `t` for code that is no template: called one by one, by name.
//!
//! In: a filter's name and what it is given, as JSON. Out: what the same filter makes in a template, read through the same ledger. It must
//! not know which code asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State};
use serde_json::Value as Json;

use super::messages::Messages;
use super::objects::Names;
use super::render::Render;
use super::weight::is_unknown;
use super::{builder, offers};
use crate::limits;
use crate::scope::ledger::{Fingerprint, Reader};

/// What a filter made.
#[derive(Clone, Debug, PartialEq)]
pub enum Formatted {
    /// Nothing, because it was given nothing.
    Nothing,
    /// HTML that needs no escaping.
    Html(String),
    Plain(Json),
}

/// The filters and what `t` says. Immutable.
pub struct Formatting {
    environment: Environment<'static>,
    identity: Option<Fingerprint>,
}

/// The template in whose place filters are called.
const NOWHERE: &str = "nowhere";

impl Default for Formatting {
    fn default() -> Self {
        Self::new(&Arc::default())
    }
}

impl fmt::Debug for Formatting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Formatting").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Formatting {
    /// The filters, with what `t` says.
    pub fn new(messages: &Arc<Messages>) -> Self {
        let mut environment = builder::environment(AutoEscape::None, messages);
        environment.add_template(NOWHERE, "").expect("invariant: an empty template compiles");
        Self { environment, identity: messages.identity() }
    }

    /// The names of the filters.
    pub fn names() -> impl Iterator<Item = &'static str> {
        offers::all().map(|offer| offer.name)
    }

    /// Tells what is said from what was said before it was changed.
    pub fn identity(&self) -> Option<Fingerprint> {
        self.identity
    }

    /// Calls a filter: `arguments` is JSON, `[[value, positional…], {named…}]`.
    ///
    /// # Errors
    /// Why it was refused, in words for the author.
    pub fn filter(&self, name: &str, arguments: &str, reader: &Reader) -> Result<Formatted, String> {
        self.run(arguments, reader, |state, values| match offers::named(name) {
            Some(_) => state.apply_filter(name, values),
            None => Err(Error::new(ErrorKind::UnknownFilter, format!("there is no `{name}`"))),
        })
    }

    /// What `t` says: `arguments` is JSON, `[[key], {named…}]`.
    ///
    /// # Errors
    /// Why it was refused, in words for the author.
    pub fn translation(&self, arguments: &str, reader: &Reader) -> Result<Formatted, String> {
        self.run(arguments, reader, |state, values| match state.lookup("t") {
            Some(t) => t.call(state, values),
            None => {
                let what = "nothing is said in any language yet: put messages into `rules/locales/en.ftl`";
                Err(Error::new(ErrorKind::UnknownFunction, what))
            }
        })
    }

    fn run(
        &self,
        arguments: &str,
        reader: &Reader,
        call: impl FnOnce(&mut State<'_, '_>, &[Value]) -> Result<Value, Error>,
    ) -> Result<Formatted, String> {
        if arguments.len() > limits::FORMAT_BYTES {
            return Err(format!("more than {} bytes were given", limits::FORMAT_BYTES));
        }
        let (positional, named): (Vec<Json>, BTreeMap<String, Json>) =
            serde_json::from_str(arguments).map_err(|error| error.to_string())?;
        let mut values: Vec<Value> = positional.iter().map(|value| Value::from(Serde(value))).collect();
        values.iter().try_for_each(super::weight::weigh).map_err(|error| in_words(&error))?;
        if !named.is_empty() {
            let named = named.iter().map(|(name, value)| (name.as_str(), Value::from(Serde(value))));
            values.push(Kwargs::from_iter(named).into());
        }
        let render = Arc::new(Render { reader: reader.clone(), holes: None, in_doubt: AtomicBool::new(false) });
        let nowhere = self.environment.get_template(NOWHERE).expect("invariant: it was added above");
        let made = nowhere
            .render_captured_to(Value::from_object(Names::new(render)), std::io::sink())
            .and_then(|mut place| place.with_state_mut(|state| call(state, &values)));
        made.and_then(|made| told(&made)).map_err(|error| in_words(&error))
    }
}

fn told(made: &Value) -> Result<Formatted, Error> {
    if is_unknown(made) {
        return Ok(Formatted::Nothing);
    }
    if let Some(html) = made.as_str().filter(|_| made.is_safe()) {
        return Ok(Formatted::Html(html.to_owned()));
    }
    super::weight::weigh(made)?;
    let plain = serde_json::to_value(made);
    plain.map(Formatted::Plain).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// The innermost reason.
fn in_words(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}
