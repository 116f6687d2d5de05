//! Questions about what happened: `events.any`, `count`, `last`, `recent`, `age`, sums and lists.
//!
//! In: an [`Asked`]. Out: answers that say until when they hold ([`Told`]), because a window moves on by itself. It must not know
//! how a question is written.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{Name, Profile};
use crate::event::Event;

/// Which events are meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Of this type.
    pub kind: &'a str,
    /// Not older than this.
    pub within: Option<SignedDuration>,
    /// Later than the last event of this type, if there is one.
    pub after: Option<&'a str>,
    /// Whose data has these values: equal ones, numbers by value. A list means any of its values.
    pub fields: &'a [(&'a str, Json)],
}

/// An answer, and until when it holds if nothing happens (exclusive); `None`: time does not change it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told<T> {
    pub value: T,
    pub until: Option<Timestamp>,
}

impl<'a> Asked<'a> {
    /// All events of a type.
    pub fn all(kind: &'a str) -> Self {
        Self { kind, ..Self::default() }
    }

    fn means(&self, event: &Event) -> bool {
        event.kind.text() == self.kind
            && self.fields.iter().all(|(name, wanted)| event.data.at(name).is_some_and(|is| fits(is, wanted)))
    }

    /// When an event of this age falls out of the window.
    fn leaves(&self, event: &Event) -> Option<Timestamp> {
        // The window includes its very beginning; time is counted in microseconds.
        event.at.checked_add(self.within?).ok()?.checked_add(SignedDuration::from_micros(1)).ok()
    }
}

fn fits(is: &Json, wanted: &Json) -> bool {
    match wanted {
        Json::Array(any) => any.iter().any(|wanted| is_equal(is, wanted)),
        wanted => is_equal(is, wanted),
    }
}

fn is_equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

impl Profile {
    /// The events that are meant, the newest first.
    pub fn matching<'a>(&'a self, asked: &'a Asked<'a>, now: Timestamp) -> impl Iterator<Item = &'a Arc<Event>> {
        let from = asked.within.and_then(|within| now.checked_sub(within).ok());
        let after = asked.after.and_then(|kind| self.newest(kind)).map(|event| event.at);
        let newest_first = self.events().iter().rev();
        newest_first
            .take_while(move |event| from.is_none_or(|from| event.at >= from))
            .take_while(move |event| after.is_none_or(|after| event.at > after))
            .filter(|event| asked.means(event))
    }

    fn newest(&self, kind: &str) -> Option<&Arc<Event>> {
        self.events().iter().rev().find(|event| event.kind.text() == kind)
    }

    /// Whether there is one.
    pub fn any(&self, asked: &Asked<'_>, now: Timestamp) -> Told<bool> {
        let newest = self.matching(asked, now).next();
        Told { value: newest.is_some(), until: newest.and_then(|event| asked.leaves(event)) }
    }

    /// How many there are. Where only type and window are asked about, events that are not remembered any more count too: by the
    /// counter of their type, to the day (UTC).
    pub fn count(&self, asked: &Asked<'_>, now: Timestamp) -> Told<i64> {
        let (mut count, mut oldest) = (0, None);
        for event in self.matching(asked, now) {
            (count, oldest) = (count + 1, Some(event));
        }
        let until = oldest.and_then(|event| asked.leaves(event));
        if asked.after.is_some() || !asked.fields.is_empty() {
            return Told { value: count, until };
        }
        let counted = self.counted(asked, now);
        match counted > count && !self.reaches_back(asked, now) {
            true => Told { value: counted, until: asked.within.and_then(|_| next_day(now)) },
            false => Told { value: count, until },
        }
    }

    fn counted(&self, asked: &Asked<'_>, now: Timestamp) -> i64 {
        let counter = Name::parse(asked.kind).ok().and_then(|name| self.counters().get(&name));
        counter.map_or(0, |counter| match asked.within {
            None => counter.total(),
            Some(within) => counter.within(within, now),
        })
    }

    /// Whether what is remembered reaches back to the beginning of the window, so that nothing is missing in it: an event from
    /// before it is still here.
    fn reaches_back(&self, asked: &Asked<'_>, now: Timestamp) -> bool {
        let from = asked.within.and_then(|within| now.checked_sub(within).ok());
        from.is_some_and(|from| self.events().first().is_some_and(|oldest| oldest.at < from))
    }

    /// The newest.
    pub fn last<'a>(&'a self, asked: &'a Asked<'a>, now: Timestamp) -> Told<Option<&'a Arc<Event>>> {
        let newest = self.matching(asked, now).next();
        Told { value: newest, until: newest.and_then(|event| asked.leaves(event)) }
    }

    /// The newest `most`, the newest first; with `by` only the newest of each value that their data has there, and none without.
    pub fn recent<'a>(
        &'a self,
        asked: &'a Asked<'a>,
        most: usize,
        by: Option<&str>,
        now: Timestamp,
    ) -> Told<Vec<&'a Arc<Event>>> {
        let mut met: Vec<&Json> = Vec::new();
        let is_new = |event: &&'a Arc<Event>| match by.map(|by| event.data.at(by)) {
            None => true,
            Some(None) => false,
            Some(Some(value)) => {
                let is_new = !met.iter().any(|met| is_equal(met, value));
                if is_new {
                    met.push(value);
                }
                is_new
            }
        };
        let value: Vec<_> = self.matching(asked, now).filter(is_new).take(most).collect();
        let until = value.last().and_then(|event| asked.leaves(event));
        Told { value, until }
    }

    /// How long ago the newest was. Time changes it all the time: the answer is exact, and whoever rounds it knows until when that
    /// holds.
    pub fn age(&self, asked: &Asked<'_>, now: Timestamp) -> Option<SignedDuration> {
        self.matching(asked, now).next().map(|event| now.duration_since(event.at))
    }

    /// The sum of the numbers that their data has at `field`; text that is a number counts as one.
    pub fn sum(&self, asked: &Asked<'_>, field: &str, now: Timestamp) -> Told<f64> {
        let (mut sum, mut oldest) = (0.0, None);
        for event in self.matching(asked, now) {
            sum += event.data.at(field).and_then(number).unwrap_or_default();
            oldest = Some(event);
        }
        Told { value: sum, until: oldest.and_then(|event| asked.leaves(event)) }
    }

    /// The different values that their data has at `field`, the newest first.
    pub fn list<'a>(&'a self, asked: &'a Asked<'a>, field: &str, most: usize, now: Timestamp) -> Told<Vec<&'a Json>> {
        let told = self.recent(asked, most, Some(field), now);
        let value = told.value.into_iter().filter_map(|event| event.data.at(field)).collect();
        Told { value, until: told.until }
    }
}

fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// The beginning of the next day (UTC), when windows counted by days move on.
fn next_day(now: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second((now.as_second().div_euclid(86_400) + 1) * 86_400).ok()
}
