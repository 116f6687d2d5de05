//! Facts made of data: trees, lazily made ones, chance.
//!
//! In: JSON, closures. Out: [`Facts`] to build a [`Scope`](super::Scope) of. It must not know what the data means, only
//! whether it depends on who asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use minijinja::Value;
use serde_json::Value as Json;

use super::{Answer, Facts, Key, Question, Seen};

/// Facts that are a JSON tree, fixed for the exchange.
#[derive(Clone)]
pub struct Tree {
    json: Arc<Json>,
    of_visitor: bool,
}

/// The data itself is kept out of logs.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("of_visitor", &self.of_visitor).finish_non_exhaustive()
    }
}

impl Tree {
    /// Facts that do not depend on who asks: the site's data, a path's captures.
    pub fn shared(json: impl Into<Arc<Json>>) -> Self {
        Self { json: json.into(), of_visitor: false }
    }

    /// Facts of the one who asks: cookies, traits.
    pub fn of_visitor(json: impl Into<Arc<Json>>) -> Self {
        Self { json: json.into(), of_visitor: true }
    }

    fn answer(&self, seen: Seen) -> Answer {
        Answer { of_visitor: self.of_visitor, ..Answer::fixed(seen) }
    }
}

impl Facts for Tree {
    fn get(&self, path: &[Key]) -> Answer {
        self.answer(at(&self.json, path).map_or(Seen::Absent, shown))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.answer(at(&self.json, path).map_or(Seen::Absent, parts))
    }
}

/// What stands at a path below `json`.
pub fn at<'a>(json: &'a Json, path: &[Key]) -> Option<&'a Json> {
    path.iter().try_fold(json, |json, key| match json {
        Json::Object(map) => map.get(&**key),
        Json::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A piece of JSON as code sees it.
pub fn shown(json: &Json) -> Seen {
    match json {
        Json::Object(_) => Seen::Map,
        Json::Array(_) => Seen::List,
        Json::Null => Seen::Scalar(Value::from(())),
        Json::Bool(bool) => Seen::Scalar(Value::from(*bool)),
        Json::String(text) => Seen::Scalar(Value::from(text.as_str())),
        Json::Number(number) => Seen::Scalar(scalar_of_number(number)),
    }
}

/// The ordered keys of a map, or the indices of a list.
pub fn parts(json: &Json) -> Seen {
    match json {
        Json::Object(map) => Seen::Keys(map.keys().map(|key| Key::from(key.as_str())).collect()),
        Json::Array(list) => Seen::Keys((0..list.len()).map(|index| Key::from(index.to_string())).collect()),
        _ => Seen::Absent,
    }
}

fn scalar_of_number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(signed), _) => Value::from(signed),
        (None, Some(unsigned)) => Value::from(unsigned),
        (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Facts that are made when they are first asked for, once.
pub struct Memo {
    made: OnceLock<Arc<dyn Facts>>,
    make: Box<dyn Fn() -> Arc<dyn Facts> + Send + Sync>,
}

impl Memo {
    /// Facts that `make` will make.
    pub fn new(make: impl Fn() -> Arc<dyn Facts> + Send + Sync + 'static) -> Self {
        Self { made: OnceLock::new(), make: Box::new(make) }
    }

    fn facts(&self) -> &Arc<dyn Facts> {
        self.made.get_or_init(|| (self.make)())
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memo").field(&self.made.get()).finish()
    }
}

impl Facts for Memo {
    fn get(&self, path: &[Key]) -> Answer {
        self.facts().get(path)
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.facts().keys(path)
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        self.facts().call(path, arguments)
    }

    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        self.facts().bring(missing)
    }
}

/// A number from 0 to below 1, the same throughout one exchange, as `random`. What was made from it is never kept.
#[derive(Clone, Debug, Default)]
pub struct Random(OnceLock<f64>);

impl Random {
    /// A new number, drawn when it is first asked for: most exchanges never ask, and asking the system takes a while.
    pub fn new() -> Self {
        Self::default()
    }

    /// This number, for tests and previews. From 0 to below 1.
    pub fn fixed(number: f64) -> Self {
        Self(number.into())
    }

    fn draw() -> f64 {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("invariant: the operating system has random bytes");
        // 53 bits are what an f64 holds between 0 and 1.
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Facts for Random {
    fn get(&self, path: &[Key]) -> Answer {
        match path {
            [] => {
                Answer { storable: false, ..Answer::fixed(Seen::Scalar(Value::from(*self.0.get_or_init(Self::draw)))) }
            }
            _ => Answer::fixed(Seen::Absent),
        }
    }

    fn keys(&self, _: &[Key]) -> Answer {
        Answer::fixed(Seen::Absent)
    }
}
