//! What templates touch: facades that turn every access into a question.
//!
//! In: a [`Reader`]. Out: minijinja values. They hold no data, so there is no way of looking at them that goes unrecorded;
//! even their `Debug` form shows the path only. It must not answer anything itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

use super::super::{Answer, Key, Question, Seen, is_nonce};
use super::SCOPE_NAMES;
use super::pending::{self, Pending, is_pending};
use super::render::Render;

/// The names of the scope, as the context of a render.
#[derive(Clone)]
pub(super) struct Names(Arc<Render>);

impl Names {
    pub fn new(render: Arc<Render>) -> Self {
        Self(render)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scope")
    }
}

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        SCOPE_NAMES.contains(&name).then(|| look_up(&self.0, Arc::new([Key::from(name)])))?
    }
}

/// A map or list of the scope.
struct Tracked {
    render: Arc<Render>,
    path: Arc<[Key]>,
    repr: ObjectRepr,
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Question::Get(self.path.clone()))
    }
}

fn look_up(render: &Arc<Render>, path: Arc<[Key]>) -> Option<Value> {
    if is_nonce(&path) {
        return Nonce::if_there(render);
    }
    let answer = render.reader.ask(Question::Get(path.clone()));
    facade(render, path, answer)
}

/// The value that stands for an answer: absent is `None`, scalars are themselves.
fn facade(render: &Arc<Render>, path: Arc<[Key]>, answer: Answer) -> Option<Value> {
    let repr = match answer.seen {
        Seen::Absent | Seen::Keys(_) | Seen::Refused(_) => return None,
        Seen::Awaited(_) => return Some(Pending::value(render)),
        Seen::Scalar(value) => return Some(value),
        Seen::List => ObjectRepr::Seq,
        Seen::Map => ObjectRepr::Map,
    };
    Some(Value::from_object(Tracked { render: render.clone(), path, repr }))
}

impl Tracked {
    fn below(&self, key: &str) -> Arc<[Key]> {
        self.path.iter().cloned().chain([Key::from(key)]).collect()
    }

    fn keys(&self) -> Arc<[Key]> {
        match self.render.reader.ask(Question::Keys(self.path.clone())).seen {
            Seen::Keys(keys) => keys,
            _ => Arc::new([]),
        }
    }

    fn is_now(&self) -> bool {
        matches!(&*self.path, [name] if **name == *"now")
    }

    /// Asks the method `name`, or the value itself if it is empty.
    fn ask_call(&self, name: &str, args: &[Value]) -> Result<Value, Error> {
        let arguments = json_arguments(args)?;
        let path = if name.is_empty() { self.path.clone() } else { self.below(name) };
        if pending::holds_back(&self.render, &path, &arguments) {
            return Ok(Pending::value(&self.render));
        }
        let answer = self.render.reader.ask(Question::Call(path.clone(), arguments.as_str().into()));
        if let Seen::Refused(message) = &answer.seen {
            return Err(Error::new(ErrorKind::InvalidOperation, message.to_string()));
        }
        let (last, above) = path.split_last().expect("invariant: a path has at least the scope's name");
        let called = above.iter().cloned().chain([Key::from(format!("{last}{arguments}"))]).collect();
        Ok(facade(&self.render, called, answer).unwrap_or(Value::UNDEFINED))
    }
}

impl Object for Tracked {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.repr
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.is_integer()) {
            (Some(key), _) => self.get_value_by_str(key),
            (None, true) => self.get_value_by_str(&key.to_string()),
            (None, false) => is_pending(key).then(|| key.clone()),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        look_up(&self.render, self.below(key))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.keys();
        match self.repr {
            ObjectRepr::Seq => Enumerator::Seq(keys.len()),
            _ => Enumerator::Values(keys.iter().map(|key| Value::from(&**key)).collect()),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.keys().len())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.keys().is_empty()
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.ask_call("", args)
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.ask_call(method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_now() {
            return match self.get_value_by_str("iso") {
                Some(iso) => write!(f, "{iso}"),
                None => Ok(()),
            };
        }
        let items = self.keys().iter().map(|key| (key.to_string(), self.get_value_by_str(key))).collect::<Vec<_>>();
        let items = items.into_iter().map(|(key, value)| (key, value.unwrap_or(Value::UNDEFINED)));
        match self.repr {
            ObjectRepr::Seq => f.debug_list().entries(items.map(|(_, value)| value)).finish(),
            _ => f.debug_map().entries(items).finish(),
        }
    }
}

/// `[[positional…], {named…}]`, as [`Question::Call`] says.
fn json_arguments(args: &[Value]) -> Result<String, Error> {
    let (positional, named): (&[Value], minijinja::value::Kwargs) = minijinja::value::from_args(args)?;
    let mut pairs = std::collections::BTreeMap::new();
    for name in named.args() {
        pairs.insert(name.to_owned(), named.get::<Value>(name)?);
    }
    for value in positional.iter().chain(pairs.values()) {
        super::weight::weigh(value)?;
    }
    serde_json::to_string(&(positional, pairs)).map_err(|error| {
        Error::new(ErrorKind::BadSerialization, "these arguments have no JSON form").with_source(error)
    })
}

/// The page's CSP nonce: printed it leaves a hole, so that the result fits every response; any other use reads it.
pub(super) struct Nonce(Arc<Render>);

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("csp.nonce")
    }
}

impl Nonce {
    /// Whether the page has one is read as a key of `csp`: its value is not looked at. A page without one has an empty one, so
    /// that `<script nonce="{{ csp.nonce }}">` is laid in there too.
    fn if_there(render: &Arc<Render>) -> Option<Value> {
        let seen = render.reader.ask(Question::Keys(Arc::new([Key::from("csp")]))).seen;
        let Seen::Keys(keys) = seen else { return None };
        Some(match keys.iter().any(|key| **key == *"nonce") {
            true => Value::from_object(Self(render.clone())),
            false => Value::from(""),
        })
    }

    /// Notes that it was printed as a hole; `false` if this render has none.
    pub fn print_hole(&self) -> bool {
        let Some(printed) = &self.0.holes else { return false };
        printed.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Its value, read and recorded.
    pub fn read(&self) -> Value {
        match self.0.reader.ask(Question::Get(Arc::new([Key::from("csp"), Key::from("nonce")]))).seen {
            Seen::Scalar(value) => value,
            _ => Value::UNDEFINED,
        }
    }
}

impl Object for Nonce {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.read())
    }
}

/// What is compared or transformed when `value` is used as text or number: the nonce's and the moment's text.
pub(super) fn plain(value: &Value) -> Value {
    pending::note_use(value);
    if let Some(nonce) = value.downcast_object_ref::<Nonce>() {
        return nonce.read();
    }
    match value.downcast_object_ref::<Tracked>() {
        Some(tracked) if tracked.is_now() => Value::from(value.to_string()),
        _ => value.clone(),
    }
}

/// Whether this is the nonce, not yet read.
pub(super) fn is_nonce_hole(value: &Value) -> bool {
    value.downcast_object_ref::<Nonce>().is_some()
}

/// Whether this is `now`, the present itself.
pub(super) fn is_now(value: &Value) -> bool {
    value.downcast_object_ref::<Tracked>().is_some_and(Tracked::is_now)
}

/// Whether this is a map or list of the scope, not one that the template made.
pub(super) fn is_tracked(value: &Value) -> bool {
    value.downcast_object_ref::<Tracked>().is_some()
}
