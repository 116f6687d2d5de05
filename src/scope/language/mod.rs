//! The one language of templates and conditions: Jinja, as minijinja speaks it, with our promises about the unknown,
//! about bounds, and about what is recorded.
//!
//! In: sources by name ([`LanguageBuilder`]), then a [`Reader`] per render. Out: [`Rendered`] text or a reason why there is
//! none. It must not know files, rules or pages.

mod builder;
mod builtins;
mod check;
mod compare;
mod direct;
mod filters;
mod formatting;
pub mod library;
mod members;
pub mod messages;
mod objects;
mod offers;
mod pending;
mod places;
mod print;
mod problem;
mod render;
mod splice;
mod survey;
mod walk;
mod weight;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use minijinja::value::Serde;
use minijinja::{Environment, Value};

pub use builder::{LanguageBuilder, Refused, SCOPE_NAMES};
pub use formatting::{Formatted, Formatting};
pub use places::AttributeKind;
pub(crate) use print::{escape_html, escape_json, quote_attribute};
pub use problem::{Problem, Severity, Unit};

use self::direct::Direct;
use self::objects::Names;
use self::places::Start;
use self::print::Bounded;
use self::render::Render;
use self::splice::Spliced;
use super::ledger::{Fingerprint, Reader};

/// How what is printed must be escaped, by the place where it will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escape {
    /// Between tags.
    Html,
    /// In the value of such an attribute, in double quotes.
    Attribute(AttributeKind),
    /// In `script` or `style`: values become JSON, within strings the inside of a string.
    RawText,
    /// In `title` or `textarea`.
    EscapableText,
    /// In a URL, as a part of its path or the value of a parameter: what is printed cannot begin a query, another
    /// parameter or a fragment. It may hold slashes, so whoever uses the URL must look at the whole of it.
    Url,
    /// In a URL, as one component of it: what is printed can begin nothing, not even another segment of the path.
    Component,
    /// In a field of a head, where nothing is escaped; whoever sends it must look for line ends.
    Field,
}

/// A part of a rendered result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Bytes),
    /// Where the page's own CSP nonce goes, filled in per response. A nonce is base64 and needs no escaping anywhere.
    Nonce,
}

/// What a template printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// In order; none of the texts is empty.
    pub pieces: Vec<Piece>,
}

impl Piece {
    /// Whether it is nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()),
            Self::Nonce => false,
        }
    }
}

/// A place in a source, in the author's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub unit: Unit,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: `{}`", self.unit, self.line, self.column, self.text)
    }
}

/// Why a render or a condition gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no such template or condition.
    #[error("there is no {0}")]
    Missing(Unit),
    /// A value was printed that nobody knows.
    #[error("{0} is unknown, so it cannot be printed")]
    Unknown(At),
    /// The fuel ran out ([`TEMPLATE_FUEL`](crate::limits::TEMPLATE_FUEL)).
    #[error("{0} ran too long")]
    TooLong(Unit),
    /// More was printed, or held at once, than the limits allow.
    #[error("{0} made too much text")]
    TooMuch(Unit),
    /// Macros or includes called one another too deeply.
    #[error("{0} calls itself too deeply")]
    TooDeep(Unit),
    /// Anything else that the language refuses.
    #[error("{at} failed: {source}")]
    Failed { at: At, source: minijinja::Error },
}

/// Why a render was cut off from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Cut {
    #[error("an unknown value cannot be printed")]
    Unknown,
    #[error("too much text")]
    TooMuch,
}

fn cut(why: Cut) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, why.to_string()).with_source(why)
}

/// Static facts about a source and all that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Dotted paths from the scope's names: `element.id`, `request.path`, `audiences.gold`.
    pub paths: BTreeSet<String>,
    /// A template is included whose name is only known at run time: then any name may be mentioned.
    pub open: bool,
}

/// What no visitor changes: it follows from the URL, the page, the site, the time.
const SHARED: [&str; 12] = [
    "params",
    "element",
    "each",
    "site",
    "now",
    "random",
    "csp",
    "request.method",
    "request.scheme",
    "request.host",
    "request.path",
    "request.query",
];

impl Mentions {
    /// Whether `path` or something below it may be mentioned: `mentions("random")`.
    pub fn mentions(&self, path: &str) -> bool {
        self.open || self.paths.iter().any(|mentioned| is_or_below(mentioned, path))
    }

    /// Whether a render may read something that depends on who asks. When in doubt, yes.
    pub fn may_read_visitor(&self) -> bool {
        self.open || !self.paths.iter().all(|path| SHARED.iter().any(|shared| is_or_below(path, shared)))
    }
}

fn is_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The names of all filters, for the documentation.
pub fn filter_names() -> impl Iterator<Item = &'static str> {
    builtins::FILTERS.into_iter().chain(offers::all().map(|offer| offer.name))
}

/// Compiled templates and conditions. Immutable; shared by everything that a revision holds.
pub struct Language {
    html: Environment<'static>,
    /// Templates that are whole values of attributes which are no plain text, by what these are.
    attributes: BTreeMap<AttributeKind, Environment<'static>>,
    /// The same templates as the first, whose values are printed as JSON.
    script: Environment<'static>,
    /// Those of lines, whose values are percent-encoded.
    url: Environment<'static>,
    /// Those of lines, whose values are percent-encoded without exception.
    component: Environment<'static>,
    /// Those of lines, whose values are printed as they are.
    field: Environment<'static>,
    units: BTreeMap<Unit, Compiled>,
    /// Conditions that need no machine, by name.
    direct: HashMap<Arc<str>, Direct>,
}

/// One source with what is known of it.
struct Compiled {
    source: Arc<str>,
    /// As it is compiled for lines.
    spliced: Spliced,
    /// As it is compiled for a place whose markup is known.
    placed: BTreeMap<Start, Spliced>,
    /// Bytes put before the author's source when it was compiled.
    prefix: usize,
    mentions: Mentions,
    identity: Fingerprint,
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.units.keys()).finish()
    }
}

impl Language {
    /// A language in which nothing can be said.
    pub fn empty() -> Arc<Self> {
        LanguageBuilder::new().build().map(|(language, _)| language).expect("invariant: nothing has nothing wrong")
    }

    /// Renders a template for a place. Every value it looks at is recorded by `reader`, whether it succeeds or not.
    pub fn render(&self, template: &str, reader: &Reader, escape: Escape) -> Result<Rendered, RenderError> {
        let unit = Unit::Template(template.into());
        let (text, printed) = self.run(&unit, reader, escape, true)?;
        if !reader.ledger().missing().is_empty() {
            // It will be run again, so nobody looks at what it printed.
            return Ok(Rendered::default());
        }
        let pieces = match print::pieces(text, printed) {
            Some(pieces) => pieces,
            None => {
                let (text, _) = self.run(&unit, reader, escape, false)?;
                vec![Piece::Text(text.into())]
            }
        };
        Ok(Rendered { pieces: if matches!(escape, Escape::Attribute(_)) { quote_attribute(pieces) } else { pieces } })
    }

    /// Renders a template into one line of text, without the white space around it: a URL or the value of a field. A nonce
    /// is printed as it stands. Only templates that were [added for it](LanguageBuilder::printed_in_lines) are there.
    pub fn line(&self, template: &str, reader: &Reader, escape: Escape) -> Result<String, RenderError> {
        let (text, _) = self.run(&Unit::Template(template.into()), reader, escape, false)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    }

    /// Renders a template over `values` alone, without a scope: what it names was [declared](LanguageBuilder::declare) for it.
    /// Only templates that were [added for it](LanguageBuilder::printed_in_lines) are there.
    pub fn say(
        &self,
        template: &str,
        values: &BTreeMap<String, serde_json::Value>,
        escape: Escape,
    ) -> Result<String, RenderError> {
        let unit = Unit::Template(template.into());
        let compiled = self.compiled(&unit, escape)?;
        let mut text = Bounded::default();
        let said = compiled.render_captured_to(Value::from(Serde(values)), &mut text);
        said.map_err(|error| self.explain(&unit, escape, error))?;
        Ok(String::from_utf8_lossy(&text.0).into_owned())
    }

    /// Whether a condition holds; an unknown value does not.
    pub fn holds(&self, condition: &str, reader: &Reader) -> Result<bool, RenderError> {
        let direct = self.direct.get(condition).and_then(|direct| direct.holds(reader));
        direct.map_or_else(|| self.holds_by_machine(condition, reader), Ok)
    }

    fn holds_by_machine(&self, condition: &str, reader: &Reader) -> Result<bool, RenderError> {
        let (text, _) = self.run(&Unit::Condition(condition.into()), reader, Escape::Html, false)?;
        Ok(!text.is_empty())
    }

    /// Whether any source may mention `path` or something below it.
    pub fn mentions_anywhere(&self, path: &str) -> bool {
        self.units.values().any(|compiled| compiled.mentions.mentions(path))
    }

    /// What a source and all that it includes mentions.
    pub fn mentions(&self, unit: &Unit) -> Option<&Mentions> {
        self.units.get(unit).map(|compiled| &compiled.mentions)
    }

    /// The identity of a template: of its source and of all that it includes. Equal sources have equal identities in one
    /// process, so what was rendered before a reload stays valid where nothing changed.
    pub fn identity(&self, template: &str) -> Option<Fingerprint> {
        self.units.get(&Unit::Template(template.into())).map(|compiled| compiled.identity)
    }

    /// `None` for an attribute of a kind into which no template was said to be laid.
    fn environment(&self, escape: Escape) -> Option<&Environment<'static>> {
        Some(match escape {
            Escape::Html | Escape::EscapableText | Escape::Attribute(AttributeKind::Plain) => &self.html,
            Escape::Attribute(kind) => self.attributes.get(&kind)?,
            Escape::RawText => &self.script,
            Escape::Url => &self.url,
            Escape::Component => &self.component,
            Escape::Field => &self.field,
        })
    }

    fn compiled(&self, unit: &Unit, escape: Escape) -> Result<minijinja::Template<'_, '_>, RenderError> {
        let environment = self.environment(escape);
        let found = environment.and_then(|environment| environment.get_template(&unit.compiled_name()).ok());
        found.ok_or_else(|| RenderError::Missing(unit.clone()))
    }

    /// One run, with the number of holes it printed.
    fn run(&self, unit: &Unit, reader: &Reader, escape: Escape, holes: bool) -> Result<(Vec<u8>, usize), RenderError> {
        let template = self.compiled(unit, escape)?;
        let holes = holes.then(AtomicUsize::default);
        let render = Arc::new(Render { reader: reader.clone(), holes, in_doubt: AtomicBool::new(false) });
        let mut text = Bounded::default();
        template
            .render_captured_to(Value::from_object(Names::new(render.clone())), &mut text)
            .map_err(|error| self.explain(unit, escape, error))?;
        let printed = render.holes.as_ref().map_or(0, |holes| holes.load(Ordering::Relaxed));
        Ok((text.0, printed))
    }

    /// The reason in our words, at the innermost place that is known.
    fn explain(&self, unit: &Unit, escape: Escape, error: minijinja::Error) -> RenderError {
        let mut innermost = &error;
        let mut causes: &dyn std::error::Error = &error;
        let mut why = None;
        while let Some(cause) = causes.source() {
            if let Some(located) = cause.downcast_ref::<minijinja::Error>() {
                innermost = located;
            }
            why = why.or(cause.downcast_ref::<Cut>().copied());
            why = why.or(cause.downcast_ref::<std::io::Error>().map(|_| Cut::TooMuch));
            causes = cause;
        }
        match (why, innermost.kind()) {
            (Some(Cut::TooMuch), _) => RenderError::TooMuch(unit.clone()),
            (_, minijinja::ErrorKind::OutOfFuel) => RenderError::TooLong(unit.clone()),
            (Some(Cut::Unknown), _) => RenderError::Unknown(self.locate(unit, escape, innermost)),
            _ if innermost.detail() == Some("recursion limit exceeded") => RenderError::TooDeep(unit.clone()),
            _ => RenderError::Failed { at: self.locate(unit, escape, innermost), source: error },
        }
    }

    fn locate(&self, unit: &Unit, escape: Escape, error: &minijinja::Error) -> At {
        let unit = error.name().map_or_else(|| unit.clone(), Unit::of_compiled_name);
        let Some(compiled) = self.units.get(&unit) else {
            return At { unit, line: 1, column: 1, text: String::new() };
        };
        let range = error.range().map_or(0..0, |range| {
            let [start, end] = [range.start, range.end].map(|offset| compiled.original(escape, offset));
            start..end.max(start)
        });
        let (line, column) = problem::position(&compiled.source, range.start);
        At { unit, line, column, text: compiled.source[range].trim().to_owned() }
    }
}

impl Compiled {
    /// The author's offset for one in what was compiled, on a character's boundary.
    fn original(&self, escape: Escape, offset: usize) -> usize {
        let start = match escape {
            Escape::Html | Escape::EscapableText | Escape::Attribute(AttributeKind::Plain) => Some(Start::Markup),
            Escape::Attribute(kind) => Some(Start::Attribute(kind)),
            Escape::RawText => Some(Start::RawText),
            Escape::Url | Escape::Component | Escape::Field => None,
        };
        let spliced = start.and_then(|start| self.placed.get(&start)).unwrap_or(&self.spliced);
        self.source.floor_char_boundary(spliced.original(offset).saturating_sub(self.prefix))
    }
}
