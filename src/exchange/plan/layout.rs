//! The slots that a set of rules may fill, whoever asks: made once, used for every request that meets those rules.
//!
//! In: a revision and the numbers of the rules that have a path. Out: markers for the page, and for each of them where it comes from and
//! what its content waits for. It must not look at a visitor.

use std::sync::Arc;

use crate::content::{Content, Fallback, Kind};
use crate::limits::LAYOUTS;
use crate::page::Markers;
use crate::revision::{Injection, Revision};
use crate::scope::language::{Mentions, Unit};

/// The neutral slots of one set of rules.
#[derive(Debug)]
pub struct Layout {
    pub markers: Arc<Markers>,
    /// By the marker's index.
    pub slots: Vec<LaidOut>,
}

/// Where a marker comes from, and what filling it takes.
#[derive(Clone, Copy, Debug)]
pub struct LaidOut {
    /// Which of the set's rules: an index into the numbers that the layout was made for.
    pub rule: usize,
    /// Which of the rule's injections.
    pub injection: usize,
    pub awaits: Awaits,
    /// Whether its content may turn out otherwise for another visitor or moment, as far as its text tells.
    pub may_vary: bool,
}

/// What must be known before a slot can be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    Nothing,
    /// The head of the origin's response, for its nonce.
    Head,
    /// The matched element.
    Element,
}

/// Layouts by the rules that they were made of.
#[derive(Debug)]
pub struct Layouts(moka::sync::Cache<LayoutKey, Arc<Layout>>);

/// The revision's id and the numbers of its rules.
type LayoutKey = (Arc<str>, Box<[usize]>);

impl Default for Layouts {
    fn default() -> Self {
        Self(moka::sync::Cache::new(LAYOUTS))
    }
}

impl Layouts {
    /// The layout of these rules. `None` if their selectors do not compile together, which loading them ruled out one by one.
    pub fn of(&self, revision: &Revision, rules: &[usize]) -> Option<Arc<Layout>> {
        let key = (revision.id.clone(), rules.into());
        if let Some(layout) = self.0.get(&key) {
            return Some(layout);
        }
        let layout = Arc::new(Layout::new(revision, rules)?);
        self.0.insert(key, layout.clone());
        Some(layout)
    }
}

impl Layout {
    fn new(revision: &Revision, rules: &[usize]) -> Option<Self> {
        let (mut markers, mut slots) = (Vec::new(), Vec::new());
        for (rule, number) in rules.iter().enumerate() {
            for (injection, definition) in revision.injections[*number].iter().enumerate() {
                markers.push(definition.marker.clone());
                slots.push(LaidOut { rule, injection, ..laid_out(revision, definition) });
            }
        }
        let markers = Markers::compile(markers)
            .inspect_err(|error| tracing::error!(%error, "selectors that compiled one by one do not compile together"))
            .ok()?;
        Some(Self { markers: Arc::new(markers), slots })
    }
}

fn laid_out(revision: &Revision, definition: &Injection) -> LaidOut {
    let mut said = Said::default();
    if let Some(condition) = &definition.when {
        said.hear(revision, &Unit::Condition(condition.name.clone()));
    }
    if let Some(content) = &definition.content {
        said.hear_content(revision, content);
    }
    let awaits = match (said.element, said.head) {
        (true, _) => Awaits::Element,
        (false, true) => Awaits::Head,
        (false, false) => Awaits::Nothing,
    };
    LaidOut { rule: 0, injection: 0, awaits, may_vary: said.may_vary }
}

/// What the text of a content mentions, over its fallbacks and the fragments that it names.
#[derive(Default)]
struct Said {
    element: bool,
    head: bool,
    may_vary: bool,
}

impl Said {
    fn hear_content(&mut self, revision: &Revision, content: &Content) {
        match &content.kind {
            Kind::Html(_) | Kind::Text(_) => {}
            Kind::Template(name) => self.hear(revision, &Unit::Template(name.clone())),
            Kind::Fragment(name) => {
                // Fragments that lead to themselves were refused when the rules were loaded.
                if let Some(fragment) = revision.library.fragment(name) {
                    self.hear_content(revision, fragment);
                }
            }
        }
        if let Fallback::Try(contents) = &content.fallback {
            contents.iter().for_each(|content| self.hear_content(revision, content));
        }
    }

    fn hear(&mut self, revision: &Revision, unit: &Unit) {
        let mentions = revision.language.mentions(unit);
        let says = |name: &str| mentions.is_none_or(|mentions| mentions.mentions(name));
        self.element |= says("element") || says("each");
        self.head |= says("csp");
        self.may_vary |= mentions.is_none_or(Mentions::may_read_visitor) || says("now") || says("random");
    }
}
