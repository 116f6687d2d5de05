//! What outlives a revision.
//!
//! In: what the process gives. Out: handles for each revision's library. It must not hold anything that a reload changes.

use crate::content::Cache;
use crate::content::calls::Calls;
use crate::content::function::Engine;

/// What libraries share, from revision to revision. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// Results are named by their sources, so they stay valid where nothing changed.
    pub cache: Cache,
    /// The threads on which functions run.
    pub engine: Engine,
    /// Which calls are being made for everybody who waits for them.
    calls: Calls,
}

impl Lasting {
    /// A cache and threads, for the life of the process.
    pub fn new(cache: Cache, engine: Engine) -> Self {
        Self { cache, engine, calls: Calls::default() }
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }
}
