//! What is seen from outside: logs and metrics.
//!
//! In: what happened. Out: lines of log, and the Prometheus text. It must not decide anything.

mod audiences;
mod cache;
mod fragments;
mod items;
mod labels;
mod log;
mod profiles;
mod selectors;
mod servers;
mod sources;

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use audiences::{AudienceFigures, AudienceSizes, Census};
pub use cache::CacheFigures;
pub use fragments::FragmentFigures;
pub use items::ItemFigures;
pub use labels::{
    ActionLabels, FailureLabels, Kind, LimitLabels, Name, NameLabel, Reason, RequestLabels, SlotLabels, Treatment,
};
pub use log::{Causes, LogFormat, log_to_stderr, log_to_stderr_from};
pub use profiles::ProfileFigures;
pub use selectors::SelectorFigures;
pub use servers::ServerFigures;
pub use sources::SourceFigures;

/// Every metric of one running process. A registry of its own, so that several can run in one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds from the request's head to the response's head.
    pub head_seconds: Histogram,
    pub slots: Family<SlotLabels, Counter>,
    /// Edge Side Includes, by what became of them: `src`, `alt`, `continued`, `failed`.
    pub includes: Family<Kind, Counter>,
    /// Contents that failed, whatever was shown in their place.
    pub failures: Family<FailureLabels, Counter>,
    /// 1 for a rule that failed too often and is switched off.
    pub rules_off: Family<NameLabel, Gauge<i64, AtomicI64>>,
    /// What rules did with exchanges beside laying something in.
    pub actions: Family<ActionLabels, Counter>,
    /// Pages whose rewriting ended before the page did, by reason.
    pub broken_pages: Family<Kind, Counter>,
    /// Failures of origins, by kind.
    pub origin_errors: Family<Kind, Counter>,
    /// Reloads of the rules, by result: `applied`, `unchanged`, `refused`.
    pub reloads: Family<Kind, Counter>,
    /// Requests that were not served, by reason; what is malformed, too large, too slow, too much.
    pub refused_requests: Family<Reason, Counter>,
    /// Requests that met a rate limit.
    pub rate_limited_requests: Family<LimitLabels, Counter>,
    /// Orders of certificates, by result: `issued`, `failed`.
    pub certificate_renewals: Family<Kind, Counter>,
    /// Until when the certificates that we order hold, in Unix seconds, by their first domain.
    pub certificate_expiry: Family<NameLabel, Gauge<i64, AtomicI64>>,
    /// 1 while personalisation is switched off.
    pub off: Gauge<i64, AtomicI64>,
    /// Tasks of the runtime: connections, exchanges, fragments in the making. Set by whoever asks for the text.
    pub tasks: Gauge<i64, AtomicI64>,
    pub cache: CacheFigures,
    pub sources: SourceFigures,
    pub profiles: ProfileFigures,
    pub items: ItemFigures,
    /// Who was met in which audience.
    pub audiences: AudienceSizes,
    /// Pages that rules apply to, by where they came from: `kept`, `joined` (another visitor's was being compiled), `compiled`,
    /// `streamed`.
    pub pages: Family<Kind, Counter>,
    /// Personalised pages that left compressed, by how: `stitched`, `live`.
    pub compressed_pages: Family<Kind, Counter>,
    /// What of pages was not read, by why: `malformed`, `beyond` what may be read of one.
    pub extraction_troubles: Family<Kind, Counter>,
    /// Bytes of compiled pages.
    pub page_bytes: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        Self::with(SourceFigures::default())
    }

    /// The same, with counts of sources that are there already.
    pub fn with(sources: SourceFigures) -> Self {
        // From half a millisecond to eight seconds, doubling.
        let buckets = std::iter::successors(Some(0.0005), |bound| Some(bound * 2.0)).take(15);
        let mut metrics = Self {
            registry: Registry::with_prefix("inlay"),
            requests: Family::default(),
            head_seconds: Histogram::new(buckets),
            slots: Family::default(),
            includes: Family::default(),
            failures: Family::default(),
            rules_off: Family::default(),
            actions: Family::default(),
            broken_pages: Family::default(),
            origin_errors: Family::default(),
            reloads: Family::default(),
            refused_requests: Family::default(),
            rate_limited_requests: Family::default(),
            certificate_renewals: Family::default(),
            certificate_expiry: Family::default(),
            off: Gauge::default(),
            cache: CacheFigures::default(),
            sources,
            profiles: ProfileFigures::default(),
            items: ItemFigures::default(),
            audiences: AudienceSizes::default(),
            pages: Family::default(),
            compressed_pages: Family::default(),
            extraction_troubles: Family::default(),
            page_bytes: Gauge::default(),
            tasks: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered, by site, treatment and status", self.requests.clone());
        registry.register("head_seconds", "Seconds until the response's head", self.head_seconds.clone());
        registry.register("slots", "Slots found in pages, by rule and outcome", self.slots.clone());
        registry.register("includes", "Edge Side Includes, by what became of them", self.includes.clone());
        let failures = self.failures.clone();
        registry.register("failures", "Contents that failed, by rule, source, function and reason", failures);
        let rules_off = self.rules_off.clone();
        registry.register("rule_off", "1 while a rule that failed too often is switched off", rules_off);
        registry.register("actions", "Redirects, serves and header edits, by rule and outcome", self.actions.clone());
        registry.register("broken_pages", "Pages whose rewriting ended early, by reason", self.broken_pages.clone());
        registry.register("origin_errors", "Failures of origins, by kind", self.origin_errors.clone());
        registry.register("reloads", "Reloads of the rules, by result", self.reloads.clone());
        registry.register("refused_requests", "Requests not served, by reason", self.refused_requests.clone());
        let limited = self.rate_limited_requests.clone();
        registry.register("rate_limited_requests", "Requests that met a rate limit, by site and limit", limited);
        let renewals = self.certificate_renewals.clone();
        registry.register("certificate_renewals", "Orders of certificates, by result", renewals);
        let expiry = self.certificate_expiry.clone();
        registry.register("certificate_expiry_seconds", "Until when a certificate holds, in Unix time", expiry);
        registry.register("off", "1 while personalisation is switched off", self.off.clone());
        self.cache.register(registry);
        self.sources.register(registry);
        self.profiles.register(registry);
        self.items.register(registry);
        registry.register("pages", "Pages that rules apply to, by where they came from", self.pages.clone());
        let compressed = self.compressed_pages.clone();
        registry.register("compressed_pages", "Personalised pages that left compressed, by how", compressed);
        let troubles = self.extraction_troubles.clone();
        registry.register("extraction_troubles", "Parts of pages that were not read, by why", troubles);
        registry.register("page_bytes", "Bytes of compiled pages", self.page_bytes.clone());
        registry.register("tasks", "Tasks of the runtime that have not ended", self.tasks.clone());
    }

    /// The Prometheus text, with `fragments`, `selectors`, the `servers` of origins and `audiences` as the current revision has them.
    pub fn text(
        &self,
        fragments: &[FragmentFigures],
        selectors: &[SelectorFigures],
        servers: &[ServerFigures],
        audiences: &[AudienceFigures],
    ) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("invariant: a String takes all that is written");
        let end = text.strip_suffix("# EOF\n").map_or(text.len(), str::len);
        text.truncate(end);
        FragmentFigures::write(&mut text, fragments);
        SelectorFigures::write(&mut text, selectors);
        ServerFigures::write(&mut text, servers);
        AudienceFigures::write(&mut text, audiences);
        text.push_str("# EOF\n");
        text
    }
}

/// Text as it may stand in a label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_as_promised() {
        let metrics = Metrics::new();
        let labels = RequestLabels { site: Name("default".into()), treatment: Treatment::Passed, status: 200 };
        metrics.requests.get_or_create(&labels).inc();
        let hero = FragmentFigures { name: "hero".into(), renders: 2, hits: 40, ..FragmentFigures::default() };
        let text = metrics.text(&[hero], &[], &[], &[]);
        for line in [
            "inlay_requests_total{site=\"default\",treatment=\"Passed\",status=\"200\"} 1",
            "inlay_fragment_renders_total{fragment=\"hero\"} 2",
            "inlay_fragment_hits_total{fragment=\"hero\"} 40",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
