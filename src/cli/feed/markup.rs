//! A feed of XML: an element for each record, with an element for each field.
//!
//! In: bytes in UTF-8. Out: records, their fields without prefix (`g:price` is `price`); what is repeated is a list, what has
//! elements of its own an object, and an empty element with an `href` that address. No document type is read, and no entity but
//! the predefined ones and those of HTML is known: a feed can't grow.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value as Json};

use super::source::{Source, Told};
use super::{BadLine, FeedError, Row, cell};
use crate::limits::ITEM_DATA_DEPTH;

/// Elements that are records: of RSS, of Atom, and of plain lists.
const RECORDS: [&str; 3] = ["item", "entry", "product"];

pub(super) struct Markup {
    reader: Reader<Source>,
    told: Told,
    record: Option<String>,
    texts: Vec<String>,
    buffer: Vec<u8>,
}

/// An element of a record that is open.
struct Open {
    name: String,
    text: String,
    fields: Map<String, Json>,
    href: Option<String>,
}

/// What the reader met.
enum Met {
    Start(Open),
    End,
    Empty(Open),
    Text(String),
    Over,
}

impl Markup {
    pub fn new(source: Source, record: Option<String>, texts: Vec<String>) -> Self {
        Self { told: source.told(), reader: Reader::from_reader(source), record, texts, buffer: Vec::new() }
    }

    pub fn next(&mut self) -> Result<Option<Result<Row, BadLine>>, FeedError> {
        let line = loop {
            self.told.begin_record();
            match self.meet()? {
                Met::Start(open) if self.is_record(&open.name) => break self.told.line(),
                Met::Over => return Ok(None),
                Met::Start(_) | Met::End | Met::Empty(_) | Met::Text(_) => {}
            }
        };
        self.record(line).map(Some)
    }

    /// Reads to the end of a record that has begun.
    fn record(&mut self, line: u64) -> Result<Result<Row, BadLine>, FeedError> {
        let mut open = vec![Open::named("")];
        let mut depth = 1;
        let mut too_deep = false;
        while depth > 0 {
            match self.meet()? {
                Met::Start(element) => {
                    depth += 1;
                    too_deep |= depth > ITEM_DATA_DEPTH;
                    if !too_deep {
                        open.push(element);
                    }
                }
                Met::End => {
                    depth -= 1;
                    if !too_deep && depth > 0 {
                        self.close(&mut open);
                    }
                }
                Met::Empty(element) if !too_deep => {
                    open.push(element);
                    self.close(&mut open);
                }
                Met::Text(text) => open.iter_mut().next_back().into_iter().for_each(|last| last.text.push_str(&text)),
                Met::Empty(_) => {}
                Met::Over => return Ok(Err(BadLine { line, why: "it does not end".to_owned() })),
            }
        }
        match open.pop().filter(|_| !too_deep) {
            Some(record) => Ok(Ok(Row { line, fields: record.fields })),
            None => Ok(Err(BadLine { line, why: format!("it is nested more than {ITEM_DATA_DEPTH} deep") })),
        }
    }

    /// The innermost element is over: it is a field of the one around it.
    fn close(&self, open: &mut Vec<Open>) {
        let (Some(element), Some(around)) = (open.pop(), open.last_mut()) else { return };
        let as_text = self.texts.contains(&element.name);
        let value = match element.fields.is_empty() {
            false => Some(Json::Object(element.fields)),
            true => cell::read(&element.text, as_text).or_else(|| element.href.map(Json::String)),
        };
        let Some(value) = value else { return };
        match around.fields.get_mut(&element.name) {
            None => drop(around.fields.insert(element.name, value)),
            Some(Json::Array(list)) => list.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }

    fn is_record(&self, name: &str) -> bool {
        self.record.as_ref().map_or_else(|| RECORDS.contains(&name), |record| record == name)
    }

    fn meet(&mut self) -> Result<Met, FeedError> {
        self.buffer.clear();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| failed(&self.told, error))?;
        Ok(match event {
            Event::Start(start) => Met::Start(Open::from(&start)),
            Event::Empty(start) => Met::Empty(Open::from(&start)),
            Event::End(_) => Met::End,
            Event::Text(text) => Met::Text(text.xml10_content().into_owned()),
            Event::CData(text) => Met::Text(text.xml10_content().into_owned()),
            Event::GeneralRef(entity) => Met::Text(resolved(&entity)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Met::Text(String::new()),
            Event::Eof => Met::Over,
        })
    }
}

impl Open {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new(), fields: Map::new(), href: None }
    }
}

impl From<&BytesStart<'_>> for Open {
    fn from(start: &BytesStart<'_>) -> Self {
        let href = start.try_get_attribute("href").ok().flatten();
        let href = href.map(|href| htmlize::unescape_attribute(&*href.value).into_owned());
        Self { href, ..Self::named(start.local_name().as_ref()) }
    }
}

fn resolved(entity: &BytesRef<'_>) -> String {
    let written = format!("&{};", &**entity);
    htmlize::unescape(written.as_str()).into_owned()
}

fn failed(told: &Told, error: quick_xml::Error) -> FeedError {
    match told.is_too_long() {
        true => FeedError::TooLong(told.line()),
        false => FeedError::Markup(told.line(), error),
    }
}
