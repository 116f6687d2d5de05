//! When a server of an origin is fit to be asked, and when it is asked again.
//!
//! In: `health`, `ejection` and `retry` as written. Out: their settings. It must not ask anybody.

use super::bounded::{span, whole};
use crate::config::raw::origins::{RawEjection, RawHealth, RawRetry};
use crate::config::report::Report;
use crate::limits;
use crate::origin::{Ejection, HealthCheck, Retry};

/// The checks of a server; `None` without a path that can be asked for.
pub fn health(raw: &RawHealth, report: &mut Report) -> Option<HealthCheck> {
    let path = raw.path.as_ref()?;
    let text = path.value.value.clone();
    if !text.starts_with('/') || text.parse::<http::uri::PathAndQuery>().is_err() {
        report.error(
            path.span,
            format!("`{text}` is not a path that can be asked for"),
            "begin it with `/`: `/healthz`",
        );
        return None;
    }
    let few = 1..=limits::HEALTH_COUNT_MAX;
    let count = |field, default: u32, report: &mut Report| {
        whole(field, few.clone(), report).and_then(|count| count.try_into().ok()).unwrap_or(default)
    };
    let status = raw.status.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect::<Vec<_>>();
    Some(HealthCheck {
        path: text,
        interval: span(&raw.interval, limits::HEALTH_INTERVAL, report),
        timeout: span(&raw.timeout, limits::HEALTH_WAIT, report),
        healthy: count(&raw.healthy, limits::HEALTH_GOOD, report),
        unhealthy: count(&raw.unhealthy, limits::HEALTH_BAD, report),
        status: if status.is_empty() { vec![200..=399] } else { status },
    })
}

/// After how many failures, and for how long, a server is left alone.
pub fn ejection(raw: &RawEjection, report: &mut Report) -> Ejection {
    let default = Ejection::default();
    let failures = whole(&raw.failures, 0..=limits::HEALTH_COUNT_MAX, report).and_then(|count| count.try_into().ok());
    let base = span(&raw.base, default.base, report);
    let max = span(&raw.max, default.max.max(base), report);
    if let Some(at) = raw.max.as_ref().filter(|_| max < base) {
        report.error(at.span, "the longest ejection is shorter than the first", "make `max` longer than `base`");
    }
    Ejection { failures: failures.unwrap_or(default.failures), base, max }
}

/// How often, and after what, another server is tried.
pub fn retry(raw: &RawRetry, report: &mut Report) -> Retry {
    let default = Retry::default();
    let on = raw.on.as_ref().map(|at| at.value.0.iter().map(|at| at.value.0).collect());
    let attempts = whole(&raw.attempts, 1..=limits::ORIGIN_ATTEMPTS_MAX, report).unwrap_or(default.attempts);
    Retry { attempts, on: on.unwrap_or(default.on) }
}
