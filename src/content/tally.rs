//! Counts per content: how often it was rendered, found, failed or blank, and what it varies by.
//!
//! In: what became of each attempt. Out: numbers for metrics and timings. It must not know their format.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::limits;
use crate::scope::ledger::Ledger;

/// The counts of one content; they only grow.
#[derive(Debug, Default)]
pub struct Tally {
    renders: AtomicU64,
    hits: AtomicU64,
    failures: AtomicU64,
    blanks: AtomicU64,
    varies_by: Mutex<BTreeSet<String>>,
}

/// A [`Tally`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Times that its code ran to its end.
    pub renders: u64,
    /// Times that the cache had its result.
    pub hits: u64,
    /// Times that its code failed.
    pub failures: u64,
    /// Times that there was nothing to show, rendered or found.
    pub blanks: u64,
    /// The paths that its code has read so far, at most [`TALLY_PATHS`](limits::TALLY_PATHS).
    pub varies_by: Vec<String>,
}

impl Tally {
    pub(super) fn rendered(&self, ledger: &Ledger) {
        self.renders.fetch_add(1, Ordering::Relaxed);
        let mut paths = self.varies_by.lock().unwrap_or_else(PoisonError::into_inner);
        for path in ledger.varies_by() {
            if paths.len() < limits::TALLY_PATHS {
                paths.insert(path.to_string());
            }
        }
    }

    /// Counts a result that was found.
    pub fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure; how many there were.
    pub(super) fn failed(&self) -> u64 {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts that there was nothing to show.
    pub fn blank(&self) {
        self.blanks.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> Tallied {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tallied {
            renders: read(&self.renders),
            hits: read(&self.hits),
            failures: read(&self.failures),
            blanks: read(&self.blanks),
            varies_by: self.varies_by.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect(),
        }
    }
}
