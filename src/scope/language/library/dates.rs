//! Dates and times: read, moved, compared, and written as people of a locale write them.
//!
//! In: texts (RFC 3339, RFC 2822, civil dates and times) or seconds since 1970, a time zone, a locale; the present where it
//! matters, for nothing here asks a clock. Out: texts and numbers.

use icu_calendar::{Date as CalendarDate, Iso};
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::builder::{DateFields, FieldSetBuilder};
use icu_datetime::fieldsets::enums::CompositeDateTimeFieldSet;
use icu_datetime::input::{DateTime as CalendarDateTime, Time as CalendarTime};
use icu_datetime::options::{Length, TimePrecision};
use icu_experimental::relativetime::options::Numeric;
use icu_experimental::relativetime::{RelativeTimeFormatter, RelativeTimeFormatterOptions};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit, ZonedDateTime};

use super::Refusal;
use super::locales::Locale;
use super::numbers;

/// A day, or a moment in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    Day(Date, TimeZone),
    At(ZonedDateTime),
}

/// The time zone of an IANA name: `Europe/Brussels`.
pub fn zone(name: &str) -> Result<TimeZone, Refusal> {
    TimeZone::get(name).map_err(|_| Refusal::not(name, "time zone", "write its IANA name, like `Europe/Brussels`"))
}

/// Seconds above which a number is milliseconds, as JavaScript counts: the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

impl Moment {
    /// Reads a date (`2026-12-01`), a date with time, in `zone` if it has no offset of its own (`2026-12-01T18:00`), or a moment
    /// (`2026-12-01T18:00:00Z`, `Tue, 01 Dec 2026 18:00:00 GMT`), which is then told in `zone`.
    pub fn read(text: &str, zone: &TimeZone) -> Result<Self, Refusal> {
        let text = text.trim();
        if let Ok(at) = text.parse::<ZonedDateTime>() {
            return Ok(Self::At(at.with_time_zone(zone.clone())));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at.to_zoned_datetime(zone.clone())));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            return if text.contains(':') {
                Self::local(local, zone)
            } else {
                Ok(Self::Day(local.date(), zone.clone()))
            };
        }
        let mail = jiff::fmt::rfc2822::parse(text).map(|at| Self::At(at.with_time_zone(zone.clone())));
        mail.map_err(|_| Refusal::not(text, "date", "write 2026-12-01, 2026-12-01T18:00 or 2026-12-01T18:00:00Z"))
    }

    /// The moment so many seconds, or milliseconds if they are very many, after 1970 began in UTC.
    pub fn of_number(number: f64, zone: &TimeZone) -> Result<Self, Refusal> {
        let milliseconds = if number.abs() >= MILLISECONDS_FROM { number } else { number * 1000.0 };
        let at = milliseconds.is_finite().then(|| Timestamp::from_millisecond(milliseconds as i64).ok()).flatten();
        Ok(Self::At(at.ok_or(Refusal::OutOfRange("the date"))?.to_zoned_datetime(zone.clone())))
    }

    /// Reads a text by a pattern of `strptime`: `%d/%m/%Y`.
    pub fn parse(text: &str, pattern: &str, zone: &TimeZone) -> Result<Self, Refusal> {
        let refused = || Refusal::not(text, "date of this pattern", "compare it with the pattern");
        let broken = jiff::fmt::strtime::parse(pattern, text.trim()).map_err(|_| refused())?;
        if let Ok(at) = broken.to_timestamp() {
            return Ok(Self::At(at.to_zoned_datetime(zone.clone())));
        }
        let day = broken.to_date().map_err(|_| refused())?;
        match broken.to_time() {
            Ok(time) if broken.hour().is_some() => Self::local(day.to_datetime(time), zone),
            _ => Ok(Self::Day(day, zone.clone())),
        }
    }

    fn local(local: DateTime, zone: &TimeZone) -> Result<Self, Refusal> {
        Ok(Self::At(local.to_zoned_datetime(zone.clone()).map_err(|_| Refusal::OutOfRange("the date"))?))
    }

    /// The day in its zone.
    pub fn day(&self) -> Date {
        match self {
            Self::Day(day, _) => *day,
            Self::At(at) => at.date(),
        }
    }

    /// The moment; of a day its beginning.
    pub fn at(&self) -> Result<ZonedDateTime, Refusal> {
        match self {
            Self::Day(day, zone) => day.to_zoned_datetime(zone.clone()).map_err(|_| Refusal::OutOfRange("the date")),
            Self::At(at) => Ok(at.clone()),
        }
    }

    /// As [`read`](Self::read) reads it again: `2026-12-01`, or `2026-12-01T18:00:00+01:00`.
    pub fn iso(&self) -> String {
        match self {
            Self::Day(day, _) => day.to_string(),
            Self::At(at) => at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        }
    }

    /// By a pattern of `strftime`, with English names.
    pub fn strftime(&self, pattern: &str) -> Result<String, Refusal> {
        let refused = |_| Refusal::not(pattern, "pattern of a date", "write one like `%d/%m/%Y`");
        jiff::fmt::strtime::format(pattern, &self.at()?).map_err(refused)
    }

    /// Later by so much, or earlier; a day stays a day if it moves by days.
    pub fn add(&self, by: Span) -> Result<Self, Refusal> {
        let out = |_| Refusal::OutOfRange("the date");
        let by_days = by.get_hours() == 0 && by.get_minutes() == 0 && by.get_seconds() == 0;
        match self {
            Self::Day(day, zone) if by_days => Ok(Self::Day(day.checked_add(by).map_err(out)?, zone.clone())),
            _ => Ok(Self::At(self.at()?.checked_add(by).map_err(out)?)),
        }
    }

    /// Whole units from here to `other`, negative if it is earlier. Days and longer are those of the calendar.
    pub fn until(&self, other: &Self, unit: Unit) -> Result<i64, Refusal> {
        let out = |_| Refusal::OutOfRange("the difference");
        let span = match (self, other) {
            (Self::Day(from, _), Self::Day(to, _)) if unit >= Unit::Day => from.until((unit, *to)).map_err(out)?,
            _ => {
                let (from, to) = (self.at()?, other.at()?);
                let to = to.with_time_zone(from.time_zone().clone());
                from.until((unit, &to)).map_err(out)?
            }
        };
        Ok(match unit {
            Unit::Year => i64::from(span.get_years()),
            Unit::Month => i64::from(span.get_months()),
            Unit::Week => i64::from(span.get_weeks()),
            Unit::Day => i64::from(span.get_days()),
            Unit::Hour => i64::from(span.get_hours()),
            Unit::Minute => span.get_minutes(),
            _ => span.get_seconds(),
        })
    }

    /// The beginning of the unit that it lies in.
    pub fn start_of(&self, unit: Unit) -> Result<Self, Refusal> {
        let out = |_| Refusal::OutOfRange("the date");
        let day = self.day();
        let zone = match self {
            Self::Day(_, zone) => zone.clone(),
            Self::At(at) => at.time_zone().clone(),
        };
        Ok(match unit {
            Unit::Year => Self::Day(day.first_of_year(), zone),
            Unit::Month => Self::Day(day.first_of_month(), zone),
            Unit::Week => {
                let gone = i64::from(day.weekday().to_monday_zero_offset());
                Self::Day(day.checked_sub(Span::new().days(gone)).map_err(out)?, zone)
            }
            Unit::Day => Self::Day(day, zone),
            _ => {
                let at = self.at()?;
                let minute = if unit == Unit::Hour { 0 } else { at.minute() };
                Self::At(at.with().minute(minute).second(0).subsec_nanosecond(0).build().map_err(out)?)
            }
        })
    }
}

/// The units that [`unit`] knows.
pub const UNITS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"];

/// A unit by its name, in singular or plural.
pub fn unit(name: &str) -> Result<Unit, Refusal> {
    let units = [Unit::Year, Unit::Month, Unit::Week, Unit::Day, Unit::Hour, Unit::Minute, Unit::Second];
    let found = UNITS.iter().position(|unit| *unit == name || unit.strip_suffix('s') == Some(name));
    found.map(|index| units[index]).ok_or_else(|| Refusal::not(name, "unit of time", "write `days`, `hours` …"))
}

/// The ways in which a locale writes dates and times.
pub const STYLES: [&str; 18] = [
    "short",
    "medium",
    "long",
    "full",
    "month",
    "weekday",
    "day_month",
    "month_year",
    "year",
    "short_month",
    "short_weekday",
    "short_day_month",
    "time",
    "time_seconds",
    "short_time",
    "medium_time",
    "long_time",
    "full_time",
];

/// Whether this style, or pattern of `strftime`, tells the time of day.
pub fn tells_time(style: &str) -> bool {
    style.contains('%') || style.contains("time")
}

fn fields(style: &str) -> Option<FieldSetBuilder> {
    let (length, fields, time) = match style {
        "short" => (Length::Short, Some(DateFields::YMD), None),
        "medium" => (Length::Medium, Some(DateFields::YMD), None),
        "long" => (Length::Long, Some(DateFields::YMD), None),
        "full" => (Length::Long, Some(DateFields::YMDE), None),
        "month" => (Length::Long, Some(DateFields::M), None),
        "short_month" => (Length::Medium, Some(DateFields::M), None),
        "weekday" => (Length::Long, Some(DateFields::E), None),
        "short_weekday" => (Length::Medium, Some(DateFields::E), None),
        "day_month" => (Length::Long, Some(DateFields::MD), None),
        "short_day_month" => (Length::Medium, Some(DateFields::MD), None),
        "month_year" => (Length::Long, Some(DateFields::YM), None),
        "year" => (Length::Long, Some(DateFields::Y), None),
        "time" => (Length::Short, None, Some(TimePrecision::Minute)),
        "time_seconds" => (Length::Short, None, Some(TimePrecision::Second)),
        "short_time" => (Length::Short, Some(DateFields::YMD), Some(TimePrecision::Minute)),
        "medium_time" => (Length::Medium, Some(DateFields::YMD), Some(TimePrecision::Minute)),
        "long_time" => (Length::Long, Some(DateFields::YMD), Some(TimePrecision::Minute)),
        "full_time" => (Length::Long, Some(DateFields::YMDE), Some(TimePrecision::Minute)),
        _ => return None,
    };
    let mut builder = FieldSetBuilder::new();
    (builder.length, builder.date_fields, builder.time_precision) = (Some(length), fields, time);
    Some(builder)
}

/// A moment in one of [`STYLES`], or by a pattern of `strftime` if it has a `%`.
pub fn format(moment: &Moment, style: &str, locale: &Locale) -> Result<String, Refusal> {
    if style.contains('%') {
        return moment.strftime(style);
    }
    let no_style = || {
        Refusal::not(
            style,
            "style of a date",
            "write `short`, `medium`, `long`, `full`, `long_time` … or a pattern like `%d/%m`",
        )
    };
    let fields: CompositeDateTimeFieldSet =
        fields(style).and_then(|builder| builder.build_composite_datetime().ok()).ok_or_else(no_style)?;
    let formatter = DateTimeFormatter::try_new(locale.into(), fields).map_err(|_| Refusal::OutOfRange("the locale"))?;
    let (day, time) = match moment {
        Moment::Day(day, _) => (*day, Time::midnight()),
        Moment::At(at) => (at.date(), at.time()),
    };
    let out = || Refusal::OutOfRange("the date");
    let number = |part: i8| u8::try_from(part).map_err(|_| out());
    let date = CalendarDate::<Iso>::try_new_iso(i32::from(day.year()), number(day.month())?, number(day.day())?);
    let time = CalendarTime::try_new(number(time.hour())?, number(time.minute())?, number(time.second())?, 0);
    let input = CalendarDateTime { date: date.map_err(|_| out())?, time: time.map_err(|_| out())? };
    Ok(formatter.format(&input).to_string())
}

/// `in 3 days`, `tomorrow`, `2 hours ago`: from `now` to `moment`, in the largest unit of which there is a whole one. Days and longer
/// are those of the calendar.
pub fn relative(moment: &Moment, now: &Moment, locale: &Locale) -> Result<String, Refusal> {
    let days = Moment::Day(now.day(), TimeZone::UTC).until(&Moment::Day(moment.day(), TimeZone::UTC), Unit::Day)?;
    let unit = match days.abs() {
        0 if matches!(moment, Moment::Day(..)) || matches!(now, Moment::Day(..)) => Unit::Day,
        0 if now.until(moment, Unit::Hour)?.abs() >= 1 => Unit::Hour,
        0 => Unit::Minute,
        1..7 => Unit::Day,
        7..31 => Unit::Week,
        31..366 => Unit::Month,
        _ => Unit::Year,
    };
    let count = match unit {
        Unit::Day => days,
        Unit::Hour | Unit::Minute => now.until(moment, unit)?,
        _ => Moment::Day(now.day(), TimeZone::UTC).until(&Moment::Day(moment.day(), TimeZone::UTC), unit)?,
    };
    let (prefs, options) = (locale.into(), RelativeTimeFormatterOptions::default().with_numeric(Numeric::Auto));
    let formatter = match unit {
        Unit::Minute => RelativeTimeFormatter::try_new_long_minute(prefs, options),
        Unit::Hour => RelativeTimeFormatter::try_new_long_hour(prefs, options),
        Unit::Day => RelativeTimeFormatter::try_new_long_day(prefs, options),
        Unit::Week => RelativeTimeFormatter::try_new_long_week(prefs, options),
        Unit::Month => RelativeTimeFormatter::try_new_long_month(prefs, options),
        _ => RelativeTimeFormatter::try_new_long_year(prefs, options),
    };
    let formatter = formatter.map_err(|_| Refusal::OutOfRange("the locale"))?;
    Ok(formatter.format(numbers::of_integer(count)).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::locales::locale;
    use super::*;

    fn brussels() -> TimeZone {
        zone("Europe/Brussels").unwrap()
    }

    fn read(text: &str) -> Moment {
        Moment::read(text, &brussels()).unwrap()
    }

    fn told(text: &str, style: &str, tag: &str) -> String {
        format(&read(text), style, &locale(tag).unwrap()).unwrap().replace(['\u{202f}', '\u{a0}'], " ")
    }

    #[test]
    fn dates_are_read_in_the_forms_people_have_them_in() {
        assert_eq!(read("2026-12-01").iso(), "2026-12-01");
        assert_eq!(read("2026-12-01T18:00").iso(), "2026-12-01T18:00:00+01:00");
        assert_eq!(read("2026-07-01 18:00:30").iso(), "2026-07-01T18:00:30+02:00");
        assert_eq!(read("2026-12-01T18:00:00Z").iso(), "2026-12-01T19:00:00+01:00");
        assert_eq!(read("Tue, 01 Dec 2026 18:00:00 GMT").iso(), "2026-12-01T19:00:00+01:00");
        assert_eq!(
            Moment::of_number(1_796_144_400.0, &brussels()).unwrap(),
            Moment::of_number(1_796_144_400_000.0, &brussels()).unwrap()
        );
        assert_eq!(Moment::parse("24/12/2026", "%d/%m/%Y", &brussels()).unwrap().iso(), "2026-12-24");
        assert_eq!(
            Moment::parse("24/12/2026 18:30", "%d/%m/%Y %H:%M", &brussels()).unwrap().iso(),
            "2026-12-24T18:30:00+01:00"
        );
        for text in ["", "soon", "2026-13-01", "99999999999999999"] {
            assert!(Moment::read(text, &brussels()).is_err(), "{text}");
        }
        assert!(Moment::of_number(f64::NAN, &brussels()).is_err() && Moment::of_number(1e300, &brussels()).is_err());
    }

    #[test]
    fn dates_are_written_by_locale_or_pattern() {
        assert_eq!(told("2026-12-24", "long", "nl"), "24 december 2026");
        assert_eq!(told("2026-12-24", "full", "fr"), "jeudi 24 décembre 2026");
        assert_eq!(told("2026-12-24", "short", "en-US"), "12/24/26");
        assert_eq!(told("2026-12-24", "day_month", "de"), "24. Dezember");
        assert_eq!(
            (told("2026-12-24", "weekday", "nl"), told("2026-12-24", "month", "es")),
            ("donderdag".into(), "diciembre".into())
        );
        assert_eq!(told("2026-12-24T18:05", "time", "en-US"), "6:05 PM");
        assert_eq!(told("2026-12-24T18:05", "%d/%m %H:%M", "nl"), "24/12 18:05");
        assert!(format(&read("2026-12-24"), "longish", &locale("nl").unwrap()).is_err());
        for style in STYLES {
            assert!(!told("2026-12-24T18:05", style, "nl").is_empty(), "{style}");
        }
    }

    #[test]
    fn moving_and_counting_follow_the_calendar() {
        assert_eq!(read("2026-01-31").add(Span::new().months(1)).unwrap().iso(), "2026-02-28");
        assert_eq!(read("2026-03-28T12:00").add(Span::new().days(1)).unwrap().iso(), "2026-03-29T12:00:00+02:00");
        assert_eq!(read("2026-03-28T12:00").add(Span::new().hours(24)).unwrap().iso(), "2026-03-29T13:00:00+02:00");
        assert!(read("9999-12-31").add(Span::new().years(1)).is_err());
        assert_eq!(read("2026-11-23").until(&read("2026-12-25"), Unit::Day).unwrap(), 32);
        assert_eq!(read("1990-06-15").until(&read("2026-06-14"), Unit::Year).unwrap(), 35);
        assert_eq!(read("2026-12-25").until(&read("2026-12-24T12:00"), Unit::Hour).unwrap(), -12);
        assert_eq!(read("2026-12-24T18:05:09").start_of(Unit::Week).unwrap().iso(), "2026-12-21");
        assert_eq!(read("2026-12-24T18:05:09").start_of(Unit::Hour).unwrap().iso(), "2026-12-24T18:00:00+01:00");
    }

    #[test]
    fn relative_times_speak_the_language() {
        let from = |now: &str, then: &str, tag: &str| relative(&read(then), &read(now), &locale(tag).unwrap()).unwrap();
        assert_eq!(from("2026-11-23", "2026-11-26", "en"), "in 3 days");
        assert_eq!(from("2026-11-23T23:00", "2026-11-24T01:00", "nl"), "morgen");
        assert_eq!(from("2026-11-23T10:00", "2026-11-23T08:30", "en"), "1 hour ago");
        assert_eq!(from("2026-11-23", "2026-12-25", "de"), "nächsten Monat");
        assert_eq!(from("2026-11-23", "2024-11-20", "fr"), "il y a 2 ans");
    }
}
