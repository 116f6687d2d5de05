//! What time it is, for everything that decides by it.
//!
//! In: nothing, or a test's will. Out: instants. Nothing else in the house may ask the system for the wall clock,
//! so that a test, a preview or a simulation can set it. It must not be asked twice in one exchange.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The source of the wall clock. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `at` until it is [set](Clock::set).
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The current moment, in microseconds' precision for a fixed clock.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(micros) => Timestamp::from_microsecond(micros.load(Ordering::Relaxed))
                .expect("invariant: only valid timestamps are stored"),
        }
    }

    /// The time since a moment that is the same for the whole process, for what is measured: the system's never goes back,
    /// whoever sets the wall clock.
    pub fn steady(&self) -> Duration {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            None => BEGINNING.elapsed(),
            Some(micros) => Duration::from_micros(u64::try_from(micros.load(Ordering::Relaxed)).unwrap_or_default()),
        }
    }

    /// Moves a fixed clock, and all its clones, to `at`. A system clock is left alone.
    pub fn set(&self, at: Timestamp) {
        if let Some(micros) = &self.0 {
            micros.store(at.as_microsecond(), Ordering::Relaxed);
        }
    }
}
