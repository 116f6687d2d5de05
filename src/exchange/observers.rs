//! Who is told what becomes of a page: the metrics, and whoever listens in.
//!
//! In: what there is to tell. Out: nothing. It must not keep anything itself.

use std::sync::Arc;

use super::explanation::Explanation;
use super::learning::Learner;
use super::trace::TraceSink;
use crate::telemetry::Metrics;

/// Who is told what becomes of a page.
#[derive(Clone, Debug)]
pub struct Observers {
    pub metrics: Arc<Metrics>,
    /// Where somebody listens in.
    pub trace: Option<TraceSink>,
    /// Who learns from a page that may be shared.
    pub learner: Option<Arc<Learner>>,
}

impl Observers {
    /// Whether somebody wants it explained.
    pub fn explains(&self) -> bool {
        self.trace.as_ref().is_some_and(TraceSink::explains)
    }

    /// Adds to the explanation, where one is wanted.
    pub fn tell(&self, tell: impl FnOnce(&mut Explanation)) {
        if let Some(trace) = &self.trace {
            trace.tell(tell);
        }
    }
}
