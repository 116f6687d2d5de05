//! How long a call has computed, and the one who cuts it off.
//!
//! In: the time of the thread it runs on, and word that nobody waits any longer. Out: whether it must end. It must not know what
//! the call does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The meter of one call. Clones are the same meter.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The thread's time at which the call has used up what it may; in nanoseconds.
    until: AtomicU64,
    over: AtomicBool,
    unwanted: AtomicBool,
}

/// How long this thread has computed.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Meter {
    /// From now on, on this thread, the call may compute for `left`.
    pub fn begin(&self, left: Duration) {
        let until = thread_time().saturating_add(left).as_nanos();
        self.0.until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether the call must end now; asked from within it.
    pub fn must_end(&self) -> bool {
        if self.unwanted() {
            return true;
        }
        let over = thread_time().as_nanos() >= u128::from(self.0.until.load(Ordering::Relaxed));
        if over {
            self.0.over.store(true, Ordering::Relaxed);
        }
        over
    }

    /// Whether it was ended because it computed for too long.
    pub fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Nobody waits for the call any longer.
    pub fn give_up(&self) {
        self.0.unwanted.store(true, Ordering::Relaxed);
    }

    /// Whether nobody waits for the call any longer.
    pub fn unwanted(&self) -> bool {
        self.0.unwanted.load(Ordering::Relaxed)
    }
}
