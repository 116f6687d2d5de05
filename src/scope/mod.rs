//! What code may read, and the record that it read it.
//!
//! In: facts of one exchange, behind [`Facts`]. Out: answers to [`Question`]s, each of them recorded in a [`Ledger`]
//! when it is code that asks. It must not know where facts come from, nor what is done with the results.

pub mod answer;
pub mod condition;
pub mod language;
pub mod ledger;
pub mod now;
pub mod recall;
pub mod values;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join_all};
use jiff::Timestamp;
use minijinja::Value;

use crate::http::flow::Flow;

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
    /// A call gave nothing: the author's mistake, or a source that failed, in words for the author.
    Refused(Arc<str>),
    /// It is not known yet: these must be [brought](Scope::bring) first. Whoever reads it goes on as with something unknown,
    /// and nothing that comes of it counts.
    Awaited(Arc<[Question]>),
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
    /// An answer that no visitor and no time changes.
    pub fn fixed(seen: Seen) -> Self {
        Self { seen, until: None, of_visitor: false, storable: true }
    }
}

/// A body that a call gives in the place of a value: HTML in UTF-8, here or coming.
#[derive(Clone, Debug)]
pub struct Opened {
    pub flow: Flow,
    /// What it means for whoever keeps something that was made with it.
    pub answer: Answer,
}

/// A body, as soon as it is found to be one; else why not, in words for the author. The future ends by itself.
pub type Opening = Shared<BoxFuture<'static, Result<Opened, Arc<str>>>>;

impl Question {
    /// The path that is asked about; its first key is one of the scope's names.
    pub fn path(&self) -> &Arc<[Key]> {
        match self {
            Self::Get(path) | Self::Keys(path) | Self::Call(path, _) => path,
        }
    }
}

/// As an author would write it: `request.cookies.tier`, `now.after(…)`.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.path().iter().enumerate() {
            f.write_str(if index > 0 { "." } else { "" })?;
            f.write_str(key)?;
        }
        match self {
            Self::Get(_) => Ok(()),
            Self::Keys(_) => f.write_str(".*"),
            Self::Call(..) => f.write_str("(…)"),
        }
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
    /// The body of what a call at `path` gives; `None` if nothing there gives one.
    fn open(&self, path: &[Key], arguments: &str) -> Option<Opening> {
        let _ = (path, arguments);
        None
    }
    /// Brings what was [`Seen::Awaited`] below this name, all at once. Afterwards the same questions have answers, if only
    /// that there is none. `None` where nothing is ever awaited. The future ends by itself.
    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let _ = missing;
        None
    }
}

/// Whether this is the path of `csp.nonce`, which is a hole in results, not a part of them.
pub(crate) fn is_nonce(path: &[Key]) -> bool {
    matches!(path, [csp, nonce] if **csp == *"csp" && **nonce == *"nonce")
}

/// What can be called in the scope: names, each with its methods.
const METHODS: [(&str, &[&str]); 4] = [
    ("now", &["format", "after", "before"]),
    ("element", &["attr"]),
    ("each", &["attr"]),
    ("events", &["any", "count", "last", "recent", "age", "sum", "list"]),
];

/// Whether `name`, below this path, is called and not looked up. Templates see that from how it is written; JavaScript reads a method
/// before it calls it.
pub(crate) fn is_method(path: &[Key], name: &str) -> bool {
    let [root] = path else { return false };
    METHODS.iter().any(|(of, methods)| **of == **root && methods.contains(&name))
}

/// The names that code sees in one exchange. Cheap to clone and to extend, which every rule and slot of a page does: a scope
/// is its newest name before those that it was made from. They are a dozen at most, so a search from the newest is quick.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    newest: Option<Arc<Named>>,
    fleeting: bool,
}

#[derive(Debug)]
struct Named {
    name: &'static str,
    facts: Arc<dyn Facts>,
    before: Scope,
}

impl Scope {
    /// An empty scope: every question is answered with [`Seen::Absent`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for an exchange in which something is supposed: nothing that is made from it is kept for others.
    pub fn fleeting() -> Self {
        Self { newest: None, fleeting: true }
    }

    /// Whether nothing that is made from it is kept.
    pub fn is_fleeting(&self) -> bool {
        self.fleeting
    }

    /// The answer to `question`, unrecorded: for the look-up in the fragment cache and for parts of the house itself.
    /// What code asks goes through a [`Reader`](ledger::Reader).
    pub fn ask(&self, question: &Question) -> Answer {
        let path = question.path();
        let Some((facts, below)) = path.split_first().and_then(|(name, below)| Some((self.facts(name)?, below))) else {
            return Answer::fixed(Seen::Absent);
        };
        match question {
            // Whoever provides it: what shows one response's nonce can never be used for another.
            Question::Get(_) if is_nonce(path) => Answer { storable: false, ..facts.get(below) },
            Question::Get(_) => facts.get(below),
            Question::Keys(_) => facts.keys(below),
            Question::Call(_, arguments) => match facts.call(below, arguments) {
                Some(Ok(answer)) => answer,
                Some(Err(message)) => Answer::fixed(Seen::Refused(message.into())),
                None => Answer::fixed(Seen::Absent),
            },
        }
    }

    /// The body of what a call gives, unrecorded. `None` if nothing there gives one.
    pub fn open(&self, path: &[Key], arguments: &str) -> Option<Opening> {
        let (name, below) = path.split_first()?;
        self.facts(name)?.open(below, arguments)
    }

    /// Brings what answers were [`Seen::Awaited`] for, all at once; then whoever asked may ask again.
    pub fn bring(&self, missing: &[Question]) -> BoxFuture<'static, ()> {
        let mut names: Vec<&str> = missing.iter().filter_map(|question| Some(&**question.path().first()?)).collect();
        names.sort_unstable();
        names.dedup();
        let brought = names.into_iter().filter_map(|name| {
            let below = |question: &&Question| question.path().first().is_some_and(|first| **first == *name);
            let missing: Vec<Question> = missing.iter().filter(below).cloned().collect();
            self.facts(name)?.bring(&missing)
        });
        join_all(brought.collect::<Vec<_>>()).map(|_| ()).boxed()
    }

    /// The same scope in which `name` stands for `facts`.
    #[must_use]
    pub fn with(self, name: &'static str, facts: Arc<dyn Facts>) -> Self {
        Self { fleeting: self.fleeting, newest: Some(Arc::new(Named { name, facts, before: self })) }
    }

    /// What `name` stands for: the newest counts.
    fn facts(&self, name: &str) -> Option<&dyn Facts> {
        let names = std::iter::successors(self.newest.as_deref(), |named| named.before.newest.as_deref());
        names.into_iter().find(|named| named.name == name).map(|named| &*named.facts)
    }
}
