//! How far a thread steps back behind others where the machine has not time for all.
//!
//! In: a thread. Out: nothing. It must not matter to what the thread does; where the system knows no such thing per thread,
//! nothing happens.

#[cfg(target_os = "linux")]
use rustix::process::setpriority_process;
#[cfg(target_os = "linux")]
use rustix::thread::{Pid, gettid};

/// A thread, as the system names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    #[cfg(target_os = "linux")]
    pid: Pid,
}

impl Thread {
    /// The one that asks.
    pub fn own() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            pid: gettid(),
        }
    }

    /// Pages come before functions.
    pub fn step_back(self) {
        self.set(crate::limits::FUNCTION_NICENESS);
    }

    /// Everybody comes before this one.
    pub fn step_far_back(self) {
        self.set(crate::limits::FUNCTION_STUCK_NICENESS);
    }

    #[cfg(target_os = "linux")]
    fn set(self, niceness: i32) {
        if let Err(error) = setpriority_process(Some(self.pid), niceness) {
            tracing::debug!(%error, "a thread for functions runs as all others do");
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn set(self, _: i32) {}
}
