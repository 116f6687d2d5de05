//! Whether a connection is in use, so that one which is not can be closed.
//!
//! In: touches, and uses that last. Out: the moment when nothing happened for long enough. It must not close anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What happens on one connection. Cheap to clone, and to tell: nobody is woken by it, because it is told with every request.
#[derive(Clone, Debug)]
pub struct Activity(Arc<State>);

#[derive(Debug)]
struct State {
    began: Instant,
    /// Uses that have begun and not ended.
    uses: AtomicUsize,
    /// When the last thing happened, in nanoseconds since it began.
    last: AtomicU64,
}

/// A use of the connection, until this is dropped.
#[derive(Debug)]
pub struct InUse(Activity);

impl Activity {
    /// Begins now, not in use.
    pub fn begin() -> Self {
        Self(Arc::new(State { began: Instant::now(), uses: AtomicUsize::new(0), last: AtomicU64::new(0) }))
    }

    /// Something happened.
    pub fn touch(&self) {
        let passed = u64::try_from(self.0.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.last.store(passed, Ordering::Relaxed);
    }

    /// Something happens until the result is dropped.
    #[must_use]
    pub fn enter(&self) -> InUse {
        self.0.uses.fetch_add(1, Ordering::Relaxed);
        InUse(self.clone())
    }

    /// Since when it has not been in use; `None` while it is.
    pub fn idle_since(&self) -> Option<Instant> {
        // Whoever sees that the last use has ended sees when.
        let idle = self.0.uses.load(Ordering::Acquire) == 0;
        idle.then(|| self.0.began + Duration::from_nanos(self.0.last.load(Ordering::Relaxed)))
    }

    /// Waits until it is not in use and nothing has happened for `bound`.
    pub async fn idle_for(&self, bound: Duration) {
        loop {
            // A use that ends while this sleeps ends no more than `bound` before it wakes, so it never wakes too late.
            let since = self.idle_since();
            let due = since.unwrap_or_else(Instant::now) + bound;
            if since.is_some() && due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.touch();
        self.0.0.uses.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn uses_and_touches_put_idleness_off() {
        let (activity, started) = (Activity::begin(), Instant::now());
        let other = activity.clone();
        tokio::spawn(async move {
            let in_use = other.enter();
            tokio::time::sleep(Duration::from_secs(50)).await;
            drop(in_use);
            tokio::time::sleep(Duration::from_secs(5)).await;
            other.touch();
        });
        tokio::task::yield_now().await;
        activity.idle_for(Duration::from_secs(10)).await;
        assert_eq!(started.elapsed(), Duration::from_secs(65));
    }
}
