//! What is kept in memory, shared out.
//!
//! In: `cache` as written. Out: bytes for each cache. It must not make caches.

use crate::config::raw::cache::RawCache;
use crate::config::read::At;
use crate::config::report::Report;
use crate::limits::{CACHE_BYTES, CACHE_OBJECT_BYTES, CACHE_RESPONSES_PERCENT, CACHE_STALE_IF_ERROR};
use crate::origin::cache::CacheSettings;

/// What each cache may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheShares {
    /// Origin responses.
    pub responses: CacheSettings,
    /// Bytes of rendered fragments.
    pub fragments: u64,
}

/// Shares memory out. Responses that leave nothing for fragments are noted.
pub fn shares(raw: Option<&At<RawCache>>, report: &mut Report) -> CacheShares {
    let raw = raw.map(|at| &at.value);
    let written = raw.and_then(|raw| raw.responses.as_ref());
    let memory = raw.and_then(|raw| raw.memory.as_ref()).map(|size| size.value.0);
    let responses = written.map(|size| size.value.0);
    let total = memory.unwrap_or_else(|| match responses {
        // Who says only how much responses take leaves fragments what they have by default.
        Some(responses) => responses.saturating_add(share(CACHE_BYTES, 100 - CACHE_RESPONSES_PERCENT)),
        None => CACHE_BYTES,
    });
    let responses = responses.unwrap_or_else(|| share(total, CACHE_RESPONSES_PERCENT));
    if let Some(written) = written.filter(|_| responses >= total) {
        let what = format!("responses would take {responses} of {total} bytes, and leave none for fragments");
        report.error(written.span, what, "make `responses` smaller than `memory`, or leave one of them out");
    }
    let object = raw.and_then(|raw| raw.object.as_ref()).map_or(CACHE_OBJECT_BYTES, |size| size.value.0);
    let stale = raw.and_then(|raw| raw.stale_if_error.as_ref());
    CacheShares {
        responses: CacheSettings {
            bytes: responses,
            object: object.min(responses),
            stale_if_error: stale.map_or(CACHE_STALE_IF_ERROR, |stale| stale.value.0),
        },
        fragments: total.saturating_sub(responses),
    }
}

fn share(bytes: u64, percent: u64) -> u64 {
    bytes / 100 * percent
}
