//! The site's time, as `now`.
//!
//! In: an instant in the site's time zone. Out: [`Facts`] of which each knows until when it holds, so that what was made
//! from them can be kept exactly as long. It must not ask the clock: the instant is handed in.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ZonedDateTime};
use minijinja::Value;

use super::{Answer, Facts, Key, Seen};

/// `now.date`, `.year`, `.month`, `.day`, `.weekday` (`mon`), `.hour`, `.minute`, `.time` (`18:20`), `.zone`, `.iso`; `.format(strftime)`,
/// `.after(when)`, `.before(when)`. A `when` is a date, a date with time, a time of today, each in the site's zone, or an
/// instant with its offset (RFC 3339). `now` itself prints as `.iso`; what was made from that is never kept.
#[derive(Clone, Debug)]
pub struct Now(ZonedDateTime);

const PARTS: [&str; 10] = ["date", "year", "month", "day", "weekday", "hour", "minute", "time", "zone", "iso"];

/// How long an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    /// To the next midnight in the zone.
    Day,
    /// To the next full hour.
    Hour,
    Minute,
    Second,
    /// Not even that.
    Instant,
}

impl Now {
    /// `at` carries the site's time zone.
    pub fn new(at: ZonedDateTime) -> Self {
        Self(at)
    }

    fn answer(&self, value: impl Into<Value>, holds: Holds) -> Answer {
        let until = self.end_of(holds);
        Answer { until, storable: until.is_some(), ..Answer::fixed(Seen::Scalar(value.into())) }
    }

    /// When the current day, hour … ends, at the latest when the zone's offset changes; `None` if that cannot be said.
    fn end_of(&self, holds: Holds) -> Option<Timestamp> {
        let (now, time) = (&self.0, self.0.time());
        let end = match holds {
            Holds::Day => now.tomorrow().ok()?.start_of_day().ok()?.timestamp(),
            Holds::Hour => self.end_of_span(i64::from(time.minute()) * 60 + i64::from(time.second()), 3600)?,
            Holds::Minute => self.end_of_span(i64::from(time.second()), 60)?,
            Holds::Second => self.end_of_span(0, 1)?,
            Holds::Instant => return None,
        };
        let shift = now.time_zone().following(now.timestamp()).next().map(|transition| transition.timestamp());
        Some(shift.map_or(end, |shift| shift.min(end)))
    }

    /// The end of a span of `length` seconds that began `gone` whole seconds ago.
    fn end_of_span(&self, gone: i64, length: i64) -> Option<Timestamp> {
        let begun = self.0.timestamp().as_second().checked_sub(gone)?;
        Timestamp::from_second(begun.checked_add(length)?).ok()
    }

    fn part(&self, name: &str) -> Answer {
        let now = &self.0;
        match name {
            "date" => self.answer(now.date().to_string(), Holds::Day),
            "year" => self.answer(now.year(), Holds::Day),
            "month" => self.answer(now.month(), Holds::Day),
            "day" => self.answer(now.day(), Holds::Day),
            "weekday" => self.answer(weekday(now), Holds::Day),
            "hour" => self.answer(now.hour(), Holds::Hour),
            "minute" => self.answer(now.minute(), Holds::Minute),
            "time" => self.answer(now.strftime("%H:%M").to_string(), Holds::Minute),
            "zone" => Answer::fixed(Seen::Scalar(Value::from(now.time_zone().iana_name().unwrap_or("UTC")))),
            "iso" => self.answer(now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), Holds::Instant),
            _ => Answer::fixed(Seen::Absent),
        }
    }

    fn format(&self, pattern: &str) -> Result<Answer, String> {
        let text = jiff::fmt::strtime::format(pattern, &self.0).map_err(|error| format!("now.format: {error}"))?;
        Ok(self.answer(text, finest(pattern)))
    }

    /// Whether `when` is reached, and until when it is not.
    fn reached(&self, when: &str) -> Result<(bool, Option<Timestamp>), String> {
        let instant = self.instant(when).ok_or_else(|| {
            format!(
                "`{when}` is no date, time or instant; write 2026-12-01, 2026-12-01T18:00, 18:00 or 2026-12-01T18:00Z"
            )
        })?;
        let reached = self.0.timestamp() >= instant;
        let turns = (!reached).then_some(instant);
        // A time of day means another instant tomorrow.
        let daily = when.parse::<Time>().is_ok().then(|| self.end_of(Holds::Day)).flatten();
        Ok((reached, turns.into_iter().chain(daily).min()))
    }

    fn instant(&self, when: &str) -> Option<Timestamp> {
        let zone = self.0.time_zone().clone();
        let civil = |at: DateTime| at.to_zoned_datetime(zone.clone()).ok().map(|at| at.timestamp());
        when.parse::<Timestamp>()
            .ok()
            .or_else(|| when.parse::<Time>().ok().and_then(|time| civil(self.0.date().to_datetime(time))))
            .or_else(|| when.parse::<DateTime>().ok().and_then(civil))
            .or_else(|| when.parse::<Date>().ok().and_then(|date| civil(date.to_datetime(Time::midnight()))))
    }
}

fn weekday(now: &ZonedDateTime) -> &'static str {
    use jiff::civil::Weekday;
    match now.weekday() {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

/// The finest unit that a pattern prints; what is not known counts as finest.
fn finest(pattern: &str) -> Holds {
    let mut finest = Holds::Day;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        let specifier = chars.by_ref().find(|c| !matches!(c, '-' | '_' | '0'..='9' | '^' | '#' | ':' | '.'));
        finest = finest.max(match specifier {
            Some('Y' | 'C' | 'y' | 'G' | 'g' | 'm' | 'b' | 'B' | 'h' | 'd' | 'e' | 'j' | 'F' | 'D' | 'x') => Holds::Day,
            Some('a' | 'A' | 'u' | 'w' | 'U' | 'W' | 'V' | 'q' | '%' | 'n' | 't') => Holds::Day,
            // The zone's offset changes at a transition, which bounds every answer.
            Some('H' | 'k' | 'I' | 'l' | 'p' | 'P' | 'z' | 'Z' | 'Q') => Holds::Hour,
            Some('M' | 'R') => Holds::Minute,
            Some('S' | 'T' | 'X' | 'r' | 'c' | 's') => Holds::Second,
            _ => Holds::Instant,
        });
    }
    finest
}

impl Facts for Now {
    fn get(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::fixed(Seen::Map),
            [name] => self.part(name),
            _ => Answer::fixed(Seen::Absent),
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::fixed(Seen::Keys(PARTS.iter().map(|part| Key::from(*part)).collect())),
            _ => Answer::fixed(Seen::Absent),
        }
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let [method] = path else { return None };
        if !matches!(&**method, "format" | "after" | "before") {
            return None;
        }
        let Ok(((argument,), _)) = serde_json::from_str::<((String,), serde::de::IgnoredAny)>(arguments) else {
            return Some(Err(format!("now.{method} takes one text")));
        };
        let reached = |wanted: bool| {
            let (reached, until) = self.reached(&argument)?;
            Ok(Answer { until, ..Answer::fixed(Seen::Scalar(Value::from(reached == wanted))) })
        };
        Some(match &**method {
            "format" => self.format(&argument),
            "after" => reached(true),
            _ => reached(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Now {
        Now::new(text.parse().unwrap())
    }

    fn get(now: &Now, part: &str) -> Answer {
        now.get(&[part.into()])
    }

    fn call(now: &Now, method: &str, argument: &str) -> Answer {
        now.call(&[method.into()], &format!("[[{argument:?}],{{}}]")).unwrap().unwrap()
    }

    fn until(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_day_ends_at_midnight_of_the_site_even_when_it_is_short_or_long() {
        let spring = at("2026-03-29T01:30:00+01:00[Europe/Brussels]");
        assert_eq!(get(&spring, "date").until, until("2026-03-29T01:00:00Z"), "the clocks change first");
        let after = at("2026-03-29T03:30:00+02:00[Europe/Brussels]");
        assert_eq!(get(&after, "date").until, until("2026-03-29T22:00:00Z"));
        let plain = at("2026-12-24T23:59:59+01:00[Europe/Brussels]");
        assert_eq!(get(&plain, "weekday").until, until("2026-12-24T23:00:00Z"));
    }

    #[test]
    fn hours_minutes_and_formats_hold_by_their_finest_part() {
        let now = at("2026-12-24T18:20:30+01:00[Europe/Brussels]");
        assert_eq!(get(&now, "hour").until, until("2026-12-24T18:00:00Z"));
        assert_eq!(get(&now, "minute").until, until("2026-12-24T17:21:00Z"));
        assert_eq!(call(&now, "format", "%-d %B").until, until("2026-12-24T23:00:00Z"));
        assert_eq!(call(&now, "format", "%d %H").until, until("2026-12-24T18:00:00Z"));
        assert_eq!(call(&now, "format", "%T").until, until("2026-12-24T17:20:31Z"));
        assert!(!call(&now, "format", "%N").storable);
        assert!(!get(&now, "iso").storable);
    }

    #[test]
    fn after_and_before_hold_until_they_turn() {
        let now = at("2026-11-30T12:00:00+01:00[Europe/Brussels]");
        let after = call(&now, "after", "2026-12-01");
        assert_eq!((after.seen, after.until), (Seen::Scalar(false.into()), until("2026-11-30T23:00:00Z")));
        let before = call(&now, "before", "2026-11-01");
        assert_eq!((before.seen, before.until), (Seen::Scalar(false.into()), None));
        let evening = call(&now, "after", "18:00");
        assert_eq!((evening.seen, evening.until), (Seen::Scalar(false.into()), until("2026-11-30T17:00:00Z")));
        let noon = call(&now, "after", "12:00");
        assert_eq!((noon.seen, noon.until), (Seen::Scalar(true.into()), until("2026-11-30T23:00:00Z")));
        assert!(now.call(&["after".into()], r#"[["soon"],{}]"#).unwrap().is_err());
    }
}
