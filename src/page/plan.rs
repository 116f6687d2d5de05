//! The planner: which slots one matched element has, and where in it they go.
//!
//! In: the handlers that a start tag matched. Out: a [`Plan`], its slots numbered and in order of precedence. It remembers
//! what the markers need: which first matches have been seen, and which `each` elements are open. It must not know bytes
//! outside the tag.

use std::ops::Range;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::attribute::Number;
use super::attribute::Value;
use super::charset::Charset;
use super::escape::Holder;
use super::markers::{Markers, Role};
use super::piece::Found;
use super::tag::Tag;
use super::{Element, Marker, Place, Slot, Target, Which};
use crate::limits;

/// The slots of one element.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub slots: Slots,
    /// Attributes with slots, by the offset of what is exchanged; an attribute has one entry however many slots.
    pub values: SmallVec<[(Range<u64>, Value); 1]>,
}

/// Slots around and inside an element, each list in order of precedence.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub before: Numbers,
    /// `replace` and `remove`: they span the whole element.
    pub whole: Numbers,
    pub prepend: Numbers,
    /// `inner`: they span what is between the tags.
    pub inner: Numbers,
    pub append: Numbers,
    pub after: Numbers,
}

pub(super) type Numbers = SmallVec<[Number; 2]>;

pub(super) struct Planner {
    markers: Arc<Markers>,
    charset: Charset,
    /// By marker: whether its first match has been seen.
    firsts: Vec<bool>,
    /// By distinct `each`: its open elements, outermost first.
    enclosing: Vec<Vec<Enclosing>>,
    slots: usize,
    found: Vec<Found>,
}

/// An open element of an `each`.
struct Enclosing {
    /// Offset of its start tag.
    start: u64,
    element: Option<Arc<Element>>,
    /// Markers whose first match in it has been seen.
    firsts: SmallVec<[usize; 2]>,
}

impl Planner {
    pub fn new(markers: Arc<Markers>, charset: Charset) -> Self {
        Self {
            firsts: vec![false; markers.list().len()],
            enclosing: (0..markers.enclosure_count()).map(|_| Vec::new()).collect(),
            markers,
            charset,
            slots: 0,
            found: Vec::new(),
        }
    }

    /// Numbers the slots of an element. `html`: it is neither SVG nor MathML.
    pub fn plan(&mut self, handlers: impl Iterator<Item = usize>, tag: &Tag<'_>, html: bool) -> Plan {
        let mut matched: SmallVec<[usize; 8]> = SmallVec::new();
        for handler in handlers {
            if let Role::Places(places) = &self.markers.handlers()[handler].role {
                matched.extend_from_slice(places);
            }
        }
        matched.sort_unstable();
        let mut plan = Plan::default();
        let mut element = None;
        for index in matched {
            if self.is_full() || !self.counts(index) {
                continue;
            }
            let marker = &self.markers.list()[index];
            if marker.wants_element && element.is_none() {
                element = Some(Arc::new(tag.element(self.charset)));
            }
            let holder = holder(marker, tag, html);
            plan.add(self.slots, &marker.target, tag);
            self.note(index, element.as_ref(), holder);
        }
        plan.values.sort_by_key(|(range, _)| range.start);
        plan
    }

    /// Numbers a slot of something that is ESI; `None` if the page is full.
    pub fn esi(&mut self, element: Element) -> Option<Number> {
        let marker = self.markers.esi().filter(|_| !self.is_full())?;
        let number = self.slots;
        self.note(marker, Some(&Arc::new(element)), Holder::Markup);
        Some(number)
    }

    /// Notes that this element is open for every `each` it matched; whether there was one.
    pub fn enclose(&mut self, handlers: impl Iterator<Item = usize>, tag: &Tag<'_>) -> bool {
        let mut any = false;
        for handler in handlers.map(|handler| &self.markers.handlers()[handler]) {
            let Role::Encloses(each) = handler.role else {
                continue;
            };
            if self.enclosing[each].len() < limits::EACH_OPEN_ELEMENTS {
                let wanted = handler.wants.attributes;
                let element = wanted.then(|| Arc::new(tag.element(self.charset)));
                let enclosing = Enclosing { start: tag.start, element, firsts: SmallVec::new() };
                self.enclosing[each].push(enclosing);
                any = true;
            }
        }
        any
    }

    /// The element whose start tag began at `start` is closed.
    pub fn leave(&mut self, start: u64) {
        for open in &mut self.enclosing {
            while open.last().is_some_and(|last| last.start >= start) {
                open.pop();
            }
        }
    }

    /// Whether the page has as many slots as it may have.
    pub fn is_full(&self) -> bool {
        self.slots >= limits::SLOTS_PER_PAGE
    }

    /// The slots numbered since the last call.
    pub fn take_found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    /// Whether this match is one that the marker wants.
    fn counts(&mut self, index: usize) -> bool {
        if self.markers.list()[index].which == Which::All {
            return true;
        }
        let enclosing = self.markers.enclosure(index).and_then(|each| self.enclosing[each].last_mut());
        match enclosing {
            Some(enclosing) if enclosing.firsts.contains(&index) => false,
            Some(enclosing) => {
                enclosing.firsts.push(index);
                true
            }
            None => !std::mem::replace(&mut self.firsts[index], true),
        }
    }

    /// Numbers a slot.
    fn note(&mut self, index: usize, element: Option<&Arc<Element>>, holder: Holder) {
        let (element, each) = match self.markers.list()[index].wants_element {
            false => (None, None),
            true => {
                let enclosing = self.markers.enclosure(index).and_then(|each| self.enclosing[each].last());
                (element.cloned(), enclosing.and_then(|enclosing| enclosing.element.clone()))
            }
        };
        let slot = Slot { marker: index, number: self.slots, context: holder.context(), element, each };
        self.slots += 1;
        self.found.push(Found { slot, holder });
    }
}

fn holder(marker: &Marker, tag: &Tag<'_>, html: bool) -> Holder {
    match marker.target {
        Target::Attribute(_) | Target::Class { .. } => Holder::Value,
        Target::Place(Place::Inner | Place::Prepend | Place::Append) => Holder::inside(tag.name(), html),
        Target::Place(Place::Before | Place::After | Place::Replace | Place::Remove) => Holder::Markup,
    }
}

impl Plan {
    fn add(&mut self, number: Number, target: &Target, tag: &Tag<'_>) {
        match target {
            Target::Place(place) => self.slots.at(*place).push(number),
            Target::Attribute(name) => self.value(name, tag).setters.push(number),
            Target::Class { .. } => self.value("class", tag).edits.push(number),
        }
    }

    fn value(&mut self, name: &str, tag: &Tag<'_>) -> &mut Value {
        let (range, shape) = tag.locate(name);
        let known = self.values.iter().position(|(at, value)| *at == range && value.shape == shape);
        let index = known.unwrap_or_else(|| {
            let original = tag.bytes.slice((range.start - tag.start) as usize..(range.end - tag.start) as usize);
            let value = Value { original, shape, setters: smallvec![], edits: smallvec![] };
            self.values.push((range, value));
            self.values.len() - 1
        });
        &mut self.values[index].1
    }
}

impl Slots {
    fn at(&mut self, place: Place) -> &mut Numbers {
        match place {
            Place::Before => &mut self.before,
            Place::Replace | Place::Remove => &mut self.whole,
            Place::Prepend => &mut self.prepend,
            Place::Inner => &mut self.inner,
            Place::Append => &mut self.append,
            Place::After => &mut self.after,
        }
    }

    /// Whether the end of the element matters to them.
    pub fn need_end(&self) -> bool {
        [&self.whole, &self.inner, &self.append, &self.after].iter().any(|numbers| !numbers.is_empty())
    }
}
