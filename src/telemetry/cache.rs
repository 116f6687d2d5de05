//! The figures of the shared cache.
//!
//! In: what it did. Out: metrics. It must not know what is stored.

use std::sync::atomic::AtomicI64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::Kind;

/// What the shared cache did and holds. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct CacheFigures {
    /// Requests by what the cache could do: `hit`, `stale`, `collapsed`, `revalidated`, `miss`, `bypass`.
    pub requests: Family<Kind, Counter>,
    /// URLs whose responses went to make room for others.
    pub evictions: Counter,
    pub urls: Gauge<i64, AtomicI64>,
    pub bytes: Gauge<i64, AtomicI64>,
}

impl CacheFigures {
    /// Counts a request.
    pub fn count(&self, kind: &'static str) {
        self.requests.get_or_create(&Kind { kind }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("cache_requests", "Requests by what the cache could do", self.requests.clone());
        registry.register("cache_evictions", "URLs that left the cache for want of room", self.evictions.clone());
        registry.register("cache_urls", "URLs that have stored responses", self.urls.clone());
        registry.register("cache_bytes", "Bytes of stored responses", self.bytes.clone());
    }
}
