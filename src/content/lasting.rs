//! What outlives a revision.
//!
//! In: what the process gives. Out: handles for each revision's library. It must not hold anything that a reload changes.

use crate::content::Cache;
use crate::content::function::Engine;

/// What libraries share, from revision to revision. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// Results are named by their sources, so they stay valid where nothing changed.
    pub cache: Cache,
    /// The threads on which functions run.
    pub engine: Engine,
}
