//! Microdata, as the HTML standard has it: `itemscope`, `itemtype` and `itemprop`.
//!
//! In: the elements that carry them, and the text inside. Out: things as JSON-LD would tell them, so that both are understood in one
//! place. `itemref` and `itemid` are not followed. It must not hold more than the named limits.

use serde_json::{Map, Value as Json};

use crate::limits::{EXTRACT_DEPTH, EXTRACT_PROPERTIES, EXTRACT_READINGS};
use crate::page::Element;

/// The things of one page.
#[derive(Debug, Default)]
pub(super) struct Micro {
    /// Those that are open, outermost first.
    open: Vec<Scope>,
    /// Those that are no property of another.
    things: Vec<(u64, Json)>,
    /// Texts are told before their scope closes; scopes are counted to find them.
    scopes: usize,
}

#[derive(Debug)]
struct Scope {
    number: usize,
    /// Offset of the element.
    element: u64,
    /// Which properties of the scope around it this is.
    of: Vec<String>,
    properties: Map<String, Json>,
}

/// A property whose value is the text inside its element.
#[derive(Debug)]
pub(super) struct PropertyText {
    scope: usize,
    names: Vec<String>,
}

impl Micro {
    /// An element with `itemscope` or `itemprop`. Out: the property whose text is wanted.
    ///
    /// # Errors
    /// There are more than may be read.
    pub fn start(&mut self, element: &Element, at: u64, can_have_content: bool) -> Result<Option<PropertyText>, ()> {
        let get = |name: &str| element.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let names: Vec<String> =
            get("itemprop").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if get("itemscope").is_some() {
            if self.open.len() >= EXTRACT_DEPTH || self.scopes >= 4 * EXTRACT_READINGS {
                return Err(());
            }
            let mut properties = Map::new();
            if let Some(kind) = get("itemtype").and_then(|kinds| kinds.split_ascii_whitespace().next()) {
                properties.insert("@type".to_owned(), kind.into());
            }
            self.scopes += 1;
            self.open.push(Scope { number: self.scopes, element: at, of: names, properties });
            if !can_have_content {
                self.end(at);
            }
            return Ok(None);
        }
        let Some(scope) = self.open.last_mut().filter(|_| !names.is_empty()) else { return Ok(None) };
        let attribute = match &*element.tag {
            "meta" => Some("content"),
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => Some("src"),
            "a" | "area" | "link" => Some("href"),
            "object" => Some("data"),
            "data" | "meter" => Some("value"),
            "time" => Some("datetime"),
            // Not of the standard, and everywhere.
            _ => Some("content"),
        };
        match attribute.and_then(get) {
            Some(value) => scope.add(&names, value),
            None if can_have_content => return Ok(Some(PropertyText { scope: scope.number, names })),
            None => {}
        }
        Ok(None)
    }

    /// The text of a property.
    pub fn text(&mut self, property: &PropertyText, text: &str) {
        if let Some(scope) = self.open.iter_mut().find(|scope| scope.number == property.scope) {
            scope.add(&property.names, text);
        }
    }

    /// The element that began at `element` is closed, with all in it.
    pub fn end(&mut self, element: u64) {
        while let Some(closed) = self.open.pop_if(|scope| scope.element >= element) {
            let thing = Json::Object(closed.properties);
            match self.open.last_mut() {
                Some(around) if !closed.of.is_empty() => {
                    closed.of.iter().for_each(|name| around.put(name, thing.clone()))
                }
                _ => self.things.push((closed.element, thing)),
            }
        }
    }

    /// The things of the page, in its order.
    pub fn things(mut self) -> Vec<Json> {
        self.things.sort_by_key(|(element, _)| *element);
        self.things.into_iter().map(|(_, thing)| thing).collect()
    }
}

impl Scope {
    fn add(&mut self, names: &[String], value: &str) {
        let value = super::text::folded(value);
        if !value.is_empty() {
            names.iter().for_each(|name| self.put(name, value.as_str().into()));
        }
    }

    /// Adds a value; several of one name are a list.
    fn put(&mut self, name: &str, value: Json) {
        if self.properties.len() >= EXTRACT_PROPERTIES {
            return;
        }
        match self.properties.get_mut(name) {
            None => drop(self.properties.insert(name.to_owned(), value)),
            Some(Json::Array(list)) if list.len() < EXTRACT_PROPERTIES => list.push(value),
            Some(Json::Array(_)) => {}
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }
}
