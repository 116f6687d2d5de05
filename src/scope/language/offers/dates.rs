//! Filters over dates.
//!
//! In: calls; the present is read from the scope, as coarsely as the answer allows, so that results are kept as long as they
//! hold. Out: texts and numbers. It must not do more than hand parts to the library.

use jiff::tz::TimeZone;
use jiff::{Span, Unit};
use minijinja::Error;
use minijinja::value::Value;

use super::super::library::Refusal;
use super::super::library::dates::{self, Moment, UNITS};
use super::super::objects::is_now;
use super::Kind::{Any, DateStyle, Integer, Locale, OneOf, Text, Zone};
use super::call::Call;
use super::{Offer, may, needed, offer};

pub(super) const OFFERS: &[Offer] = &[
    offer("date", &[may("style", DateStyle), may("locale", Locale), may("zone", Zone)], |call| {
        let style = call.text("style")?.unwrap_or_else(|| "medium".to_owned());
        let moment = subject(call, dates::tells_time(&style))?;
        call.answer(dates::format(&moment, &style, &call.locale()?))
    }),
    offer(
        "date_add",
        &[
            may("days", Integer),
            may("weeks", Integer),
            may("months", Integer),
            may("years", Integer),
            may("hours", Integer),
            may("minutes", Integer),
            may("seconds", Integer),
            may("zone", Zone),
        ],
        |call| {
            let by = span(call)?;
            let moment = subject(call, by.get_hours() != 0 || by.get_minutes() != 0 || by.get_seconds() != 0)?;
            call.answer(moment.add(by).map(|moved| moved.iso()))
        },
    ),
    offer("date_diff", &[needed("other", Any), may("unit", OneOf(&UNITS)), may("zone", Zone)], |call| {
        let unit = unit(call)?;
        let zone = call.zone()?;
        let other = call.given("other").cloned().unwrap_or_default();
        let other = moment_or_now(call, &other, &zone, unit < Unit::Day)?;
        call.answer(subject(call, unit < Unit::Day)?.until(&other, unit))
    }),
    offer("days_until", &[may("zone", Zone)], |call| days(call, false)),
    offer("days_since", &[may("zone", Zone)], |call| days(call, true)),
    offer("relative", &[may("locale", Locale), may("zone", Zone)], |call| {
        let moment = subject(call, true)?;
        let today = now(call, &call.zone()?, false)?;
        // Only what is today needs the time of day.
        let exact = matches!(moment, Moment::At(_)) && moment.day() == today.day();
        let now = if exact { now(call, &call.zone()?, true)? } else { today };
        call.answer(dates::relative(&moment, &now, &call.locale()?))
    }),
    offer("date_parse", &[needed("pattern", Text), may("zone", Zone)], |call| {
        let parsed = Moment::parse(&call.subject_text()?, &call.needed_text("pattern")?, &call.zone()?);
        call.answer(parsed.map(|moment| moment.iso()))
    }),
    offer("start_of", &[needed("unit", OneOf(&UNITS)), may("zone", Zone)], |call| {
        let unit = unit(call)?;
        call.answer(subject(call, unit < Unit::Day)?.start_of(unit).map(|moment| moment.iso()))
    }),
    offer("in_zone", &[needed("zone", Zone)], |call| Ok(subject(call, true)?.iso().into())),
];

/// The present; its day, or its minute where the time is needed.
fn now(call: &Call<'_, '_, '_>, zone: &TimeZone, time: bool) -> Result<Moment, Error> {
    let unknown = || call.refused(&Refusal::OutOfRange("the present, which is not known here,"));
    let present = call.state.lookup("now").ok_or_else(unknown)?;
    present_of(call, &present, zone, time)
}

fn present_of(call: &Call<'_, '_, '_>, now: &Value, zone: &TimeZone, time: bool) -> Result<Moment, Error> {
    let elsewhere = call.given("zone").is_some();
    let date = now.get_attr("date")?;
    if !time && !elsewhere {
        return call.moment(&date, zone);
    }
    // Of another zone the day can't be told without the time; and the time is the site's.
    let site = call.fact("now", "zone").and_then(|name| dates::zone(name.as_str()?).ok()).unwrap_or(TimeZone::UTC);
    match call.moment(&Value::from(format!("{date}T{}", now.get_attr("time")?)), &site)? {
        Moment::At(at) => Ok(Moment::At(at.with_time_zone(zone.clone()))),
        day => Ok(day),
    }
}

fn moment_or_now(call: &Call<'_, '_, '_>, value: &Value, zone: &TimeZone, time: bool) -> Result<Moment, Error> {
    if is_now(value) { present_of(call, value, zone, time) } else { call.moment(value, zone) }
}

/// What stands before the bar; of `now` only its day, unless the time is needed.
fn subject(call: &Call<'_, '_, '_>, time: bool) -> Result<Moment, Error> {
    moment_or_now(call, &call.subject, &call.zone()?, time)
}

fn unit(call: &Call<'_, '_, '_>) -> Result<Unit, Error> {
    let name = call.text("unit")?.unwrap_or_else(|| "days".to_owned());
    dates::unit(&name).map_err(|refusal| call.refused(&refusal))
}

fn span(call: &Call<'_, '_, '_>) -> Result<Span, Error> {
    let out = |_| call.refused(&Refusal::OutOfRange("the span of time"));
    let part = |name: &str| call.integer(name).map(|part| part.unwrap_or(0));
    let span = Span::new().try_years(part("years")?).and_then(|span| span.try_months(part("months").unwrap_or(0)));
    let span = span.and_then(|span| span.try_weeks(part("weeks").unwrap_or(0)));
    let span = span.and_then(|span| span.try_days(part("days").unwrap_or(0))).map_err(out)?;
    for name in ["months", "weeks", "days"] {
        part(name)?;
    }
    let span = span.try_hours(part("hours")?).map_err(out)?;
    let span = span.try_minutes(part("minutes")?).map_err(out)?;
    span.try_seconds(part("seconds")?).map_err(out)
}

fn days(call: &Call<'_, '_, '_>, since: bool) -> Result<Value, Error> {
    let zone = call.zone()?;
    let (moment, today) = (Moment::Day(subject(call, true)?.day(), zone.clone()), now(call, &zone, false)?);
    let today = Moment::Day(today.day(), zone);
    call.answer(if since { moment.until(&today, Unit::Day) } else { today.until(&moment, Unit::Day) })
}
