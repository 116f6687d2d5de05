//! What is kept in memory, shared out.
//!
//! In: `cache` as written. Out: bytes for each cache. It must not make caches.

use crate::config::raw::cache::RawCache;
use crate::config::read::At;
use crate::config::read::scalars::Size;
use crate::config::report::Report;
use crate::limits::{
    CACHE_BYTES, CACHE_OBJECT_BYTES, CACHE_PAGES_PERCENT, CACHE_RESPONSES_PERCENT, CACHE_STALE_IF_ERROR,
};
use crate::origin::cache::CacheSettings;

/// What each cache may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheShares {
    /// Origin responses.
    pub responses: CacheSettings,
    /// Bytes of compiled pages.
    pub pages: u64,
    /// Bytes of rendered fragments.
    pub fragments: u64,
}

/// Shares memory out. Shares that leave nothing for fragments are noted.
pub fn shares(raw: Option<&At<RawCache>>, report: &mut Report) -> CacheShares {
    let raw = raw.map(|at| &at.value);
    let bytes = |size: &At<Size>| size.value.0;
    let memory = raw.and_then(|raw| raw.memory.as_ref()).map(bytes);
    let written = [raw.and_then(|raw| raw.responses.as_ref()), raw.and_then(|raw| raw.pages.as_ref())];
    let total = memory.unwrap_or_else(|| default_total(written.map(|size| size.map(bytes))));
    let [responses, pages] = [(written[0], CACHE_RESPONSES_PERCENT), (written[1], CACHE_PAGES_PERCENT)]
        .map(|(size, percent)| size.map_or_else(|| share(total, percent), bytes));
    let taken = responses.saturating_add(pages);
    if let Some(last) = written.into_iter().flatten().last().filter(|_| taken >= total) {
        let what = format!("responses and pages would take {taken} of {total} bytes, and leave none for fragments");
        report.error(last.span, what, "make `responses` and `pages` smaller than `memory`, or leave one of them out");
    }
    let object = raw.and_then(|raw| raw.object.as_ref()).map_or(CACHE_OBJECT_BYTES, bytes);
    let stale = raw.and_then(|raw| raw.stale_if_error.as_ref());
    CacheShares {
        responses: CacheSettings {
            bytes: responses,
            object: object.min(responses),
            stale_if_error: stale.map_or(CACHE_STALE_IF_ERROR, |stale| stale.value.0),
        },
        pages,
        fragments: total.saturating_sub(taken),
    }
}

/// Who says only how much some caches take leaves the others what they have by default.
fn default_total([responses, pages]: [Option<u64>; 2]) -> u64 {
    let fragments = share(CACHE_BYTES, 100 - CACHE_RESPONSES_PERCENT - CACHE_PAGES_PERCENT);
    match (responses, pages) {
        (None, None) => CACHE_BYTES,
        (responses, pages) => {
            let responses = responses.unwrap_or_else(|| share(CACHE_BYTES, CACHE_RESPONSES_PERCENT));
            let pages = pages.unwrap_or_else(|| share(CACHE_BYTES, CACHE_PAGES_PERCENT));
            responses.saturating_add(pages).saturating_add(fragments)
        }
    }
}

fn share(bytes: u64, percent: u64) -> u64 {
    bytes / 100 * percent
}
