//! Stopping, in two steps: *draining* (start nothing new, end what runs) and *cut* (end now).
//!
//! In: one [`Trigger`], held by whoever owns the process. Out: [`Shutdown`] handles, passed as parameters to everything
//! that waits. It must not listen for signals; that is the owner's.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::limits;

/// How far the stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Cut,
}

/// What a drain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything that was held ended by itself.
    Whole,
    /// This many pieces of work were still running at the bound, and were cut.
    Cut { left: usize },
}

/// Begins the stop and waits for it. Dropping it cuts everything.
#[derive(Debug)]
pub struct Trigger {
    phase: watch::Sender<Phase>,
    held: Arc<watch::Sender<usize>>,
}

/// Tells a task when to stop. Cheap to clone; having one holds nothing up, see [`hold`](Shutdown::hold).
#[derive(Clone, Debug)]
pub struct Shutdown {
    phase: watch::Receiver<Phase>,
    held: Arc<watch::Sender<usize>>,
}

/// Work that a drain waits for, until this is dropped.
#[derive(Debug)]
pub struct Held(Arc<watch::Sender<usize>>);

/// A trigger and the first of its handles.
pub fn shutdown() -> (Trigger, Shutdown) {
    let (phase, watched) = watch::channel(Phase::Running);
    let held = Arc::new(watch::Sender::new(0));
    let handle = Shutdown { phase: watched, held: Arc::clone(&held) };
    (Trigger { phase, held }, handle)
}

impl Trigger {
    /// Tells everyone to start nothing new.
    pub fn begin(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// [Begins](Trigger::begin), waits at most `bound` for all that is [held](Shutdown::hold), then cuts the rest and
    /// waits [`CUT_WAIT`](limits::CUT_WAIT) for it to notice.
    pub async fn drain(self, bound: Duration) -> Drained {
        self.begin();
        if self.settled_within(bound).await {
            return Drained::Whole;
        }
        let left = *self.held.borrow();
        self.phase.send_replace(Phase::Cut);
        self.settled_within(limits::CUT_WAIT).await;
        Drained::Cut { left }
    }

    async fn settled_within(&self, bound: Duration) -> bool {
        let mut held = self.held.subscribe();
        let settled = held.wait_for(|held| *held == 0);
        matches!(tokio::time::timeout(bound, settled).await, Ok(Ok(_)))
    }
}

impl Shutdown {
    /// Waits until the stop begins.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Whether the stop has begun.
    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Waits until what still runs must end at once.
    pub async fn cut(&self) {
        self.reached(Phase::Cut).await;
    }

    /// Makes the drain wait until the result is dropped.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.held.send_modify(|held| *held += 1);
        Held(Arc::clone(&self.held))
    }

    async fn reached(&self, phase: Phase) {
        // A trigger that is gone can't let anyone go on: the error counts as the last phase.
        let _ = self.phase.clone().wait_for(|now| *now >= phase).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_what_is_held_and_no_longer() {
        let (trigger, handle) = shutdown();
        let work = handle.hold();
        tokio::spawn(async move {
            handle.draining().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(work);
        });
        let started = tokio::time::Instant::now();
        assert_eq!(trigger.drain(Duration::from_secs(10)).await, Drained::Whole);
        assert_eq!(started.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_cut_at_the_bound() {
        let (trigger, handle) = shutdown();
        let work = handle.hold();
        let cut = tokio::spawn(async move {
            handle.cut().await;
            drop(work);
        });
        assert_eq!(trigger.drain(Duration::from_secs(10)).await, Drained::Cut { left: 1 });
        cut.await.unwrap();
    }

    #[tokio::test]
    async fn a_trigger_that_is_dropped_cuts() {
        let (trigger, handle) = shutdown();
        drop(trigger);
        handle.cut().await;
    }
}
