//! `match`, `except` and `active` as rules use them.
//!
//! In: both as written. Out: [`Match`] and [`Schedule`]. It must not look at a request.

use std::sync::Arc;

use http::Method;

use super::world::World;
use crate::config::raw::rules::{RawMatch, RawSchedule};
use crate::config::raw::wanted::{RawWanted, Wanteds};
use crate::config::read::At;
use crate::config::read::names::suggestion;
use crate::config::read::record::Field;
use crate::config::report::Report;
use crate::rule::matching::{self, Match, Wanted};
use crate::rule::pattern::Glob;
use crate::rule::schedule::{Moment, Schedule};

/// What a match must look like, where there are these sites; `None`: nobody knows which.
pub fn matching(raw: &RawMatch, known: Option<&[Arc<str>]>, report: &mut Report) -> Match {
    refuse_empty(raw, report);
    let sites = raw.site.iter().flat_map(|at| &at.value.0);
    for site in sites.clone() {
        let name = site.value.value.as_str();
        if let Some(known) = known.filter(|known| !known.iter().any(|site| **site == *name)) {
            let remedy = suggestion(name, known.iter().map(|site| &**site), "define it under `sites` in inlay.yaml");
            report.error(site.span, format!("there is no site `{name}`"), remedy);
        }
    }
    Match {
        sites: sites.map(|at| at.value.value.as_str().into()).collect(),
        hosts: raw.host.iter().flat_map(|at| &at.value.0).map(|at| at.value.glob.clone()).collect(),
        paths: raw.path.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect(),
        methods: raw.method.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect(),
        query: fields(&raw.query, |name| &name.value),
        headers: fields(&raw.header, |name| &name.0),
        cookies: fields(&raw.cookie, |name| &name.0),
    }
}

/// The sites that there are.
fn sites<'a>(world: &World<'a>) -> Option<&'a [Arc<str>]> {
    world.around.deployment.map(|known| &*known.sites)
}

/// What a request must not look like. An exception that names nothing would switch its rule off without a word.
pub fn exception(raw: &At<RawMatch>, world: &World<'_>, report: &mut Report) -> Match {
    let keys = ["site", "host", "path", "method", "query", "header", "cookie"];
    let wanted = matching(&raw.value, sites(world), report);
    let named = raw.site.is_some()
        || raw.host.is_some()
        || raw.path.is_some()
        || raw.method.is_some()
        || [&wanted.query, &wanted.headers, &wanted.cookies].into_iter().any(|fields| !fields.is_empty());
    if !named && !raw.unreadable.any(&keys) {
        report.error(raw.span, "this leaves out every request", "name what is left out, such as `path`, or remove it");
    }
    wanted
}

/// A list without members could mean any or none: neither is guessed.
fn refuse_empty(raw: &RawMatch, report: &mut Report) {
    let lists = [
        raw.site.as_ref().map(|at| ("site", at.value.0.is_empty(), at.span)),
        raw.host.as_ref().map(|at| ("host", at.value.0.is_empty(), at.span)),
        raw.path.as_ref().map(|at| ("path", at.value.0.is_empty(), at.span)),
        raw.method.as_ref().map(|at| ("method", at.value.0.is_empty(), at.span)),
    ];
    for (key, _, span) in lists.into_iter().flatten().filter(|(_, empty, _)| *empty) {
        report.error(
            span,
            format!("`{key}` is an empty list"),
            format!("name what is meant, or leave `{key}` out for any"),
        );
    }
}

fn fields<N>(raw: &Field<Wanteds<N>>, name: impl Fn(&N) -> &str) -> Vec<matching::Field> {
    let wanted = |wanted: &At<RawWanted>| match &wanted.value {
        RawWanted::Present => Wanted::Present,
        RawWanted::Absent => Wanted::Absent,
        RawWanted::Like(texts) => Wanted::Like(texts.iter().map(|text| Glob::new(&text.value)).collect()),
    };
    let entries = raw.iter().flat_map(|at| &at.value.0);
    entries.map(|(key, value)| matching::Field { name: name(key).into(), wanted: wanted(value) }).collect()
}

/// The matches that must all fit: the file's and the rule's own. Only GET and HEAD are meant unless one of them says
/// so.
pub fn all(file: &Field<RawMatch>, own: &Field<RawMatch>, world: &World<'_>, report: &mut Report) -> Vec<Match> {
    let mut matches: Vec<Match> =
        [file, own].into_iter().flatten().map(|at| matching(&at.value, sites(world), report)).collect();
    if matches.iter().all(|wanted| wanted.methods.is_empty()) {
        let methods = vec![Method::GET, Method::HEAD];
        match matches.last_mut() {
            Some(last) => last.methods = methods,
            None => matches.push(Match { methods, ..Match::default() }),
        }
    }
    matches
}

/// A schedule; one that is never active is noted, one that is over is a warning.
pub fn schedule(raw: &Field<RawSchedule>, world: &World<'_>, report: &mut Report) -> Schedule {
    let Some(raw) = raw else { return Schedule::default() };
    let schedule = Schedule {
        from: raw.from.as_ref().map(|at| at.value.0.clone()),
        until: raw.until.as_ref().map(|at| at.value.0.clone()),
        days: raw.days.iter().flat_map(|at| &at.value.0).map(|day| day.value.0).collect(),
        hours: raw.hours.iter().flat_map(|at| &at.value.0).map(|span| span.value.0).collect(),
    };
    let Some(until) = &raw.until else { return schedule };
    let backwards = match (&schedule.from, &schedule.until) {
        (Some(Moment::At(from)), Some(Moment::At(until))) => from >= until,
        (Some(Moment::Local(from)), Some(Moment::Local(until))) => from >= until,
        _ => false,
    };
    let over = match &until.value.0 {
        Moment::At(at) => *at <= world.around.now,
        // No zone is more than a day behind: what is over there is over everywhere.
        Moment::Local(at) => {
            let utc = jiff::tz::TimeZone::UTC.to_timestamp(*at).ok();
            utc.is_some_and(|at| at + jiff::SignedDuration::from_hours(14) <= world.around.now)
        }
    };
    if backwards {
        report.error(
            until.span,
            "`until` is not after `from`",
            "`until` is not included: write the day after the last",
        );
    } else if over {
        report.warn(until.span, "this is over and will never be shown", "remove it, or move `until`");
    }
    schedule
}
