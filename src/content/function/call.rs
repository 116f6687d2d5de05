//! One call while it runs: what it reads, asks, says and returns.
//!
//! In: questions from the engine. Out: answers through the ledger, and a record of the rest. It must not know the engine.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::allowance::Allowance;
use super::error::FunctionError;
use super::functions::Functions;
use crate::limits;
use crate::scope::language::Formatted;
use crate::scope::ledger::Reader;
use crate::scope::{self, Key, Question, Seen};

/// A line that a function wrote to its console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `log`, `info`, `debug`, `warn` or `error`.
    pub level: Arc<str>,
    pub text: Arc<str>,
}

/// What a function returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What is shown; `None` shows nothing. The page's nonce stands in it as [`nonce_mark`].
    pub html: Option<String>,
    /// Any other value that goes with it.
    pub data: Option<serde_json::Value>,
    /// The status that the answer should have, where it is one of its own.
    pub status: Option<u16>,
}

/// A call while it runs.
#[derive(Debug)]
pub(super) struct Call {
    pub functions: Arc<Functions>,
    pub reader: Reader,
    pub allowance: Allowance,
    /// The maps and lists that the engine has seen, by their number; the first is the scope itself.
    nodes: Vec<Arc<[Key]>>,
    /// Questions to sources that nobody has brought yet, by the engine's number.
    pub asks: Vec<Ask>,
    asked: usize,
    /// Whether it let sources race, so that the order in which they come may be seen.
    pub racing: bool,
    pub console: Vec<Line>,
    pub ended: Option<Result<Output, FunctionError>>,
    zone: Option<TimeZone>,
}

/// A question to a source.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The engine's.
    pub number: usize,
    pub question: Question,
    /// What must be brought for it.
    pub missing: Arc<[Question]>,
}

/// An answer as the engine is told it.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Nothing,
    Scalar(minijinja::Value),
    List(usize),
    Map(usize),
}

/// What stands in a result where the page's nonce goes: nobody outside can write it.
pub fn nonce_mark() -> &'static str {
    static MARK: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let key = crate::scope::ledger::Fingerprint::of("the nonce of functions");
        format!("inlay-nonce-{key}")
    });
    &MARK
}

impl Call {
    pub fn new(functions: Arc<Functions>, reader: Reader, allowance: Allowance) -> Self {
        Self {
            functions,
            reader,
            allowance,
            nodes: vec![Arc::new([])],
            asks: Vec::new(),
            asked: 0,
            racing: false,
            console: Vec::new(),
            ended: None,
            zone: None,
        }
    }

    fn path(&self, node: usize) -> &[Key] {
        self.nodes.get(node).map_or(&[], |path| path)
    }

    fn below(&self, node: usize, key: &str) -> Arc<[Key]> {
        self.path(node).iter().cloned().chain([Key::from(key)]).collect()
    }

    /// Whether something can be called below a node.
    pub fn is_method(&self, node: usize, key: &str) -> bool {
        scope::is_method(self.path(node), key)
    }

    /// Whether a node is the moment, which is printed as such.
    pub fn is_now(&self, node: usize) -> bool {
        matches!(self.path(node), [name] if **name == *"now")
    }

    /// What stands under a key of a node.
    pub fn get(&mut self, node: usize, key: &str) -> Told {
        let path = self.below(node, key);
        if path.len() == 1 && !scope::language::SCOPE_NAMES.contains(&key) {
            return Told::Nothing;
        }
        if scope::is_nonce(&path) {
            return self.nonce();
        }
        let seen = self.reader.ask(Question::Get(path.clone())).seen;
        self.told(seen, path)
    }

    /// Whether the page has a nonce is read as a key of `csp`; its value is a hole in the result.
    fn nonce(&self) -> Told {
        let Seen::Keys(keys) = self.reader.ask(Question::Keys(Arc::new([Key::from("csp")]))).seen else {
            return Told::Nothing;
        };
        let there = keys.iter().any(|key| **key == *"nonce");
        Told::Scalar(minijinja::Value::from(if there { nonce_mark() } else { "" }))
    }

    /// The keys of a map, or the indices of a list.
    pub fn keys(&self, node: usize) -> Arc<[Key]> {
        if node == 0 {
            // Going through the names looks at each, and whoever looks at chance can't be kept.
            let names = scope::language::SCOPE_NAMES.iter().filter(|name| **name != "random");
            return names.map(|name| Key::from(*name)).collect();
        }
        match self.reader.ask(Question::Keys(self.path(node).into())).seen {
            Seen::Keys(keys) => keys,
            _ => Arc::new([]),
        }
    }

    /// What the method under a key of a node answers.
    ///
    /// # Errors
    /// Why it was refused, in words for the author.
    pub fn call(&mut self, node: usize, key: &str, arguments: &str) -> Result<Told, Arc<str>> {
        let path = self.below(node, key);
        let arguments = canonical(arguments);
        let seen = self.reader.ask(Question::Call(path.clone(), arguments.clone())).seen;
        if let Seen::Refused(why) = seen {
            return Err(why);
        }
        Ok(self.told(seen, called(&path, &arguments)))
    }

    /// What a filter of the language makes of these arguments, or, without a name, what `t` says.
    ///
    /// # Errors
    /// Why it was refused, in words for the author.
    pub fn format(&self, filter: Option<&str>, arguments: &str) -> Result<Formatted, String> {
        let formatting = self.functions.formatting();
        match filter {
            Some(filter) => formatting.filter(filter, arguments, &self.reader),
            None => formatting.translation(arguments, &self.reader),
        }
    }

    /// Asks a source; `None` if its answer must be waited for.
    ///
    /// # Errors
    /// Why there is no answer, in words for the author.
    pub fn source(&mut self, number: usize, name: &str, arguments: &str) -> Result<Option<Told>, Arc<str>> {
        self.asked += 1;
        if self.asked > self.allowance.asks {
            return Err(format!("a call may ask sources {} times", self.allowance.asks).into());
        }
        let path: Arc<[Key]> = Arc::new([Key::from("sources"), Key::from(name)]);
        let question = Question::Call(path, canonical(arguments));
        match self.reader.scope().ask(&question).seen {
            Seen::Awaited(missing) => {
                self.asks.push(Ask { number, question, missing });
                Ok(None)
            }
            _ => self.answer(&question).map(Some),
        }
    }

    /// What has become known of a question to a source; written down.
    ///
    /// # Errors
    /// Why there is no answer, in words for the author.
    pub fn answer(&mut self, question: &Question) -> Result<Told, Arc<str>> {
        let seen = self.reader.ask(question.clone()).seen;
        let Question::Call(path, arguments) = question else { return Ok(Told::Nothing) };
        match seen {
            Seen::Refused(why) => Err(why),
            Seen::Absent => Err(format!("there is no source `{}`", path.last().map_or("", |name| name)).into()),
            Seen::Awaited(_) => {
                Err(format!("`{}` was asked and did not answer", path.last().map_or("", |name| name)).into())
            }
            seen => Ok(self.told(seen, called(path, arguments))),
        }
    }

    fn told(&mut self, seen: Seen, path: Arc<[Key]>) -> Told {
        match seen {
            Seen::Scalar(value) => Told::Scalar(value),
            Seen::List => Told::List(self.node(path)),
            Seen::Map => Told::Map(self.node(path)),
            Seen::Absent | Seen::Keys(_) | Seen::Refused(_) | Seen::Awaited(_) => Told::Nothing,
        }
    }

    fn node(&mut self, path: Arc<[Key]>) -> usize {
        self.nodes.push(path);
        self.nodes.len() - 1
    }

    /// Milliseconds since 1970, of the exchange. What was made from it is never kept.
    pub fn now(&self) -> f64 {
        self.formatted("%s%3f").and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }

    fn formatted(&self, pattern: &str) -> Option<String> {
        let path: Arc<[Key]> = Arc::new([Key::from("now"), Key::from("format")]);
        match self.reader.ask(Question::Call(path, format!("[[\"{pattern}\"],{{}}]").into())).seen {
            Seen::Scalar(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// From 0 to below 1; the same throughout the exchange.
    pub fn random(&self) -> f64 {
        match self.reader.ask(Question::Get(Arc::new([Key::from("random")]))).seen {
            Seen::Scalar(number) => f64::try_from(number).unwrap_or(0.0),
            _ => 0.0,
        }
    }

    /// Milliseconds by which the site's time is ahead of UTC at a moment.
    pub fn offset(&mut self, time: f64) -> f64 {
        let Ok(at) = Timestamp::from_millisecond(time as i64) else { return 0.0 };
        f64::from(self.zone().to_offset(at).seconds()) * 1000.0
    }

    /// The same for the site's time, given as if it were UTC.
    pub fn offset_of_civil(&mut self, time: f64) -> f64 {
        let Ok(at) = Timestamp::from_millisecond(time as i64) else { return 0.0 };
        let civil = Offset::UTC.to_datetime(at);
        let offset = self
            .zone()
            .to_ambiguous_timestamp(civil)
            .compatible()
            .map(|zoned| at.as_millisecond() - zoned.as_millisecond());
        offset.map_or(0.0, |offset| offset as f64)
    }

    fn zone(&mut self) -> &TimeZone {
        if self.zone.is_none() {
            let name = self.formatted("%Q").unwrap_or_default();
            self.zone = Some(TimeZone::get(&name).unwrap_or(TimeZone::UTC));
        }
        self.zone.as_ref().expect("invariant: it was set above")
    }

    /// Notes a line; past the allowance nothing.
    pub fn say(&mut self, level: &str, text: &str) {
        if self.console.len() < self.allowance.console {
            let end = text.floor_char_boundary(limits::FUNCTION_CONSOLE_BYTES);
            self.console.push(Line { level: level.into(), text: text[..end].into() });
        }
    }

    /// How the call ended; the first word counts.
    pub fn end(&mut self, ended: Result<Output, FunctionError>) {
        self.ended.get_or_insert(ended);
    }
}

/// The path below which the answer of a call is looked at, as in templates.
fn called(path: &Arc<[Key]>, arguments: &str) -> Arc<[Key]> {
    let Some((last, above)) = path.split_last() else { return path.clone() };
    above.iter().cloned().chain([Key::from(format!("{last}{arguments}"))]).collect()
}

/// Arguments as templates write them: named ones in the order of their names.
fn canonical(arguments: &str) -> Arc<str> {
    type Arguments = (Vec<serde_json::Value>, std::collections::BTreeMap<String, serde_json::Value>);
    let sorted = serde_json::from_str::<Arguments>(arguments).and_then(|sorted| serde_json::to_string(&sorted));
    sorted.unwrap_or_else(|_| arguments.to_owned()).into()
}
