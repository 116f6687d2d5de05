//! Buckets that fill again with time, one for each key, in bounded memory.
//!
//! In: a key. Out: whether there was something left, else how long to wait. It must not know what a key stands for.

use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::direct::NotKeyed;
use governor::state::{InMemoryState, StateStore};
use governor::{Quota as GovernorQuota, RateLimiter};
use moka::sync::Cache;

use super::Quota;
use crate::clock::Clock;

/// The buckets of one limit.
#[derive(Debug)]
pub struct Buckets {
    limiter: RateLimiter<u128, Store, Steady, NoOpMiddleware<Duration>>,
    clock: Steady,
}

impl Buckets {
    /// Full ones, of which so many are remembered as `keys` says: past that the keys that are rare go first, so that
    /// inventing many does not make those forgotten who ask much.
    pub fn new(quota: Quota, keys: u64, clock: &Clock) -> Self {
        let clock = Steady(clock.clone());
        let governed = GovernorQuota::with_period(quota.interval.max(Duration::from_micros(1)));
        let governed = governed.expect("invariant: the interval is not zero").allow_burst(quota.burst);
        // A bucket that is full again is like none.
        let buckets = Cache::builder().max_capacity(keys).time_to_idle(quota.refilled_in());
        Self { limiter: RateLimiter::new(governed, Store(buckets.build()), clock.clone()), clock }
    }

    /// Takes one from the bucket of `key`.
    ///
    /// # Errors
    /// It is empty: after which time there will be one.
    pub fn take(&self, key: u128) -> Result<(), Duration> {
        self.limiter.check_key(&key).map_err(|not| not.wait_time_from(self.clock.now()))
    }
}

/// The states by key. Those that were not asked for in long are forgotten, and where there are too many, those that are
/// asked for least (TinyLFU).
#[derive(Debug)]
struct Store(Cache<u128, Arc<InMemoryState>>);

impl StateStore for Store {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.get_with(*key, Arc::default).measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// Our clock as the limiter asks for it.
#[derive(Clone, Debug)]
struct Steady(Clock);

impl GovernorClock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.steady()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn quota(interval: Duration, burst: u32) -> Quota {
        Quota { interval, burst: NonZeroU32::new(burst).unwrap() }
    }

    fn begin() -> Timestamp {
        "2026-11-23T09:30:00Z".parse().unwrap()
    }

    #[test]
    fn a_bucket_fills_again() {
        let clock = Clock::fixed(begin());
        let buckets = Buckets::new(quota(Duration::from_secs(10), 3), 100, &clock);
        assert_eq!([buckets.take(1), buckets.take(1), buckets.take(1)], [Ok(()); 3]);
        assert_eq!(buckets.take(1), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take(2), Ok(()));
        clock.set(begin() + SignedDuration::from_secs(4));
        assert_eq!(buckets.take(1), Err(Duration::from_secs(6)));
        clock.set(begin() + SignedDuration::from_secs(10));
        assert_eq!([buckets.take(1), buckets.take(1)], [Ok(()), Err(Duration::from_secs(10))]);
        clock.set(begin() + SignedDuration::from_hours(1));
        assert_eq!((0..9).filter(|_| buckets.take(1).is_ok()).count(), 3);
    }

    /// Somebody who met the limit does not get rid of it by inventing keys, and they take no more memory than they may.
    #[test]
    fn a_flood_of_keys_neither_frees_the_heavy_hitter_nor_grows() {
        let buckets = Buckets::new(quota(Duration::from_secs(3600), 5), 1_000, &Clock::fixed(begin()));
        let mut passed = 0;
        for flood in 0..100_000 {
            let _ = buckets.take(1_000 + flood);
            if flood % 100 == 0 && buckets.take(1).is_ok() {
                passed += 1;
            }
        }
        assert_eq!(passed, 5);
        let states = &buckets.limiter.into_state_store().0;
        states.run_pending_tasks();
        assert!(states.entry_count() <= 1_000, "{}", states.entry_count());
    }

    proptest! {
        /// In no stretch of time more pass than its length and the burst allow.
        #[test]
        fn never_more_than_the_rate_and_the_burst(
            interval in 1u64..50,
            burst in 1u32..20,
            pauses in prop::collection::vec(0u64..60, 1..200),
        ) {
            let clock = Clock::fixed(begin());
            let buckets = Buckets::new(quota(Duration::from_secs(interval), burst), 10, &clock);
            let (mut at, mut passed) = (0, Vec::new());
            for pause in pauses {
                at += pause;
                clock.set(begin() + SignedDuration::from_secs(at as i64));
                if buckets.take(7).is_ok() {
                    passed.push(at);
                }
            }
            for (number, from) in passed.iter().enumerate() {
                for (count, to) in passed[number..].iter().enumerate() {
                    let most = (to - from) / interval + u64::from(burst);
                    prop_assert!((count as u64) < most, "{} in {} s", count + 1, to - from);
                }
            }
        }
    }
}
