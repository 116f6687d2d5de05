//! A profile as a JSON document, for those who ask what is known of somebody, and to bring it elsewhere.
//!
//! In: a profile; or an event as somebody sends it. Out: JSON; or the event. It must not know over which port.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::Profile;
use crate::event::{Data, Direction, Event, EventError, EventId, EventType};

impl Profile {
    /// All that is remembered, in words: `traits`, `events` (the newest first), `counters`, `lists`, `customer`, `seen`, `session`.
    pub fn document(&self) -> Json {
        let counters: Map<String, Json> =
            self.counters().iter().map(|(name, counter)| (name.text().to_owned(), counter.total().into())).collect();
        let session = self.session().map(|session| {
            json!({ "began": session.began.to_string(), "last": session.last.to_string(), "data": session.data.fields(), "before": session.before })
        });
        json!({
            "customer": self.customer().map(|customer| &**customer),
            "traits": &**self.traits().map(),
            "counters": counters,
            "lists": self.lists().iter().map(|list| list.text()).collect::<Vec<_>>(),
            "seen": self.seen().map(|seen| json!({ "first": seen.first.to_string(), "last": seen.last.to_string() })),
            "session": session,
            "events": self.events().iter().rev().map(|event| event.document()).collect::<Vec<_>>(),
        })
    }
}

/// Why a document is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("an event is an object with `type`, and perhaps `data`, `id` and `time`")]
    NoObject,
    #[error("an event has no `{0}`; it has `type`, `data`, `id` and `time`")]
    UnknownKey(String),
    #[error("an event's `{0}` is a text")]
    NoText(&'static str),
    #[error("an event needs a `type`, such as `product.view`")]
    NoType,
    #[error("`{0}` is no time; write one such as 2026-11-23T12:00:00Z")]
    Time(String),
    #[error(transparent)]
    Event(#[from] EventError),
}

/// Why what was sent is no list of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvents {
    #[error("{count} events were sent; send 1 to {most} at once")]
    Count { count: usize, most: usize },
    /// Counted from 1.
    #[error("event {place}: {error}")]
    One { place: usize, error: DocumentError },
}

impl Event {
    /// The event in words: `type`, `time`, `id`, `from`, `data`.
    pub fn document(&self) -> Json {
        json!({
            "type": self.kind.text(),
            "time": self.at.to_string(),
            "id": self.id.text(),
            "from": self.from.text(),
            "data": self.data.fields(),
        })
    }

    /// Reads an event as it is sent: `{"type": "cart.add", "data": {…}, "id": "…", "time": "…"}`. Without an id it gets a new one;
    /// without a time it is of `now`. `from` is taken where we wrote it ourselves, and not believed.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn read(document: Json, from: Direction, now: Timestamp) -> Result<Self, DocumentError> {
        let Json::Object(mut map) = document else { return Err(DocumentError::NoObject) };
        if let Some(unknown) = map.keys().find(|key| !["type", "data", "id", "time", "from"].contains(&key.as_str())) {
            return Err(DocumentError::UnknownKey(unknown.chars().take(64).collect()));
        }
        let kind = EventType::parse(&text(&mut map, "type")?.ok_or(DocumentError::NoType)?)?;
        let id = text(&mut map, "id")?.map(|id| EventId::parse(&id)).transpose()?.unwrap_or_else(EventId::random);
        let at = match text(&mut map, "time")? {
            None => now,
            Some(time) => time.parse().map_err(|_| DocumentError::Time(time.chars().take(64).collect()))?,
        };
        let data = map.shift_remove("data").filter(|data| !data.is_null()).map(Data::new).transpose()?;
        let micros = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(now);
        Ok(Self { id, kind, at: micros.min(now), from, data: data.unwrap_or_else(Data::none) })
    }

    /// Reads one event, or a list of 1 to `most`. Those that say no time follow each other, a microsecond apart, and end at `now`.
    ///
    /// # Errors
    /// [`NoEvents`]; nothing of a list counts then.
    pub fn read_some(sent: Json, most: usize, from: Direction, now: Timestamp) -> Result<Vec<Self>, NoEvents> {
        let sent = match sent {
            Json::Array(events) => events,
            event => vec![event],
        };
        let count = sent.len();
        if !(1..=most).contains(&count) {
            return Err(NoEvents::Count { count, most });
        }
        let one = |(place, event): (usize, Json)| {
            let ago = SignedDuration::from_micros(i64::try_from(count - 1 - place).unwrap_or_default());
            let at = now.checked_sub(ago).unwrap_or(now);
            Self::read(event, from, at).map_err(|error| NoEvents::One { place: place + 1, error })
        };
        sent.into_iter().enumerate().map(one).collect()
    }
}

fn text(map: &mut Map<String, Json>, key: &'static str) -> Result<Option<String>, DocumentError> {
    match map.shift_remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(DocumentError::NoText(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_it_is_written() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a timestamp");
        let sent = json!({ "type": "cart.add", "id": "a-1", "time": "2026-11-23T11:00:00Z", "data": { "sku": "A1" } });
        let event = Event::read(sent, Direction::Api, now).expect("an event");
        assert_eq!(Event::read(event.document(), Direction::Api, now), Ok(event));
        let ahead = Event::read(json!({ "type": "a.b", "time": "2030-01-01T00:00:00Z" }), Direction::Api, now);
        assert_eq!(ahead.expect("an event").at, now);
    }

    #[test]
    fn what_is_no_event_is_told_what_to_write() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a timestamp");
        for (sent, told) in [
            (json!([]), "is an object"),
            (json!({}), "needs a `type`"),
            (json!({ "type": 7 }), "`type` is a text"),
            (json!({ "type": "view" }), "noun, a dot and a verb"),
            (json!({ "type": "a.b", "time": "yesterday" }), "`yesterday` is no time"),
            (json!({ "type": "a.b", "id": "" }), "visible ASCII"),
            (json!({ "type": "a.b", "data": 7 }), "`data` is an object"),
            (json!({ "type": "a.b", "date": 7 }), "no `date`"),
        ] {
            let error = Event::read(sent.clone(), Direction::Browser, now).expect_err(told).to_string();
            assert!(error.contains(told), "{sent}: {error}");
        }
    }
}
