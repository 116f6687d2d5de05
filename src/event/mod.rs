//! The data of an event: something that happened to one visitor.
//!
//! In: JSON and texts from the traffic, the browser, the origin or the API. Out: an [`Event`] that is known to be well-formed
//! and bounded, or why it is none. It must not know whose event it is, nor where it is kept.

pub mod believed;

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::ids;
use crate::limits::{EVENT_DATA_BYTES, EVENT_DATA_DEPTH, EVENT_ID_BYTES, EVENT_TYPE_BYTES};

/// Why something is no event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    #[error(
        "`{0}` is no event type: it is a noun, a dot and a verb in small letters, digits and `_`, such as `product.view`"
    )]
    Type(String),
    #[error("an event's id has 1 to {EVENT_ID_BYTES} visible ASCII characters")]
    Id,
    #[error("an event's `data` is an object")]
    NoObject,
    #[error("an event's `data` has at most {EVENT_DATA_BYTES} bytes as JSON")]
    TooLarge,
    #[error("an event's `data` is nested at most {EVENT_DATA_DEPTH} deep")]
    TooDeep,
}

/// What happened, in general: `product.view`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Reads `noun.verb`.
    ///
    /// # Errors
    /// [`EventError::Type`].
    pub fn parse(text: &str) -> Result<Self, EventError> {
        let is_word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        match text.split_once('.') {
            Some((noun, verb)) if text.len() <= EVENT_TYPE_BYTES && is_word(noun) && is_word(verb) => {
                Ok(Self(text.into()))
            }
            _ => Err(EventError::Type(text.chars().take(EVENT_TYPE_BYTES).collect())),
        }
    }

    /// The type as text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    pub fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes an event one event: sent twice, it happened once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    /// A new one, for an event that nobody sends twice: 128 random bits.
    pub fn random() -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(ids::random_128())).into())
    }

    /// One that the sender chose.
    ///
    /// # Errors
    /// [`EventError::Id`].
    pub fn parse(text: &str) -> Result<Self, EventError> {
        match (1..=EVENT_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err(EventError::Id),
        }
    }

    /// The id as text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// From where an event came, which says how far it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// We saw it ourselves in the requests and pages that went by.
    Traffic,
    /// The page's scripts said so.
    Browser,
    /// The origin said so in a response's head.
    Origin,
    /// A server said so on the admin port.
    Api,
}

impl Direction {
    /// As it is written: `traffic`, `browser`, `origin`, `api`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Browser => "browser",
            Self::Origin => "origin",
            Self::Api => "api",
        }
    }

    /// Reads what [`text`](Direction::text) gives.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Traffic, Self::Browser, Self::Origin, Self::Api].into_iter().find(|from| from.text() == text)
    }
}

/// What is known of one event beside its type and time: a JSON object, bounded in bytes and depth. It is kept as text, which is
/// smaller and is what stores hold, and read when somebody first asks for a part of it.
#[derive(Clone)]
pub struct Data {
    text: Box<str>,
    read: OnceLock<Box<Map<String, Json>>>,
}

impl Data {
    /// No data.
    pub fn none() -> Self {
        Self { text: "{}".into(), read: OnceLock::new() }
    }

    /// Takes a JSON object.
    ///
    /// # Errors
    /// [`EventError::NoObject`], [`EventError::TooLarge`], [`EventError::TooDeep`].
    pub fn new(json: Json) -> Result<Self, EventError> {
        let Json::Object(map) = json else { return Err(EventError::NoObject) };
        if !map.values().all(|value| is_within_depth(value, EVENT_DATA_DEPTH - 1)) {
            return Err(EventError::TooDeep);
        }
        let json = Json::Object(map);
        let text = json.to_string().into_boxed_str();
        if text.len() > EVENT_DATA_BYTES {
            return Err(EventError::TooLarge);
        }
        let Json::Object(map) = json else { return Err(EventError::NoObject) };
        Ok(Self { text, read: Box::new(map).into() })
    }

    /// Takes what [`text`](Data::text) gave before: it was judged then, and is not read now. Text that is no object reads as
    /// one without fields.
    pub fn kept(text: &str) -> Self {
        Self { text: text.into(), read: OnceLock::new() }
    }

    /// The object as JSON text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The object.
    pub fn fields(&self) -> &Map<String, Json> {
        self.read.get_or_init(|| Box::new(serde_json::from_str(&self.text).unwrap_or_default()))
    }

    /// The part at a path of names and indices joined by dots: `total`, `lines.0.sku`. A name that has a dot in it comes first.
    pub fn at(&self, path: &str) -> Option<&Json> {
        self.fields().get(path).or_else(|| {
            let mut steps = path.split('.');
            let first = self.fields().get(steps.next()?)?;
            steps.try_fold(first, |json, step| match json {
                Json::Object(map) => map.get(step),
                Json::Array(list) => list.get(step.parse::<usize>().ok()?),
                _ => None,
            })
        })
    }
}

/// The data itself is kept out of logs.
impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.text.len())
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Whether `json` is nested at most `depth` deep, where a scalar is not nested at all. It walks no deeper than that.
pub(crate) fn is_within_depth(json: &Json, depth: usize) -> bool {
    match json {
        Json::Array(list) => depth > 0 && list.iter().all(|value| is_within_depth(value, depth - 1)),
        Json::Object(map) => depth > 0 && map.values().all(|value| is_within_depth(value, depth - 1)),
        _ => true,
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub kind: EventType,
    /// When it happened, in microseconds' precision. What a sender says may lie behind; never ahead of when it is known.
    pub at: Timestamp,
    pub from: Direction,
    pub data: Data,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_a_noun_and_a_verb() {
        for good in ["page.view", "cart.add", "gift_card.redeem2"] {
            assert_eq!(EventType::parse(good).expect(good).text(), good);
        }
        let long = format!("a.{}", "b".repeat(EVENT_TYPE_BYTES));
        for bad in ["", ".", "page", "page.", ".view", "Page.view", "page.view.more", "page view.x", "1.x", &long] {
            assert!(matches!(EventType::parse(bad), Err(EventError::Type(_))), "{bad}");
        }
    }

    #[test]
    fn data_is_a_bounded_object() {
        assert_eq!(Data::new(json!([1])), Err(EventError::NoObject));
        assert_eq!(Data::new(json!({ "a": "x".repeat(EVENT_DATA_BYTES) })), Err(EventError::TooLarge));
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(Data::new(nested(EVENT_DATA_DEPTH)).is_ok());
        assert_eq!(Data::new(nested(EVENT_DATA_DEPTH + 1)), Err(EventError::TooDeep));
    }

    #[test]
    fn parts_of_data_are_found_by_path_also_after_it_was_kept() {
        let data = Data::new(json!({ "sku": "A1", "lines": [{ "sku": "B2" }], "a.b": 1 })).expect("data");
        for data in [Data::kept(data.text()), data] {
            assert_eq!(data.at("sku"), Some(&json!("A1")));
            assert_eq!(data.at("lines.0.sku"), Some(&json!("B2")));
            assert_eq!(data.at("a.b"), Some(&json!(1)));
            assert_eq!(data.at("lines.1.sku"), None);
            assert_eq!(data.at("sku.x"), None);
        }
    }

    #[test]
    fn an_id_is_short_and_visible() {
        assert!(EventId::parse(EventId::random().text()).is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(EVENT_ID_BYTES + 1)] {
            assert_eq!(EventId::parse(bad), Err(EventError::Id), "{bad}");
        }
    }
}
