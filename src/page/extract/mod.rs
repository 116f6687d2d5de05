//! Extraction: what a page tells in its elements, read while it is scanned for slots.
//!
//! In: [`Extraction`]s, and the one scan of the page. Out: [`Extracted`], which is kept with the compiled page. It reads what went by:
//! no byte waits for it, and what is wrong with a page costs values, never the page. It must not know what values are for.
//!
//! ```text
//! wanted  → extractions compiled once: one handler for each selector
//! extractor → what the handlers met becomes values            (capture: the bytes inside an element, as they go by)
//! text    → bytes inside an element become text               (number: and text a number, as people write them)
//! auto    → what a page says of itself for machines           (linked: JSON-LD, micro: microdata, graph: Open Graph)
//! ```

mod auto;
mod capture;
mod extractor;
mod graph;
mod linked;
mod micro;
mod number;
mod reader;
mod text;
mod wanted;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub(super) use extractor::Extractor;
pub use number::{currency, number, plain_number};
pub use reader::PageReader;
pub(super) use wanted::Sight;
pub use wanted::{ExtractionError, Extractions};

/// What is read from a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Extraction {
    /// Named values, of the first element each that has one.
    Page(Vec<Lookup>),
    /// One reading for each matching element, with what is found inside it.
    Each { each: Arc<str>, key: Lookup, lookups: Vec<Lookup> },
    /// What the page says of itself in JSON-LD, microdata and Open Graph.
    Auto,
}

/// One value: where it stands, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    pub name: Arc<str>,
    /// The element; `None`: the one of `each`.
    pub select: Option<Arc<str>>,
    /// The attribute (lower case); `None`: the element's text.
    pub attribute: Option<Arc<str>>,
    pub kind: ValueKind,
}

/// What a value is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// White space folded, entities decoded.
    #[default]
    Text,
    /// The first number in the text.
    Number,
    /// The ISO code of the currency in the text: `€ 12` is in `EUR`.
    Currency,
}

/// What one page told, by extraction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extracted {
    /// By the extraction's index, in the order of the page.
    pub readings: Vec<Vec<Reading>>,
    pub troubles: Troubles,
}

/// What was read of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What tells it from the others of the page.
    pub key: Option<Arc<str>>,
    pub values: Arc<Map<String, Json>>,
}

/// What of a page was not read, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Data for machines that is none.
    pub malformed: u32,
    /// More than may be read of one page.
    pub beyond: u32,
}

impl Extracted {
    /// Bytes that it takes in memory, about.
    pub fn weight(&self) -> usize {
        let value = |(name, value): (&String, &Json)| name.len() + value.as_str().map_or(0, str::len) + 64;
        let reading = |reading: &Reading| {
            reading.key.as_ref().map_or(0, |key| key.len()) + reading.values.iter().map(value).sum::<usize>() + 64
        };
        size_of::<Self>() + self.readings.iter().flatten().map(reading).sum::<usize>()
    }
}

impl Lookup {
    /// The value of what was found; `None` if that tells none.
    fn value(&self, found: &str) -> Option<Json> {
        match (self.kind, &self.attribute) {
            (ValueKind::Text, _) => (!found.is_empty()).then(|| found.into()),
            (ValueKind::Number, Some(_)) => plain_number(found).or_else(|| number(found)).map(Json::Number),
            (ValueKind::Number, None) => number(found).map(Json::Number),
            (ValueKind::Currency, _) => currency(found).map(Json::from),
        }
    }
}
