//! How often somebody may ask.
//!
//! In: `rate_limits` as written, at the top or of a site. Out: [`RateLimitSettings`]. It must not count.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::config::compile::matching::matching;
use crate::config::raw::rate_limits::{RawBy, RawRateLimit};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::{Integer, Rate};
use crate::config::read::shapes::Named;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::limits::RATE_LIMIT_MEMORY;
use crate::throttle::{By, Quota, RateLimitSettings};

/// The limits of one place: of a `site`, or of all that have none of their own. `known` are the names of all sites.
pub fn compile(
    raw: &Field<Named<RawRateLimit>>,
    site: Option<&str>,
    known: &[Arc<str>],
    report: &mut Report,
) -> Vec<Arc<RateLimitSettings>> {
    let limits = raw.iter().flat_map(|at| &at.value.0);
    limits.filter_map(|(name, at)| limit(name, at, site, known, report).map(Arc::new)).collect()
}

fn limit(
    name: &str,
    at: &At<RawRateLimit>,
    site: Option<&str>,
    known: &[Arc<str>],
    report: &mut Report,
) -> Option<RateLimitSettings> {
    let matches = at.matches.as_ref().map(|raw| matching(&raw.value, Some(known), report)).unwrap_or_default();
    let by = by(&at.by, report);
    let rate = at.rate.as_ref()?;
    Some(RateLimitSettings {
        name: name.into(),
        site: site.map(Arc::from),
        matches,
        by,
        quota: quota(rate.value, rate.span, &at.burst, report)?,
    })
}

fn by(raw: &Field<RawBy>, report: &mut Report) -> By {
    let Some(At { value: RawBy::Value(form), span, .. }) = raw else { return By::Client };
    let header = form.header.as_ref().map(|name| By::Header(name.value.0.to_ascii_lowercase().into()));
    let cookie = form.cookie.as_ref().map(|name| By::Cookie(name.value.0.as_str().into()));
    match (header, cookie) {
        (Some(by), None) | (None, Some(by)) => by,
        (Some(by), Some(_)) => {
            report.error(*span, "this names a header and a cookie", "keep one; write a second limit for the other");
            by
        }
        (None, None) => {
            if !form.unreadable.any(&["header", "cookie"]) {
                report.error(*span, "this names neither a header nor a cookie", "write `by: client`, or name one");
            }
            By::Client
        }
    }
}

/// `None` where the burst makes no sense, which is noted.
fn quota(rate: Rate, span: Span, burst: &Field<Integer>, report: &mut Report) -> Option<Quota> {
    let interval = rate.per / rate.count.get();
    let most = (RATE_LIMIT_MEMORY.as_nanos() / interval.as_nanos()).min(u32::MAX.into()) as u32;
    let (wanted, span) = burst.as_ref().map_or((rate.count.get().into(), span), |at| (at.value.0, at.span));
    let fits = u32::try_from(wanted).ok().and_then(NonZeroU32::new).filter(|burst| burst.get() <= most);
    if fits.is_none() {
        let what =
            format!("`{wanted}` at once is no such number: at this rate more than {most} take over a day to return");
        report.error(span, what, format!("write a `burst` from 1 to {most}"));
    }
    Some(Quota { interval, burst: fits? })
}
