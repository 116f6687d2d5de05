//! The slots that a set of rules may fill, whoever asks: made once, used for every request that meets those rules.
//!
//! In: a revision and the numbers of the rules that have a path. Out: markers for the page, and for each of them where it comes from and
//! what its content waits for. It must not look at a visitor.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lookout::{Lookout, News};
use crate::limits::LAYOUTS;
use crate::page::{Extractions, Marker, Markers};
use crate::revision::{Esi, Injection, Revision};
use crate::scope::language::{Mentions, Unit};
use crate::scope::ledger::Fingerprint;
use crate::telemetry::SelectorFigures;

/// The neutral slots of one set of rules.
#[derive(Debug)]
pub struct Layout {
    pub markers: Arc<Markers>,
    /// Of the markers, whatever the revision: a page that was compiled with the same ones is as good.
    pub digest: Fingerprint,
    /// By the marker's index.
    pub slots: Vec<LaidOut>,
    /// Of the injections, by the marker's index.
    names: Vec<Arc<str>>,
    /// What was found in pages.
    pub lookout: Lookout,
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

/// The revision's id, the numbers of its rules and of what is collected, and whether includes are looked for.
type LayoutKey = (Arc<str>, Box<[usize]>, Box<[usize]>, Esi);

impl Default for Layouts {
    fn default() -> Self {
        Self(moka::sync::Cache::new(LAYOUTS))
    }
}

impl Layouts {
    /// The layout of these rules. `None` if their selectors do not compile together, which loading them ruled out one by one.
    pub fn of(&self, revision: &Revision, rules: &[usize], collects: &[usize], esi: Esi) -> Option<Arc<Layout>> {
        let key = (revision.id.clone(), rules.into(), collects.into(), esi);
        if let Some(layout) = self.0.get(&key) {
            return Some(layout);
        }
        let layout = Arc::new(Layout::new(revision, rules, collects, esi)?);
        self.0.insert(key, layout.clone());
        Some(layout)
    }

    /// What the selectors of a revision found so far: by injection, on all paths together.
    pub fn figures(&self, revision: &Revision) -> Vec<SelectorFigures> {
        let mut by_name: BTreeMap<&str, SelectorFigures> = BTreeMap::new();
        let layouts: Vec<_> = self.0.iter().filter(|(key, _)| key.0 == revision.id).collect();
        for (key, layout) in &layouts {
            for (slot, record) in layout.slots.iter().zip(layout.lookout.all()) {
                let injection = &revision.injections[key.1[slot.rule]][slot.injection];
                let figures = by_name.entry(&injection.name).or_default();
                figures.injection = injection.name.to_string();
                figures.pages += record.all_pages;
                figures.found += record.all_found;
                figures.stopped |= record.is_stopped();
            }
        }
        by_name.into_values().collect()
    }
}

impl Layout {
    fn new(revision: &Revision, rules: &[usize], collects: &[usize], esi: Esi) -> Option<Self> {
        let (mut markers, mut slots, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, number) in rules.iter().enumerate() {
            for (injection, definition) in revision.injections[*number].iter().enumerate() {
                markers.push(definition.marker.clone());
                names.push(definition.name.clone());
                slots.push(LaidOut { rule, injection, ..laid_out(revision, definition) });
            }
        }
        let markers = Markers::compile(markers)
            .inspect_err(|error| tracing::error!(%error, "selectors that compiled one by one do not compile together"))
            .ok()?;
        let markers = if esi == Esi::Honoured { markers.with_esi() } else { markers };
        let extractions = collects.iter().map(|number| revision.collects.list[*number].extraction.clone()).collect();
        let extractions = Extractions::compile(extractions)
            .inspect_err(|error| tracing::error!(%error, "what compiled one by one does not compile together"))
            .ok()?;
        let digest = Fingerprint::of((markers.list(), extractions.list()));
        let markers = markers.reading(Arc::new(extractions));
        let lookout = Lookout::new(slots.len());
        Some(Self { markers: Arc::new(markers), digest, slots, names, lookout })
    }

    /// Notes what was found in a page, by marker; says what is news.
    pub fn note_page(&self, found: &[u64]) {
        for (marker, news) in self.lookout.page(found) {
            let (injection, select) = (&*self.names[marker], &*selector(&self.markers.list()[marker]));
            match news {
                News::Stopped => {
                    tracing::warn!(injection, select, "a selector that used to match finds nothing any more");
                }
                News::Back => tracing::info!(injection, select, "a selector matches again"),
            }
        }
    }
}

/// The author's selector, with that of `each` before it.
pub fn selector(marker: &Marker) -> Arc<str> {
    match &marker.each {
        Some(each) => format!("{each} {}", marker.select).into(),
        None => marker.select.clone(),
    }
}

fn laid_out(revision: &Revision, definition: &Injection) -> LaidOut {
    let condition = definition.when.as_ref().map(|condition| Unit::Condition(condition.name.clone()));
    // Of a condition that is not there nothing is known, so it may mention anything.
    let condition = condition.map(|unit| {
        revision.language.mentions(&unit).cloned().unwrap_or(Mentions { open: true, ..Mentions::default() })
    });
    let library = &revision.library;
    let says = |name: &str| {
        let content = definition.content.as_ref().is_some_and(|content| library.mentions(content, name));
        content || condition.as_ref().is_some_and(|condition| condition.mentions(name))
    };
    let of_visitor = definition.content.as_ref().is_some_and(|content| library.may_read_visitor(content))
        || condition.as_ref().is_some_and(Mentions::may_read_visitor);
    let awaits = match (says("element") || says("each"), says("csp")) {
        (true, _) => Awaits::Element,
        (false, true) => Awaits::Head,
        (false, false) => Awaits::Nothing,
    };
    LaidOut { rule: 0, injection: 0, awaits, may_vary: of_visitor || says("now") || says("random") }
}
