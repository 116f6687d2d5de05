//! Profiles and events as lines: what exports write, and imports and bulk calls read.
//!
//! In: one line's JSON. Out: whose it is and what it changes, or why not; or the JSON of a profile. It must not know where
//! lines come from, nor change anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::{Map, Value as Json, json};
use thiserror::Error;

use super::document::DocumentError;
use super::{
    Change, Counter, IdError, Keep, Name, NameError, Op, Parts, Profile, ProfileId, Seen, Session, Traits, TraitsError,
    oldest,
};
use crate::event::{Data, Direction, Event, EventError};
use crate::limits::{LINE_EVENTS, PROFILE_COUNTER_DAYS, PROFILE_COUNTERS, PROFILE_LISTS};

/// Days of counters are counted from here.
const FIRST_DAY: Date = date(1970, 1, 1);
/// What a line of an import may say.
const OWN: [&str; 4] = ["id", "traits", "lists", "events"];
/// What only an export says. A line with any of it is taken for a whole profile.
const EXPORTED: [&str; 4] = ["customer", "counters", "seen", "session"];

/// One line of an import: whose it is, and what it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub id: ProfileId,
    /// At least one.
    pub changes: Vec<Change>,
}

/// Why a line is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    #[error("it is no JSON: {0}")]
    NotJson(String),
    #[error("a line is an object, such as {{\"id\": \"42\", \"traits\": {{\"tier\": \"gold\"}}}}")]
    NoObject,
    #[error("a line has no `{0}`; it has `id`, `traits`, `lists` and `events`, and traits stand below `traits`")]
    UnknownKey(String),
    #[error("a line needs `{0}`: what the site calls the customer, as text or number")]
    NoId(&'static str),
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("it says nothing: a line has `traits`, `lists` or `events`")]
    Nothing,
    #[error(transparent)]
    Traits(#[from] TraitsError),
    #[error("`{0}` is a list")]
    NoList(&'static str),
    #[error("it names more than {PROFILE_LISTS} lists")]
    ManyLists,
    #[error(transparent)]
    List(#[from] NameError),
    #[error("it has more than {LINE_EVENTS} events; send them in several lines")]
    ManyEvents,
    #[error("event {place}: {error}")]
    Event { place: usize, error: DocumentError },
    #[error("event {0} is older than events are kept; `profiles.age` says for how long")]
    TooOld(usize),
    #[error("the counter `{0}` is a number, or an object with `total` and `days`")]
    Counter(String),
    #[error("it has more than {PROFILE_COUNTERS} counters, or one of more than {PROFILE_COUNTER_DAYS} days")]
    ManyCounters,
    #[error("`{0}` is not as an export writes it")]
    NotExported(&'static str),
    #[error(transparent)]
    Data(#[from] EventError),
}

impl Profile {
    /// The profile as a line of an export, which [`Line::read`] takes back.
    pub fn line(&self, id: &ProfileId) -> Json {
        let mut line = json!({ "id": id.text() });
        let mut document = self.document();
        document["counters"] =
            self.counters().iter().map(|(name, counter)| (name.text().to_owned(), counted(counter))).collect();
        if let (Json::Object(line), Json::Object(document)) = (&mut line, document) {
            line.extend(document);
        }
        line
    }
}

fn counted(counter: &Counter) -> Json {
    let day = |(day, count): &(i32, i64)| Some((date_of(*day)?.to_string(), Json::from(*count)));
    let days: Map<String, Json> = counter.days().iter().filter_map(day).collect();
    json!({ "total": counter.total(), "days": days })
}

impl Line {
    /// Reads a line: `{"id": "42", "traits": {…}, "lists": ["vip"], "events": [{…}]}`, of which the traits are a patch (RFC 7396),
    /// lists are joined and events counted once by their ids; or a line of an export, by which all that it says is [known
    /// again](Profile::restored).
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read(json: Json, keep: &Keep, now: Timestamp) -> Result<Self, LineError> {
        let Json::Object(map) = json else { return Err(LineError::NoObject) };
        if let Some(unknown) = map.keys().find(|key| !OWN.iter().chain(&EXPORTED).any(|known| known == key)) {
            return Err(LineError::UnknownKey(unknown.chars().take(64).collect()));
        }
        let id = id(map.get("id"), "id")?;
        let changes = match EXPORTED.iter().any(|key| map.contains_key(*key)) {
            true => vec![Change::new(Op::Restore(Arc::new(exported(&map, now)?)), now)],
            false => told(&map, keep, now)?,
        };
        if changes.is_empty() { Err(LineError::Nothing) } else { Ok(Self { id, changes }) }
    }

    /// Reads an event with the profile that it is of: `{"profile": "42", "type": "order.placed", "data": {…}}`.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read_event(json: Json, keep: &Keep, now: Timestamp) -> Result<Self, LineError> {
        let Json::Object(mut map) = json else { return Err(LineError::NoObject) };
        let id = id(map.shift_remove("profile").as_ref(), "profile")?;
        let changes = vec![appended(event(1, &Json::Object(map), now)?, 1, keep, now)?];
        Ok(Self { id, changes })
    }

    /// Reads who is to be on a list: an id, or `{"id": "42", "member": false}` for who is not any more.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read_member(json: &Json, list: &Name, now: Timestamp) -> Result<Self, LineError> {
        let (id, member) = match json {
            Json::Object(map) => {
                if let Some(unknown) = map.keys().find(|key| !["id", "member"].contains(&key.as_str())) {
                    return Err(LineError::UnknownKey(unknown.chars().take(64).collect()));
                }
                let member = map.get("member").map_or(Some(true), Json::as_bool);
                (id(map.get("id"), "id")?, member.ok_or(LineError::NotExported("member"))?)
            }
            json => (id(Some(json), "id")?, true),
        };
        let op = if member { Op::Join(list.clone()) } else { Op::Leave(list.clone()) };
        Ok(Self { id, changes: vec![Change::new(op, now)] })
    }
}

fn id(json: Option<&Json>, key: &'static str) -> Result<ProfileId, LineError> {
    Ok(match json {
        Some(Json::String(id)) => ProfileId::parse(id)?,
        Some(Json::Number(id)) => ProfileId::parse(&id.to_string())?,
        _ => return Err(LineError::NoId(key)),
    })
}

/// What a line says that somebody wrote.
fn told(map: &Map<String, Json>, keep: &Keep, now: Timestamp) -> Result<Vec<Change>, LineError> {
    let mut changes = Vec::new();
    if let Some(traits) = map.get("traits") {
        changes.push(Change::new(Op::MergeTraits(Traits::new(traits.clone())?), now));
    }
    changes.extend(lists(map)?.into_iter().map(|list| Change::new(Op::Join(list), now)));
    for (place, event) in events(map, now)?.into_iter().enumerate() {
        changes.push(appended(event, place + 1, keep, now)?);
    }
    Ok(changes)
}

fn appended(event: Event, place: usize, keep: &Keep, now: Timestamp) -> Result<Change, LineError> {
    match event.at < oldest(now, keep) {
        true => Err(LineError::TooOld(place)),
        false => Ok(Change::append(event, now)),
    }
}

fn lists(map: &Map<String, Json>) -> Result<BTreeSet<Name>, LineError> {
    let lists = list(map, "lists")?;
    if lists.len() > PROFILE_LISTS {
        return Err(LineError::ManyLists);
    }
    lists.iter().map(|name| Ok(Name::parse(name.as_str().unwrap_or_default())?)).collect()
}

fn events(map: &Map<String, Json>, now: Timestamp) -> Result<Vec<Event>, LineError> {
    let events = list(map, "events")?;
    if events.len() > LINE_EVENTS {
        return Err(LineError::ManyEvents);
    }
    events.iter().enumerate().map(|(place, json)| event(place + 1, json, now)).collect()
}

/// Whoever may write lines may say from where an event came.
fn event(place: usize, json: &Json, now: Timestamp) -> Result<Event, LineError> {
    let from = json.get("from").and_then(|from| Direction::parse(from.as_str()?)).unwrap_or(Direction::Api);
    Event::read(json.clone(), from, now).map_err(|error| LineError::Event { place, error })
}

fn list<'a>(map: &'a Map<String, Json>, key: &'static str) -> Result<&'a [Json], LineError> {
    match map.get(key) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(list)) => Ok(list),
        Some(_) => Err(LineError::NoList(key)),
    }
}

/// The profile of an export's line.
fn exported(map: &Map<String, Json>, now: Timestamp) -> Result<Profile, LineError> {
    let traits = map.get("traits").filter(|traits| !traits.is_null()).cloned();
    let mut events: Vec<Arc<Event>> = events(map, now)?.into_iter().map(Arc::new).collect();
    events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let customer = match map.get("customer") {
        None | Some(Json::Null) => None,
        Some(customer) => Some(customer.as_str().ok_or(LineError::NotExported("customer"))?),
    };
    if let Some(customer) = customer {
        ProfileId::customer(customer)?;
    }
    Ok(Profile::from_parts(Parts {
        traits: Traits::new(traits.unwrap_or_else(|| json!({})))?,
        counters: counters(map)?,
        events,
        lists: lists(map)?,
        customer: customer.map(Arc::from),
        seen: part(map, "seen", seen)?,
        session: part(map, "session", session)?,
        known: Vec::new(),
    }))
}

/// A part of an export, where it says one.
fn part<T>(map: &Map<String, Json>, key: &'static str, read: fn(&Json) -> Option<T>) -> Result<Option<T>, LineError> {
    match map.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => read(json).map(Some).ok_or(LineError::NotExported(key)),
    }
}

fn seen(json: &Json) -> Option<Seen> {
    let seen = Seen { first: moment(json, "first")?, last: moment(json, "last")? };
    (seen.first <= seen.last).then_some(seen)
}

fn session(json: &Json) -> Option<Session> {
    let data = Data::new(json.get("data")?.clone()).ok()?;
    Some(Session {
        began: moment(json, "began")?,
        last: moment(json, "last")?,
        data,
        before: json.get("before")?.as_u64()?,
    })
}

/// To the microsecond, as stores keep times.
fn moment(json: &Json, key: &str) -> Option<Timestamp> {
    let at: Timestamp = json.get(key)?.as_str()?.parse().ok()?;
    Timestamp::from_microsecond(at.as_microsecond()).ok()
}

fn counters(map: &Map<String, Json>) -> Result<BTreeMap<Name, Counter>, LineError> {
    let counters = match map.get("counters") {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(Json::Object(counters)) => counters,
        Some(_) => return Err(LineError::NotExported("counters")),
    };
    if counters.len() > PROFILE_COUNTERS {
        return Err(LineError::ManyCounters);
    }
    counters.iter().map(|(name, json)| Ok((Name::parse(name)?, counter(name, json)?))).collect()
}

fn counter(name: &str, json: &Json) -> Result<Counter, LineError> {
    let wrong = || LineError::Counter(name.chars().take(64).collect());
    if let Some(total) = json.as_i64() {
        return Ok(Counter::kept(total, Vec::new()));
    }
    let total = json.get("total").and_then(Json::as_i64).ok_or_else(wrong)?;
    let days = match json.get("days") {
        None => return Ok(Counter::kept(total, Vec::new())),
        Some(days) => days.as_object().ok_or_else(wrong)?,
    };
    if days.len() > PROFILE_COUNTER_DAYS {
        return Err(LineError::ManyCounters);
    }
    let day = |(on, count): (&String, &Json)| Some((day_of(on.parse().ok()?)?, count.as_i64()?));
    let days: Option<BTreeMap<i32, i64>> = days.iter().map(day).collect();
    Ok(Counter::kept(total, days.ok_or_else(wrong)?.into_iter().collect()))
}

fn date_of(day: i32) -> Option<Date> {
    FIRST_DAY.checked_add(jiff::Span::new().try_days(day).ok()?).ok()
}

fn day_of(date: Date) -> Option<i32> {
    FIRST_DAY.until(date).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn now() -> Timestamp {
        at("2026-11-23T12:00:00Z")
    }

    fn read(json: Json) -> Result<Line, LineError> {
        Line::read(json, &Keep::default(), now())
    }

    fn becomes(mut profile: Profile, line: &Line) -> Profile {
        line.changes.iter().for_each(|change| {
            profile.apply(change, &Keep::default());
        });
        profile
    }

    fn full() -> Profile {
        let events = json!([
            { "type": "order.placed", "id": "o1", "time": "2026-11-20T10:00:00.123456Z", "data": { "total": 12.5 } },
            { "type": "cart.add", "id": "c1", "time": "2026-11-21T10:00:00Z" },
        ]);
        let line = json!({
            "id": 42, "traits": { "loyalty": { "tier": "gold" }, "tags": [null, 1] }, "lists": ["vip"], "events": events,
        });
        let profile = becomes(Profile::new(), &read(line).expect("a line"));
        let customer = ProfileId::customer("42").expect("an id");
        let more = [
            Change::new(
                Op::Increment { counter: Name::parse("order.placed").expect("a name"), by: 40 },
                at("2026-08-01T00:00:00Z"),
            ),
            Change::new(Op::Visit(Data::new(json!({ "campaign": "spring" })).expect("data")), now()),
            Change::identify(&customer, now()),
            Change::new(
                Op::SetTraits(Traits::new(json!({ "loyalty": { "tier": "gold" }, "gone": null })).expect("traits")),
                now(),
            ),
        ];
        becomes(profile, &Line { id: customer, changes: more.into() })
    }

    /// All that is remembered; which changes came is not.
    fn said(profile: &Profile) -> Json {
        profile.line(&ProfileId::customer("42").expect("an id"))
    }

    #[test]
    fn an_export_is_taken_back_whole_and_any_number_of_times() {
        let exported = said(&full());
        let line = read(exported.clone()).expect("a line");
        assert_eq!(line.id.text(), "customer:42");
        let once = becomes(Profile::new(), &line);
        assert_eq!(said(&once), exported);
        let again = read(exported.clone()).expect("a line");
        assert_eq!(said(&becomes(once, &again)), exported);
        assert_eq!(said(&becomes(full(), &again)), exported, "also where it was exported");
    }

    #[test]
    fn what_was_remembered_since_an_export_stays() {
        let line = read(said(&full())).expect("a line");
        let since = json!({ "id": "42", "traits": { "new": 1, "loyalty": { "tier": "silver" } }, "events": [{ "type": "order.placed" }] });
        let known = becomes(becomes(full(), &read(since).expect("a line")), &line);
        assert_eq!(known.counters()[&Name::parse("order.placed").expect("a name")].total(), 42);
        assert_eq!(known.traits().map()["new"], json!(1));
        assert_eq!(known.traits().map()["loyalty"], json!({ "tier": "gold" }));
        assert_eq!(known.events().len(), 3);
    }

    #[test]
    fn a_line_of_events_counts_each_once() {
        let event = json!({ "profile": "42", "type": "order.placed", "id": "o1" });
        let line = Line::read_event(event, &Keep::default(), now()).expect("a line");
        let known = becomes(becomes(Profile::new(), &line), &line);
        assert_eq!((known.events().len(), known.events()[0].from), (1, Direction::Api));
    }

    #[test]
    fn a_line_that_is_none_says_what_to_write() {
        let long = vec![json!({ "type": "a.b" }); LINE_EVENTS + 1];
        for (line, told) in [
            (json!([]), "a line is an object"),
            (json!({}), "needs `id`"),
            (json!({ "id": true }), "needs `id`"),
            (json!({ "id": " " }), "an id has 1 to"),
            (json!({ "id": "42" }), "it says nothing"),
            (json!({ "id": "42", "email": "a@b.example" }), "no `email`"),
            (json!({ "id": "42", "traits": 7 }), "traits are an object"),
            (json!({ "id": "42", "lists": "vip" }), "`lists` is a list"),
            (json!({ "id": "42", "lists": ["v i p"] }), "a name has 1 to"),
            (
                json!({ "id": "42", "events": [{ "type": "a.b" }, { "type": "view" }] }),
                "event 2: `view` is no event type",
            ),
            (json!({ "id": "42", "events": [{ "type": "a.b", "time": "2020-01-01T00:00:00Z" }] }), "event 1 is older"),
            (json!({ "id": "42", "events": long }), "more than 1000 events"),
            (json!({ "id": "42", "counters": { "a.b": "7" } }), "the counter `a.b` is a number"),
            (
                json!({ "id": "42", "counters": { "a.b": { "total": 1, "days": { "monday": 1 } } } }),
                "the counter `a.b`",
            ),
            (json!({ "id": "42", "seen": "today" }), "`seen` is not as an export"),
            (json!({ "id": "42", "session": { "began": "now" } }), "`session` is not as an export"),
        ] {
            let error = read(line.clone()).expect_err(told).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
