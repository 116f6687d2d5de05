//! Durations, hours of the day, days of the week, dates, time zones.
//!
//! In: text. Out: the value, or what is expected instead. It must not ask the clock.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use super::written::{Written, number_and_unit};
use crate::rule::schedule::{Hours, Moment};

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

/// A span of hours, as in `hours: "09:00-21:00"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourSpan(pub Hours);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Weekday);

/// A date, with or without a time, with or without an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date(pub Moment);

/// A time zone of the IANA database, with its name as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: String,
    pub zone: TimeZone,
}

impl Written for Duration {
    const WHAT: &'static str = "a duration such as `250ms`, `30m`, `7d` or `1h30m`";
    const PATTERN: Option<&'static str> = Some(r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$");

    fn from_text(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut total = 0.0;
        while !rest.is_empty() {
            let (number, tail) = number_and_unit(rest);
            let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let seconds = match &tail[..end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                "" if !number.is_empty() => {
                    return Err(format!("add a unit: `{number}ms`, `{number}s` or `{number}m`"));
                }
                _ => return Err("units are ms, s, m, h, d and w".to_owned()),
            };
            total += number.parse::<f64>().map_err(|_| String::new())? * seconds;
            rest = &tail[end..];
        }
        let milliseconds = (total * 1_000.0).round();
        match text.is_empty() || milliseconds > 1e15 {
            true => Err(String::new()),
            false => Ok(Self(std::time::Duration::from_millis(milliseconds as u64))),
        }
    }
}

impl Written for HourSpan {
    const WHAT: &'static str = "a span of hours such as `\"09:00-21:00\"`";
    const PATTERN: Option<&'static str> = Some(r"^\d\d?:\d\d ?- ?\d\d?:\d\d$");

    fn from_text(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('-').ok_or_else(String::new)?;
        let (from, to) = (hour(from)?, hour(to)?);
        if from == to && to != Time::midnight() {
            return Err("it ends when it begins; leave it out for the whole day".to_owned());
        }
        Ok(Self(Hours { from, to }))
    }
}

/// `09:00`; `24:00` is the midnight that ends the day.
fn hour(text: &str) -> Result<Time, String> {
    let bad = || format!("`{}` is no time of day such as `09:00`", text.trim());
    let (hours, minutes) = text.trim().split_once(':').ok_or_else(bad)?;
    let digits = |part: &str| (part.len() <= 2 && !part.is_empty()).then(|| part.parse::<i8>().ok()).flatten();
    match (digits(hours).ok_or_else(bad)?, digits(minutes).ok_or_else(bad)?) {
        (24, 0) => Ok(Time::midnight()),
        (hours, minutes) => Time::new(hours, minutes, 0, 0).map_err(|_| bad()),
    }
}

impl Written for Day {
    const WHAT: &'static str = "a day of the week such as `mon`";
    const PATTERN: Option<&'static str> =
        Some("^(mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?|sat(urday)?|sun(day)?)$");

    fn from_text(text: &str) -> Result<Self, String> {
        let day = match text.to_ascii_lowercase().as_str() {
            "mon" | "monday" => Weekday::Monday,
            "tue" | "tuesday" => Weekday::Tuesday,
            "wed" | "wednesday" => Weekday::Wednesday,
            "thu" | "thursday" => Weekday::Thursday,
            "fri" | "friday" => Weekday::Friday,
            "sat" | "saturday" => Weekday::Saturday,
            "sun" | "sunday" => Weekday::Sunday,
            _ => return Err("write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`".to_owned()),
        };
        Ok(Self(day))
    }
}

impl Written for Date {
    const WHAT: &'static str = "a date such as `2026-12-01`, `2026-12-01T09:00` or `2026-12-01T09:00+01:00`";
    const PATTERN: Option<&'static str> = Some(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?$");

    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self(Moment::At(at)));
        }
        if text.len() == "2026-12-01".len() {
            let date: civil::Date = text.parse().map_err(|_| hint(text))?;
            return Ok(Self(Moment::Local(date.to_datetime(Time::midnight()))));
        }
        text.parse::<DateTime>().map(|local| Self(Moment::Local(local))).map_err(|_| hint(text))
    }
}

/// The year comes first; dates that are written so but do not exist say that.
fn hint(text: &str) -> String {
    let looks = text.len() >= 10
        && text.bytes().take(10).enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if looks { "there is no such day or time".to_owned() } else { "write year-month-day: `2026-12-31`".to_owned() }
}

impl Written for Zone {
    const WHAT: &'static str = "a time zone such as `Europe/Brussels`";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(zone) = TimeZone::get(text) {
            return Ok(Self { name: text.to_owned(), zone });
        }
        let all = jiff::tz::db().available().map(|name| name.to_string()).collect::<Vec<_>>();
        let near = crate::config::read::names::nearest(text, all.iter().map(String::as_str));
        Err(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let table =
            [("250ms", 250), ("30m", 1_800_000), ("7d", 604_800_000), ("1h30m", 5_400_000), ("1.5s", 1_500), ("0s", 0)];
        for (text, millis) in table {
            assert_eq!(Duration::from_text(text), Ok(Duration(std::time::Duration::from_millis(millis))), "{text}");
        }
        for (text, remedy) in
            [("300", "`300ms`"), ("3 fortnights", "units are"), ("", ""), ("-1s", ""), ("1e9d", "units")]
        {
            assert!(Duration::from_text(text).is_err_and(|error| error.contains(remedy)), "{text}");
        }
    }

    #[test]
    fn hours() {
        let span = HourSpan::from_text("09:00-21:00").expect("hours").0;
        assert_eq!((span.from, span.to), (civil::time(9, 0, 0, 0), civil::time(21, 0, 0, 0)));
        let night = HourSpan::from_text("22:00 - 24:00").expect("hours").0;
        assert_eq!(night.to, Time::midnight());
        for bad in ["9-21", "25:00-26:00", "09:00", "09:60-10:00", "09:00-09:00", "0900-2100"] {
            assert!(HourSpan::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates() {
        let local = |year, month, day, hour| Moment::Local(civil::date(year, month, day).at(hour, 0, 0, 0));
        assert_eq!(Date::from_text("2026-12-01"), Ok(Date(local(2026, 12, 1, 0))));
        assert_eq!(Date::from_text("2026-12-01T09:00"), Ok(Date(local(2026, 12, 1, 9))));
        assert_eq!(Date::from_text("2026-12-01 09:00:00"), Ok(Date(local(2026, 12, 1, 9))));
        let at = "2026-12-01T08:00:00Z".parse().expect("timestamp");
        assert_eq!(Date::from_text("2026-12-01T09:00+01:00"), Ok(Date(Moment::At(at))));
        for (bad, remedy) in [("01/12/2026", "year-month-day"), ("2026-02-30", "no such day"), ("tomorrow", "year")] {
            assert!(Date::from_text(bad).is_err_and(|error| error.contains(remedy)), "{bad}");
        }
    }

    #[test]
    fn days_and_zones() {
        assert_eq!(Day::from_text("Mon"), Ok(Day(Weekday::Monday)));
        assert!(Day::from_text("maandag").is_err());
        assert_eq!(Zone::from_text("Europe/Brussels").map(|zone| zone.name), Ok("Europe/Brussels".to_owned()));
        assert!(Zone::from_text("Europe/Brusels").is_err_and(|error| error.contains("Europe/Brussels")));
    }
}
