//! Whether a connection is in use, so that one which is not can be closed.
//!
//! In: touches, and uses that last. Out: the moment when nothing happened for long enough. It must not close anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// What happens on one connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Activity(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug)]
struct State {
    /// Uses that have begun and not ended.
    uses: usize,
    /// When the last thing happened.
    last: Instant,
}

/// A use of the connection, until this is dropped.
#[derive(Debug)]
pub struct InUse(Activity);

impl Activity {
    /// Begins now, not in use.
    pub fn begin() -> Self {
        Self(Arc::new(watch::Sender::new(State { uses: 0, last: Instant::now() })))
    }

    /// Something happened.
    pub fn touch(&self) {
        self.0.send_modify(|state| state.last = Instant::now());
    }

    /// Something happens until the result is dropped.
    #[must_use]
    pub fn enter(&self) -> InUse {
        self.0.send_modify(|state| state.uses += 1);
        InUse(self.clone())
    }

    /// Since when it has not been in use; `None` while it is.
    pub fn idle_since(&self) -> Option<Instant> {
        let state = *self.0.borrow();
        (state.uses == 0).then_some(state.last)
    }

    /// Waits until it is not in use and nothing has happened for `bound`.
    pub async fn idle_for(&self, bound: Duration) {
        let mut watched = self.0.subscribe();
        loop {
            let state = *watched.borrow_and_update();
            if state.uses > 0 {
                // We hold a sender, so that there is always one: this can't fail.
                let _ = watched.changed().await;
                continue;
            }
            tokio::time::sleep_until(state.last + bound).await;
            if !watched.has_changed().unwrap_or(false) {
                return;
            }
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| {
            state.uses -= 1;
            state.last = Instant::now();
        });
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
