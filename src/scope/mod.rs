//! What code may read, and the record that it read it.
//!
//! In: facts of one exchange, behind [`Facts`]. Out: answers to [`Question`]s, each of them recorded in a [`Ledger`]
//! when it is code that asks. It must not know where facts come from, nor what is done with the results.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;

/// One step of a path: a map's key or a list's index (written in decimals).
pub type Key = Arc<str>;

/// What code asked, below one of the scope's names. Everything that code can learn of the world is the answer to a question,
/// so that the ledger and the look-up in the fragment cache cannot disagree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// What stands at this path: `["request", "cookies", "tier"]`.
    Get(Arc<[Key]>),
    /// The ordered keys of the map at this path, or the length of the list.
    Keys(Arc<[Key]>),
    /// The answer of a method or function there, with these arguments as JSON text: `now.after('2026-12-01')`.
    Call(Arc<[Key]>, Arc<str>),
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Nothing; looking below it finds nothing too.
    Absent,
    /// A value without parts: none, bool, number, string.
    Scalar(Value),
    /// A list; its length is a further question.
    List,
    /// A map; its keys are a further question.
    Map,
    /// Ordered keys, the answer to [`Question::Keys`]; for a list the indices.
    Keys(Arc<[Key]>),
}

/// An answer, with what it means for whoever keeps something that was made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub seen: Seen,
    /// Until when it holds (exclusive); `None` if time does not change it.
    pub until: Option<Timestamp>,
    /// Whether it depends on who asks; answers that follow from the URL, the site or the time do not.
    pub of_visitor: bool,
    /// Whether something made from it may be kept: not so for `random` and bare `now`.
    pub storable: bool,
}

impl Answer {
    fn of(seen: Seen) -> Self {
        Self { seen, until: None, of_visitor: false, storable: true }
    }

    /// Nothing stands there.
    pub fn absent() -> Self {
        Self::of(Seen::Absent)
    }

    /// A value without parts.
    pub fn scalar(value: impl Into<Value>) -> Self {
        Self::of(Seen::Scalar(value.into()))
    }

    /// A text, or nothing.
    pub fn optional(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::absent, |text| Self::scalar(text.as_ref()))
    }

    /// A map.
    pub fn map() -> Self {
        Self::of(Seen::Map)
    }

    /// The ordered keys of a map, or the indices of a list.
    pub fn keys(keys: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        Self::of(Seen::Keys(keys.into_iter().map(Into::into).collect()))
    }

    /// The same answer, which depends on who asks.
    #[must_use]
    pub fn of_visitor(mut self) -> Self {
        self.of_visitor = true;
        self
    }
}

/// The facts below one name of the scope (`request`, `visitor`, `audiences` …). Reads are lazy: an implementation
/// computes what is asked, when it is asked.
pub trait Facts: Send + Sync + fmt::Debug {
    /// What stands at `path` below this name; the empty path is the name itself.
    fn get(&self, path: &[Key]) -> Answer;
    /// The ordered keys of the map there, or the indices of the list; `Seen::Absent` for anything else.
    fn keys(&self, path: &[Key]) -> Answer;
    /// Calls the method or function at `path`; `None` if nothing there can be called. `arguments` is JSON:
    /// `[[positional…], {named…}]`. An error is the author's mistake, in words for the author.
    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let _ = (path, arguments);
        None
    }
}

/// The names that code sees in one exchange. Cheap to clone and to extend.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    names: BTreeMap<&'static str, Arc<dyn Facts>>,
}

impl Scope {
    /// An empty scope: every question is answered with [`Seen::Absent`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The same scope in which `name` stands for `facts`.
    #[must_use]
    pub fn with(mut self, name: &'static str, facts: Arc<dyn Facts>) -> Self {
        self.names.insert(name, facts);
        self
    }
}
