//! What happened, as code asks for it: `events.any('cart.add', within='30d')` and its like.
//!
//! In: what is remembered of the visitor, and a question as it was written. Out: answers that say until when they hold, since a
//! window over time moves on by itself. It must not know how events came about.
//!
//! | question | answer |
//! |---|---|
//! | `any(type, …)`, `count(type, …)` | whether there is one; how many |
//! | `last(type, …)` | the newest, or nothing |
//! | `recent(type, n, by='sku', …)` | the newest `n`, with `by` one for each value that their data has there |
//! | `age(type, unit='d', …)` | how long ago the newest was, in whole seconds unless `unit` is `m`, `h` or `d`; or nothing |
//! | `sum(type, field, …)` | what their data has at `field`, added up |
//! | `list(type, field, n, …)` | the different values there, the newest first |
//!
//! Where `…` stands `within='30d'`, `after='order.placed'` (only what is later than the last of that type), and any other name with the
//! value, or one of the values, that the event's data has under it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::remembered::Remembered;
use crate::event::{Event, EventType};
use crate::limits::EVENTS_ASKED;
use crate::profile::Profile;
use crate::profile::query::{Asked, Told};
use crate::scope::values::{at, parts, shown};
use crate::scope::{Answer, Facts, Key, Question, Seen};

/// How many `recent` and `list` give unless told otherwise.
const FEW: usize = 10;

/// What code sees as `events`.
#[derive(Debug)]
pub struct EventFacts {
    remembered: Remembered,
    /// What calls gave in this exchange, by the call as it stands in paths: `count[["page.view"],{}]`.
    told: Mutex<HashMap<Key, Arc<Told<Json>>>>,
}

impl EventFacts {
    pub fn new(remembered: Remembered) -> Self {
        Self { remembered, told: Mutex::default() }
    }

    /// What the call gives; `None` until the profile is at hand.
    ///
    /// # Errors
    /// The author's mistake, in words.
    fn ask(&self, method: &str, arguments: &str) -> Result<Option<Arc<Told<Json>>>, String> {
        let key: Key = format!("{method}{arguments}").into();
        if let Some(told) = self.told().get(&key) {
            return Ok(Some(told.clone()));
        }
        let call = Call::read(method, arguments)?;
        let Some((profile, now)) = self.remembered.profile() else { return Ok(None) };
        let told = Arc::new(call.answer(&profile, now));
        self.told().insert(key, told.clone());
        Ok(Some(told))
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Told<Json>>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the code reads below a call that was answered.
    fn below(&self, path: &[Key], read: impl FnOnce(&Json) -> Seen) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::map().private() };
        let told = self.told().get(call).cloned();
        let Some(told) = told else { return Answer::absent().private() };
        answer(at(&told.value, below).map_or(Seen::Absent, read), told.until)
    }
}

impl Facts for EventFacts {
    fn get(&self, path: &[Key]) -> Answer {
        self.below(path, shown)
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.below(path, parts)
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let [method] = path else { return None };
        let told = match self.ask(method, arguments) {
            Ok(told) => told,
            Err(mistake) => return Some(Err(format!("events.{method}: {mistake}"))),
        };
        Some(Ok(match told {
            Some(told) if told.value.is_null() => answer(Seen::Absent, told.until),
            Some(told) => answer(shown(&told.value), told.until),
            None => {
                let path = Arc::new([Key::from("events"), method.clone()]);
                answer(Seen::Awaited(Arc::new([Question::Call(path, arguments.into())])), None)
            }
        }))
    }

    fn bring(&self, _: &[Question]) -> Option<BoxFuture<'static, ()>> {
        Some(self.remembered.bring())
    }
}

fn answer(seen: Seen, until: Option<Timestamp>) -> Answer {
    Answer { until, ..Answer::fixed(seen) }.private()
}

/// A question as it was written.
struct Call {
    method: Method,
    kind: String,
    within: Option<SignedDuration>,
    after: Option<String>,
    fields: Map<String, Json>,
}

enum Method {
    Any,
    Count,
    Last,
    Recent { most: usize, by: Option<String> },
    Age { unit: i64 },
    Sum { field: String },
    List { field: String, most: usize },
}

impl Call {
    /// Reads `[[positional…], {named…}]`.
    fn read(method: &str, arguments: &str) -> Result<Self, String> {
        let (positional, mut named): (Vec<Json>, Map<String, Json>) =
            serde_json::from_str(arguments).map_err(|_| "its arguments can't be read".to_owned())?;
        let mut positional = positional.into_iter();
        let kind =
            event_type(positional.next().or_else(|| named.remove("type")), "the type of the events comes first")?;
        let mut text = |positional: Option<Json>, name: &str| match positional.or_else(|| named.remove(name)) {
            Some(Json::String(text)) => Ok(Some(text)),
            None | Some(Json::Null) => Ok(None),
            Some(_) => Err(format!("`{name}` is a text")),
        };
        let method = match method {
            "any" => Method::Any,
            "count" => Method::Count,
            "last" => Method::Last,
            "recent" => {
                let most = number(positional.next())?;
                Method::Recent { most, by: text(positional.next(), "by")? }
            }
            "age" => Method::Age { unit: unit(text(positional.next(), "unit")?.as_deref())? },
            "sum" | "list" => {
                let field = text(positional.next(), "field")?.ok_or("name the field of their data: 'price'")?;
                match method {
                    "sum" => Method::Sum { field },
                    _ => Method::List { field, most: number(positional.next())? },
                }
            }
            other => return Err(format!("there is no `{other}`; ask any, count, last, recent, age, sum or list")),
        };
        if positional.next().is_some() {
            return Err("too many arguments; conditions have names: `within='30d'`, `sku='A1'`".to_owned());
        }
        let within = text(None, "within")?.map(|text| duration(&text)).transpose()?;
        let after = match named.remove("after") {
            Some(after) => Some(event_type(Some(after), "`after` is the type of an event")?),
            None => None,
        };
        Ok(Self { method, kind, within, after, fields: named })
    }

    fn answer(&self, profile: &Profile, now: Timestamp) -> Told<Json> {
        let fields: Vec<(&str, Json)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let asked = Asked { kind: &self.kind, within: self.within, after: self.after.as_deref(), fields: &fields };
        match &self.method {
            Method::Any => told(profile.any(&asked, now), Json::Bool),
            Method::Count => told(profile.count(&asked, now), Json::from),
            Method::Last => told(profile.last(&asked, now), |event| event.map_or(Json::Null, |event| document(event))),
            Method::Recent { most, by } => told(profile.recent(&asked, *most, by.as_deref(), now), |events| {
                events.into_iter().map(|event| document(event)).collect()
            }),
            Method::Age { unit } => {
                let age = profile.age(&asked, now).map(|age| age.as_secs() / unit);
                let begun = profile.matching(&asked, now).next().map(|event| event.at);
                let turns = begun.zip(age).and_then(|(begun, age)| {
                    begun.checked_add(SignedDuration::from_secs(age.checked_add(1)?.checked_mul(*unit)?)).ok()
                });
                Told { value: age.map_or(Json::Null, Json::from), until: turns }
            }
            Method::Sum { field } => told(profile.sum(&asked, field, now), |sum| match sum.fract() == 0.0 {
                true => json!(sum as i64),
                false => json!(sum),
            }),
            Method::List { field, most } => {
                told(profile.list(&asked, field, *most, now), |values| values.into_iter().cloned().collect())
            }
        }
    }
}

fn told<T>(told: Told<T>, json: impl FnOnce(T) -> Json) -> Told<Json> {
    Told { value: json(told.value), until: told.until }
}

/// An event as code sees it: what its data has, and `type`, `time` and `data`, which come before fields of these names.
fn document(event: &Event) -> Json {
    let mut document = event.data.fields().clone();
    document.insert("type".to_owned(), event.kind.text().into());
    document.insert("time".to_owned(), event.at.to_string().into());
    document.insert("data".to_owned(), Json::Object(event.data.fields().clone()));
    Json::Object(document)
}

fn event_type(json: Option<Json>, else_what: &str) -> Result<String, String> {
    let Some(Json::String(text)) = json else { return Err(format!("{else_what}: 'product.view'")) };
    EventType::parse(&text).map_err(|error| format!("`{text}`: {error}"))?;
    Ok(text)
}

fn number(json: Option<Json>) -> Result<usize, String> {
    let Some(json) = json else { return Ok(FEW) };
    let number = json.as_u64().and_then(|number| usize::try_from(number).ok());
    number.map(|number| number.min(EVENTS_ASKED)).ok_or_else(|| "how many is a whole number".to_owned())
}

/// Seconds of a unit.
fn unit(name: Option<&str>) -> Result<i64, String> {
    match name {
        None | Some("s") => Ok(1),
        Some("m") => Ok(60),
        Some("h") => Ok(3_600),
        Some("d") => Ok(86_400),
        Some(other) => Err(format!("`{other}` is no unit; they are s, m, h and d")),
    }
}

/// `30d`, `12h`, `1w2d`: days have 24 hours here.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: Option<Span> = text.parse().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let duration = duration.filter(SignedDuration::is_positive);
    duration.ok_or_else(|| format!("`{text}` is no duration; write such as 30m, 12h, 30d or 2w"))
}
