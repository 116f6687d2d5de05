//! How much a source is asked: calls at once, calls in a time, and how many may wait for either.
//!
//! In: somebody who wants to call. Out: room, in turn, or a refusal. It must not know what is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::definition::Sparing;
use super::failure::SourceError;

/// The room of one source.
#[derive(Debug)]
pub(super) struct Limiter {
    room: Arc<Semaphore>,
    rate: Option<DefaultDirectRateLimiter>,
    waiting: AtomicUsize,
    queue: usize,
}

impl Limiter {
    pub fn new(sparing: &Sparing) -> Self {
        let quota = sparing.rate.and_then(|(interval, burst)| Some(Quota::with_period(interval)?.allow_burst(burst)));
        Self {
            room: Arc::new(Semaphore::new(sparing.concurrency)),
            rate: quota.map(RateLimiter::direct),
            waiting: AtomicUsize::new(0),
            queue: sparing.queue,
        }
    }

    /// Waits for room; it is given back when it is dropped. Whoever calls bounds the wait.
    ///
    /// # Errors
    /// [`SourceError::Busy`] if too many wait already.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, SourceError> {
        let _waiting = Waiting::begin(self)?;
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| SourceError::Broken)?;
        let Some(rate) = &self.rate else { return Ok(room) };
        while let Err(not_until) = rate.check() {
            tokio::time::sleep(not_until.wait_time_from(DefaultClock::default().now())).await;
        }
        Ok(room)
    }
}

/// One that waits, until this is dropped.
struct Waiting<'a>(&'a Limiter);

impl<'a> Waiting<'a> {
    fn begin(limiter: &'a Limiter) -> Result<Self, SourceError> {
        let before = limiter.waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(limiter);
        // Who finds room waits for nobody.
        let is_free = limiter.room.available_permits() > before;
        if is_free || before < limiter.queue { Ok(this) } else { Err(SourceError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_call_and_so_many_wait() {
        let limiter = Limiter::new(&Sparing { concurrency: 2, queue: 1, ..Sparing::default() });
        let first = limiter.enter().await.unwrap();
        let second = limiter.enter().await.unwrap();
        let mut third = Box::pin(limiter.enter());
        assert!(futures_util::FutureExt::now_or_never(third.as_mut()).is_none());
        assert!(matches!(limiter.enter().await, Err(SourceError::Busy)));
        drop(first);
        assert!(third.await.is_ok());
        drop(second);
    }
}
