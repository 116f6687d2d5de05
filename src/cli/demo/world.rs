//! The world around the demo's shop, as the stage switches it: weather, date, a campaign, how the APIs behave, the rules.
//!
//! In: changes, as JSON. Out: how the world is, as JSON. It must not know pages.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::{Time, Weekday, time};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::apis::{Api, Apis, Mode, Sky};
use super::editor::{EditError, Editor};
use crate::clock::Clock;

/// Where the shop is.
const ZONE: &str = "Europe/Brussels";

/// Everything around the shop.
#[derive(Debug)]
pub struct World {
    pub apis: Arc<Apis>,
    pub editor: Editor,
    when: Mutex<When>,
    clock: Clock,
}

/// Which day it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    #[default]
    Now,
    Morning,
    Evening,
    Saturday,
}

/// One change of the world.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Sky(Sky),
    When(When),
    Sale(bool),
    Api { name: Api, mode: Mode },
}

impl World {
    /// A world in which all is well.
    pub fn new(apis: Arc<Apis>, editor: Editor, clock: Clock) -> Self {
        Self { apis, editor, when: Mutex::default(), clock }
    }

    /// Changes it. Out: whether the rules were written.
    ///
    /// # Errors
    /// The campaign's file could not be written.
    pub fn change(&self, change: Change) -> Result<bool, EditError> {
        match change {
            Change::Sky(sky) => self.apis.weather_is(sky),
            Change::When(when) => *self.when.lock().unwrap_or_else(PoisonError::into_inner) = when,
            Change::Api { name, mode } => self.apis.behave(name, mode),
            Change::Sale(on) => return self.editor.switch_sale(on).map(|()| true),
        }
        Ok(false)
    }

    /// How it is.
    pub fn told(&self) -> Json {
        let api = |api: Api| json!({ "name": api.name(), "mode": self.apis.mode(api) });
        json!({
            "sky": self.apis.sky(),
            "when": self.when(),
            "sale": self.editor.sale(),
            "apis": Api::ALL.map(api),
            "editable": self.editor.may_write(),
            "files": self.editor.names().collect::<Vec<_>>(),
        })
    }

    /// The moment that is to be supposed; `None`: it is now.
    pub fn at(&self) -> Option<Timestamp> {
        let (day, at) = match self.when() {
            When::Now => return None,
            When::Morning => (Weekday::Monday, time(9, 30, 0, 0)),
            When::Evening => (Weekday::Monday, time(20, 0, 0, 0)),
            When::Saturday => (Weekday::Saturday, time(12, 0, 0, 0)),
        };
        next(self.clock.now(), day, at)
    }

    fn when(&self) -> When {
        *self.when.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next such day after `now`, at this time.
fn next(now: Timestamp, day: Weekday, at: Time) -> Option<Timestamp> {
    let zone = TimeZone::get(ZONE).ok()?;
    let date = now.to_zoned_datetime(zone.clone()).date().nth_weekday(1, day).ok()?;
    zone.to_timestamp(date.to_datetime(at)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_next_ones_in_gent() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |day, hour| next(now, day, time(hour, 0, 0, 0)).unwrap().to_string();
        assert_eq!(at(Weekday::Saturday, 12), "2026-11-28T11:00:00Z");
        assert_eq!(at(Weekday::Monday, 20), "2026-11-30T19:00:00Z");
    }

    #[test]
    fn changes_are_written_as_the_stage_writes_them() {
        for (text, is_right) in [
            (r#"{"sky":"sun"}"#, true),
            (r#"{"when":"saturday"}"#, true),
            (r#"{"sale":false}"#, true),
            (r#"{"api":{"name":"stock","mode":"nonsense"}}"#, true),
            (r#"{"api":{"name":"stock","mode":"gone"}}"#, false),
            (r#"{"sky":"snow"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Change>(text).is_ok(), is_right, "{text}");
        }
    }
}
