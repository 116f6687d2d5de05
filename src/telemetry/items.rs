//! Counts of what became of items.
//!
//! In: counters that others raise. Out: metrics. It must not name any.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What is counted of items. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct ItemFigures {
    /// Items that the store was asked for.
    pub loaded: Counter,
    /// Items that did not come in time: they were unknown for that page.
    pub missed: Counter,
    /// Readings that the store has.
    pub written: Counter,
    /// Readings that no store has, because too many waited or it can't write.
    pub lost: Counter,
}

impl ItemFigures {
    /// Names the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("item_loads", "Items that the store was asked for", self.loaded.clone());
        registry.register("item_misses", "Items that did not come in time", self.missed.clone());
        registry.register("item_readings_written", "Readings of items that the store has", self.written.clone());
        registry.register("item_readings_lost", "Readings of items that were lost", self.lost.clone());
    }
}
