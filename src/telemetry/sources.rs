//! How sources fared.
//!
//! In: what happened. Out: counts by source, in the Prometheus text. It must not hold what was asked or answered.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Name;

/// One label: which source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabel {
    pub source: Name,
}

/// Which source, and what became of a call or a look.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceOutcome {
    pub source: Name,
    pub outcome: &'static str,
}

/// The counts of all sources. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct SourceFigures {
    calls: Family<SourceOutcome, Counter>,
    seconds: Family<SourceLabel, Histogram, fn() -> Histogram>,
    found: Family<SourceOutcome, Counter>,
    retries: Family<SourceLabel, Counter>,
    hedges: Family<SourceLabel, Counter>,
    open: Family<SourceLabel, Gauge<i64, AtomicI64>>,
}

impl Default for SourceFigures {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            found: Family::default(),
            retries: Family::default(),
            hedges: Family::default(),
            open: Family::default(),
        }
    }
}

/// From a millisecond to eight seconds, doubling.
fn histogram() -> Histogram {
    Histogram::new(std::iter::successors(Some(0.001), |bound| Some(bound * 2.0)).take(14))
}

impl SourceFigures {
    /// A call ended so: `answered`, or why not.
    pub fn called(&self, source: &Arc<str>, outcome: &'static str, took: Duration) {
        self.calls.get_or_create(&SourceOutcome { source: Name(source.clone()), outcome }).inc();
        self.seconds.get_or_create(&label(source)).observe(took.as_secs_f64());
    }

    /// An answer was there without a call: `fresh`, `stale`, or in place of one: `stale_if_error`, `fallback`.
    pub fn found(&self, source: &Arc<str>, outcome: &'static str) {
        self.found.get_or_create(&SourceOutcome { source: Name(source.clone()), outcome }).inc();
    }

    /// A call was tried once more.
    pub fn retried(&self, source: &Arc<str>) {
        self.retries.get_or_create(&label(source)).inc();
    }

    /// A second try was made beside a slow first one.
    pub fn hedged(&self, source: &Arc<str>) {
        self.hedges.get_or_create(&label(source)).inc();
    }

    /// Whether a source is left alone.
    pub fn open(&self, source: &Arc<str>, open: bool) {
        self.open.get_or_create(&label(source)).set(i64::from(open));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("source_calls", "Calls of sources, by outcome", self.calls.clone());
        registry.register("source_call_seconds", "Seconds that calls of sources took", self.seconds.clone());
        registry.register("source_kept", "Answers without or in place of a call, by where from", self.found.clone());
        registry.register("source_retries", "Calls of sources that were tried once more", self.retries.clone());
        registry.register("source_hedges", "Calls made beside a slow one", self.hedges.clone());
        registry.register("source_open", "1 while a source is left alone after its failures", self.open.clone());
    }
}

fn label(source: &Arc<str>) -> SourceLabel {
    SourceLabel { source: Name(source.clone()) }
}
