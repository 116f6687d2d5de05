//! How much is remembered of everybody, and for how long.
//!
//! In: `profiles` as written. Out: [`ProfileSettings`], with the defaults where nothing is said. It must not open a store.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::raw::profiles::RawProfiles;
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars;
use crate::config::report::Report;
use crate::limits::PROFILE_FORGET;
use crate::profile::Keep;

/// None would make a visitor unknown; more are an archive, and every load reads them all.
const EVENTS: RangeInclusive<u64> = 1..=1_000;
const DAY: u64 = 24 * 60 * 60;
const AGE: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(1_000 * DAY);
const SESSION: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(DAY);
const FORGET: RangeInclusive<Duration> = Duration::from_secs(DAY)..=Duration::from_secs(3_700 * DAY);

/// What profiles keep, and how long profiles are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileSettings {
    pub keep: Keep,
    /// Who was not seen for so long is forgotten.
    pub forget: Duration,
}

/// The settings.
pub fn profiles(raw: Option<&At<RawProfiles>>, report: &mut Report) -> ProfileSettings {
    let keep = Keep::default();
    let Some(raw) = raw.map(|at| &at.value) else { return ProfileSettings { keep, forget: PROFILE_FORGET } };
    let events = raw.events.as_ref().map_or(keep.events, |at| {
        match u64::try_from(at.value.0).ok().filter(|number| EVENTS.contains(number)) {
            Some(number) => number as usize,
            None => {
                let what = format!("`{}` is no number of events that a profile can keep", at.value.0);
                report.error(at.span, what, format!("write one from {} to {}", EVENTS.start(), EVENTS.end()));
                keep.events
            }
        }
    });
    let keep = Keep {
        events,
        age: time(&raw.age, AGE, "from 60s to 1000d", keep.age, report),
        silence: time(&raw.session, SESSION, "from 60s to 1d", keep.silence, report),
    };
    ProfileSettings { keep, forget: time(&raw.forget, FORGET, "from 1d to 3700d", PROFILE_FORGET, report) }
}

fn time(
    field: &Field<scalars::Duration>,
    range: RangeInclusive<Duration>,
    may_be: &str,
    otherwise: Duration,
    report: &mut Report,
) -> Duration {
    match field {
        None => otherwise,
        Some(at) if range.contains(&at.value.0) => at.value.0,
        Some(at) => {
            report.error(at.span, "profiles can't be kept for such a time", format!("write one {may_be}"));
            otherwise
        }
    }
}
