//! Counts of what became of profiles and their changes.
//!
//! In: counters that others raise. Out: metrics. It must not name anybody.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What is counted of profiles. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct ProfileFigures {
    /// Profiles that were at hand.
    pub hot: Counter,
    /// Profiles that the store gave.
    pub loaded: Counter,
    /// Profiles that did not come in time: the visitor was unknown for that page.
    pub missed: Counter,
    /// Changes that the store has.
    pub written: Counter,
    /// Changes that no store has, because too many waited or it can't write.
    pub lost: Counter,
    /// Fields in which an origin spoke of a visitor, and that could not be understood.
    pub misspoken: Counter,
}

impl ProfileFigures {
    /// Names the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("profile_hits", "Profiles that were at hand", self.hot.clone());
        registry.register("profile_loads", "Profiles that the store gave", self.loaded.clone());
        registry.register("profile_misses", "Profiles that did not come in time", self.missed.clone());
        registry.register("profile_changes_written", "Changes of profiles that the store has", self.written.clone());
        registry.register(
            "origin_fields_misspoken",
            "Inlay- fields of origins that could not be understood",
            self.misspoken.clone(),
        );
        registry.register("profile_changes_lost", "Changes of profiles that were lost", self.lost.clone());
    }
}
