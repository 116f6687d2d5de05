//! The extractor of one page: what handlers met becomes values.
//!
//! In: events of the scanner with the bytes that went by, in the order of the page. Out: [`Extracted`], the same at any chunking.
//! Of several elements that tell a value the first counts. It must not hold more than the named limits.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::capture::Capture;
use super::micro::{Micro, PropertyText};
use super::wanted::{KEY, Role};
use super::{Extracted, Extraction, Extractions, Reading, Troubles, auto, graph, text};
use crate::limits::{
    EACH_OPEN_ELEMENTS, EXTRACT_BYTES, EXTRACT_CAPTURES, EXTRACT_DOCUMENTS, EXTRACT_GRAPH, EXTRACT_JSON_BYTES,
    EXTRACT_READINGS, EXTRACT_TEXT_BYTES,
};
use crate::page::charset::Charset;
use crate::page::scan::{End, Event, Start};
use crate::page::source::Source;
use crate::page::tag::Tag;

/// The extractor of one page.
#[derive(Debug)]
pub struct Extractor {
    wanted: Arc<Extractions>,
    charset: Charset,
    /// Elements whose inside is wanted, in the order in which they began.
    captures: Vec<Capture<Target>>,
    /// By extraction.
    found: Vec<Found>,
    told: Told,
    /// Bytes of values so far.
    bytes: usize,
    troubles: Troubles,
    /// Kept for its memory: empty between calls.
    events: Vec<Event>,
}

/// What a page says for machines, before it is understood.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// JSON-LD.
    pub documents: Vec<Json>,
    /// Microdata.
    pub micro: Micro,
    /// Open Graph: properties with their contents.
    pub graph: Vec<(String, String)>,
}

/// What was found for one extraction.
#[derive(Debug, Default)]
struct Found {
    /// Values of the page, by lookup.
    values: Values,
    /// Elements of `each` that are open, outermost first.
    open: Vec<OpenReading>,
    /// With the offset of the element.
    done: Vec<(u64, Values)>,
}

/// By lookup: where the element began, and its value.
type Values = Vec<Option<(u64, Json)>>;

#[derive(Debug)]
struct OpenReading {
    element: u64,
    values: Values,
}

/// What captured bytes are for.
#[derive(Debug)]
enum Target {
    /// `of`: the element of `each` that it stands in.
    Lookup {
        extraction: usize,
        lookup: usize,
        of: Option<u64>,
        has_markup: bool,
    },
    Linked,
    Micro(PropertyText),
}

impl Extractor {
    /// An extractor for a page of this charset.
    pub fn new(wanted: Arc<Extractions>, charset: Charset) -> Self {
        let found = wanted.list().iter().map(|extraction| Found { values: blank(extraction), ..Found::default() });
        Self {
            found: found.collect(),
            wanted,
            charset,
            captures: Vec::new(),
            told: Told::default(),
            bytes: 0,
            troubles: Troubles::default(),
            events: Vec::new(),
        }
    }

    /// The list, empty, that is to be exchanged for the scanner's events.
    pub fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// Takes the events in turn, and the bytes up to `understood`, which are all still in the window.
    pub fn digest(&mut self, source: &Source, understood: u64) {
        let mut events = std::mem::take(&mut self.events);
        let mut listed = None;
        for event in events.drain(..) {
            match event {
                Event::Start(start) => {
                    // The attributes of a tag stand with the first of its events.
                    let known = listed.take().filter(|(of, _)| *of == start.tag.start);
                    let attributes = start.attributes.clone().or(known.map(|(_, attributes)| attributes));
                    self.start(&start, attributes.as_deref().unwrap_or_default(), source);
                    listed = attributes.map(|attributes| (start.tag.start, attributes));
                }
                Event::End(end) => self.end(&end, source),
            }
        }
        self.events = events;
        self.captures.iter_mut().for_each(|capture| capture.take_until(understood, source));
    }

    /// The page is over: what is open ends with it.
    pub fn finish(mut self, source: &Source) -> Extracted {
        let everything = End { element: 0, tag: source.end()..source.end() };
        self.end(&everything, source);
        let auto = self.wanted.list().contains(&Extraction::Auto).then(|| auto::readings(self.told));
        let mut readings = Vec::with_capacity(self.found.len());
        for (extraction, found) in self.wanted.list().iter().zip(self.found) {
            readings.push(match extraction {
                Extraction::Page(_) => reading(extraction, found.values).into_iter().collect(),
                Extraction::Each { .. } => {
                    let mut done = found.done;
                    done.sort_by_key(|(element, _)| *element);
                    done.into_iter().filter_map(|(_, values)| reading(extraction, values)).collect()
                }
                Extraction::Auto => auto.clone().unwrap_or_default(),
            });
        }
        Extracted { readings, troubles: self.troubles }
    }

    fn start(&mut self, start: &Start, attributes: &[crate::page::scan::AttributeAt], source: &Source) {
        let Some(sight) = self.wanted.sights().get(start.handler) else { return };
        let tag = Tag { bytes: source.slice(start.tag.clone()), start: start.tag.start, attributes };
        match sight.role {
            Role::Each { extraction } => self.open_reading(extraction, start, &tag),
            Role::Lookup { extraction, lookup } => self.look_up(extraction, lookup, start, &tag),
            Role::Linked if self.told.documents.len() < EXTRACT_DOCUMENTS => {
                self.capture(start, EXTRACT_JSON_BYTES, Target::Linked);
            }
            Role::Linked => self.troubles.beyond += 1,
            Role::Micro => {
                let wanted = self.told.micro.start(&tag.element(self.charset), start.tag.start, start.can_have_content);
                match wanted {
                    Ok(Some(property)) => self.capture(start, EXTRACT_TEXT_BYTES, Target::Micro(property)),
                    Ok(None) => {}
                    Err(()) => self.troubles.beyond += 1,
                }
            }
            Role::Graph if self.told.graph.len() < EXTRACT_GRAPH => {
                self.told.graph.extend(graph::property(&tag.element(self.charset)));
            }
            Role::Graph => self.troubles.beyond += 1,
        }
    }

    fn open_reading(&mut self, extraction: usize, start: &Start, tag: &Tag<'_>) {
        let wanted = self.wanted.clone();
        let definition = &wanted.list()[extraction];
        let found = &mut self.found[extraction];
        if found.done.len() + found.open.len() >= EXTRACT_READINGS || found.open.len() >= EACH_OPEN_ELEMENTS {
            self.troubles.beyond += 1;
            return;
        }
        found.open.push(OpenReading { element: start.tag.start, values: blank(definition) });
        for (lookup, wanted) in definition.lookups().into_iter().enumerate() {
            if wanted.select.is_none() {
                self.look_up(extraction, lookup, start, tag);
            }
        }
        if !start.can_have_content {
            self.close_readings(start.tag.start);
        }
    }

    fn look_up(&mut self, extraction: usize, lookup: usize, start: &Start, tag: &Tag<'_>) {
        let wanted = self.wanted.clone();
        let definition = &wanted.list()[extraction];
        let Some(what) = definition.lookups().get(lookup).copied() else { return };
        let of = self.found[extraction].open.last().map(|open| open.element);
        if matches!(definition, Extraction::Each { .. }) && of.is_none() {
            // The reading it would be of is beyond the bound.
            return;
        }
        if self.values(extraction, of).is_some_and(|values| values[lookup].is_some()) {
            return;
        }
        match &what.attribute {
            Some(name) => {
                let Some(value) = tag.value(name) else { return };
                let decoded = self.charset.decode(tag.slice(&value)).into_owned();
                let found = text::folded(&htmlize::unescape_attribute(&*decoded));
                self.keep(extraction, lookup, of, start.tag.start, what.value(&found));
            }
            None => {
                let names = [&b"title"[..], b"textarea"];
                let has_markup = !names.iter().any(|name| tag.name().eq_ignore_ascii_case(name));
                self.capture(start, EXTRACT_TEXT_BYTES, Target::Lookup { extraction, lookup, of, has_markup });
            }
        }
    }

    fn capture(&mut self, start: &Start, most: usize, target: Target) {
        match self.captures.len() < EXTRACT_CAPTURES {
            true if start.can_have_content => self.captures.push(Capture::behind(&start.tag, most, target)),
            true => {}
            false => self.troubles.beyond += 1,
        }
    }

    /// An end tag closed an element, and all that is open in it.
    fn end(&mut self, end: &End, source: &Source) {
        let (closed, open) = std::mem::take(&mut self.captures).into_iter().partition(|it| it.element >= end.element);
        self.captures = open;
        for mut capture in closed {
            let capture: &mut Capture<Target> = &mut capture;
            capture.take_until(end.tag.start, source);
            self.captured(capture);
        }
        self.told.micro.end(end.element);
        self.close_readings(end.element);
    }

    fn captured(&mut self, capture: &mut Capture<Target>) {
        let decoded = self.charset.decode(&capture.bytes);
        match &capture.target {
            Target::Linked if capture.is_cut => self.troubles.beyond += 1,
            Target::Linked => match serde_json::from_str(decoded.trim()) {
                Ok(document) => self.told.documents.push(document),
                Err(_) => self.troubles.malformed += 1,
            },
            Target::Micro(property) => self.told.micro.text(property, &text::of_html(&decoded)),
            Target::Lookup { extraction, lookup, of, has_markup } => {
                let found = match has_markup {
                    true => text::of_html(&decoded),
                    false => text::folded(&htmlize::unescape(&*decoded)),
                };
                let value = self.wanted.list()[*extraction].lookups().get(*lookup).and_then(|it| it.value(&found));
                self.keep(*extraction, *lookup, *of, capture.element, value);
            }
        }
    }

    /// Keeps a value, unless an element before it has told one.
    fn keep(&mut self, extraction: usize, lookup: usize, of: Option<u64>, element: u64, value: Option<Json>) {
        let Some(value) = value else { return };
        let bytes = value.as_str().map_or(8, str::len);
        if self.bytes + bytes > EXTRACT_BYTES {
            self.troubles.beyond += 1;
            return;
        }
        let Some(known) = self.values(extraction, of).map(|values| &mut values[lookup]) else { return };
        if known.as_ref().is_none_or(|(first, _)| element < *first) {
            *known = Some((element, value));
            self.bytes += bytes;
        }
    }

    fn values(&mut self, extraction: usize, of: Option<u64>) -> Option<&mut Values> {
        let found = &mut self.found[extraction];
        match of {
            None => Some(&mut found.values),
            Some(element) => found.open.iter_mut().find(|open| open.element == element).map(|open| &mut open.values),
        }
    }

    fn close_readings(&mut self, element: u64) {
        for found in &mut self.found {
            while let Some(open) = found.open.pop_if(|open| open.element >= element) {
                found.done.push((open.element, open.values));
            }
        }
    }
}

fn blank(extraction: &Extraction) -> Values {
    vec![None; extraction.lookups().len()]
}

/// The reading of what was found; `None` if that is nothing, or nothing that tells it from others.
fn reading(extraction: &Extraction, values: Values) -> Option<Reading> {
    let mut named = Map::new();
    let mut key = None;
    let is_each = matches!(extraction, Extraction::Each { .. });
    for (place, (lookup, value)) in extraction.lookups().into_iter().zip(values).enumerate() {
        let Some((_, value)) = value else { continue };
        match is_each && place == KEY {
            true => key = Some(value.as_str().map_or_else(|| value.to_string().into(), Arc::from)),
            false => drop(named.insert(lookup.name.to_string(), value)),
        }
    }
    let tells = if is_each { key.is_some() } else { !named.is_empty() };
    tells.then(|| Reading { key, values: Arc::new(named) })
}
