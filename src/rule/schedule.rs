//! When a rule or campaign is active: dates, days of the week, hours of the day, in the site's time zone.
//!
//! In: a schedule and a moment. Out: whether it is active then, and until when that answer surely holds. Pure.

use std::fmt;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// `active:` as written; empty parts do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    pub from: Option<Moment>,
    /// Exclusive.
    pub until: Option<Moment>,
    pub days: Vec<Weekday>,
    /// A span that ends before it begins runs over midnight and belongs to the day on which it began.
    pub hours: Vec<Hours>,
}

/// A date as written: with an offset it is one moment, without one it is the site's local time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Local(DateTime),
}

/// From (inclusive) to (exclusive), local time. `24:00` is written as midnight in `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub from: Time,
    pub to: Time,
}

/// Whether a schedule is active, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    NotYet,
    Over,
    OtherDay,
    OtherHour,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Active => "now",
            Standing::NotYet => "not yet",
            Standing::Over => "it is over",
            Standing::OtherDay => "not on this day",
            Standing::OtherHour => "not at this hour",
        })
    }
}

impl Moment {
    /// Reads `2026-12-20`, `2026-12-20T10:00`, or either with an offset (RFC 3339).
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.parse().map(Moment::At);
        at.or_else(|_| text.parse().map(Moment::Local)).ok()
    }

    /// The moment in `zone`. A local time that a change of the clock skips or repeats is read as RFC 5545 does;
    /// one beyond the calendar is never reached.
    pub fn at(&self, zone: &TimeZone) -> Timestamp {
        match self {
            Moment::At(at) => *at,
            Moment::Local(local) => zone.to_timestamp(*local).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Schedule {
    /// The standing at `now` in `zone`, and the moment until which it surely stays so (`None`: for ever).
    pub fn standing(&self, now: Timestamp, zone: &TimeZone) -> (Standing, Option<Timestamp>) {
        let from = self.from.as_ref().map(|moment| moment.at(zone));
        let until = self.until.as_ref().map(|moment| moment.at(zone));
        if until.is_some_and(|until| until <= now) {
            return (Standing::Over, None);
        }
        if let Some(from) = from.filter(|from| *from > now) {
            return (Standing::NotYet, Some(from));
        }
        let (standing, change) = self.weekly(&now.to_zoned_datetime(zone.clone()));
        (standing, [until, change].into_iter().flatten().min())
    }

    fn weekly(&self, now: &ZonedDateTime) -> (Standing, Option<Timestamp>) {
        if self.days.is_empty() && self.hours.is_empty() {
            return (Standing::Active, None);
        }
        (self.weekly_standing(now), next_border(now, &self.hours))
    }

    fn weekly_standing(&self, now: &ZonedDateTime) -> Standing {
        let (day, time) = (now.weekday(), now.time());
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if self.hours.is_empty() {
            return if on(day) { Standing::Active } else { Standing::OtherDay };
        }
        let before = |hours: &Hours| hours.overnight() && time < hours.to && on(day.previous());
        let today = |hours: &Hours| hours.begun(time) && on(day);
        match self.hours.iter().any(|hours| today(hours) || before(hours)) {
            true => Standing::Active,
            false if on(day) => Standing::OtherHour,
            false => Standing::OtherDay,
        }
    }
}

impl Hours {
    fn overnight(&self) -> bool {
        self.to <= self.from
    }

    /// Whether `time` lies in the part of the span on the day on which it begins.
    fn begun(&self, time: Time) -> bool {
        time >= self.from && (self.overnight() || time < self.to)
    }
}

/// The first border of an hour span or of the day after `now`.
fn next_border(now: &ZonedDateTime, hours: &[Hours]) -> Option<Timestamp> {
    let today = now.date();
    let tomorrow = today.tomorrow().ok();
    let spans = hours.iter().flat_map(|hours| [today.to_datetime(hours.from), today.to_datetime(hours.to)]);
    let midnight = tomorrow.map(|day| day.to_datetime(Time::midnight()));
    spans
        .chain(midnight)
        .filter_map(|local| now.time_zone().to_timestamp(local).ok())
        .filter(|border| *border > now.timestamp())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Brussels").expect("zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("timestamp")
    }

    #[test]
    fn dates_are_the_sites_and_until_is_exclusive() {
        let christmas = Schedule {
            from: Some(Moment::Local(date(2026, 12, 1).to_datetime(Time::midnight()))),
            until: Some(Moment::Local(date(2026, 12, 27).to_datetime(Time::midnight()))),
            ..Schedule::default()
        };
        let table = [
            ("2026-11-30T22:59:59Z", Standing::NotYet, Some("2026-11-30T23:00:00Z")),
            ("2026-11-30T23:00:00Z", Standing::Active, Some("2026-12-26T23:00:00Z")),
            ("2026-12-26T23:00:00Z", Standing::Over, None),
        ];
        for (now, standing, change) in table {
            assert_eq!(christmas.standing(at(now), &zone()), (standing, change.map(at)), "{now}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_it_began() {
        let friday_night = Schedule {
            days: vec![Weekday::Friday],
            hours: vec![Hours { from: time(22, 0, 0, 0), to: time(2, 0, 0, 0) }],
            ..Schedule::default()
        };
        let table = [
            ("2026-11-27T20:59:00Z", Standing::OtherHour),
            ("2026-11-27T21:00:00Z", Standing::Active),
            ("2026-11-28T00:59:00Z", Standing::Active),
            ("2026-11-28T01:00:00Z", Standing::OtherDay),
            ("2026-11-28T21:30:00Z", Standing::OtherDay),
        ];
        for (now, standing) in table {
            assert_eq!(friday_night.standing(at(now), &zone()).0, standing, "{now}");
        }
    }

    #[test]
    fn the_answer_holds_until_the_border_it_names() {
        let office = Schedule {
            days: vec![Weekday::Monday, Weekday::Friday],
            hours: vec![Hours { from: time(9, 0, 0, 0), to: time(21, 0, 0, 0) }],
            ..Schedule::default()
        };
        let mut now = at("2026-10-20T00:00:00Z");
        let end = at("2026-11-10T00:00:00Z");
        while now < end {
            let (standing, change) = office.standing(now, &zone());
            let change = change.expect("a weekly schedule always changes");
            let just_before = change - jiff::SignedDuration::from_secs(1);
            assert_eq!(office.standing(just_before, &zone()).0, standing, "{now}");
            now = change;
        }
    }
}
