//! How patiently a source is asked: how long until another try, when to ask a second time beside the first, and how often all of
//! that may happen.
//!
//! In: how long calls took, how often one was tried. Out: waits and permissions. It must not wait or ask.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;

/// What is remembered of past calls.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The newest last.
    took: VecDeque<Duration>,
    /// Hundredths of further tries that calls have paid in; see [`Patience::spend`].
    paid: u32,
    /// Tries of the reserve that were used.
    borrowed: u32,
}

impl Patience {
    /// A call was begun.
    pub fn begun(&mut self) {
        let most = 100 * limits::SOURCE_RETRY_RESERVE;
        self.paid = (self.paid + limits::SOURCE_RETRY_PERCENT).min(most);
        if self.borrowed > 0 && self.paid >= 100 {
            self.paid -= 100;
            self.borrowed -= 1;
        }
    }

    /// An exchange was answered well.
    pub fn answered(&mut self, took: Duration) {
        if self.took.len() >= limits::SOURCE_LATENCIES {
            self.took.pop_front();
        }
        self.took.push_back(took);
    }

    /// Whether one more try may be made: calls pay for a share of them, and a few are lent.
    pub fn spend(&mut self) -> bool {
        if self.paid >= 100 {
            self.paid -= 100;
            return true;
        }
        let lends = self.borrowed < limits::SOURCE_RETRY_RESERVE;
        self.borrowed += u32::from(lends);
        lends
    }

    /// The time that this share of past calls took less than; `None` while too few are known.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        if self.took.len() < limits::SOURCE_LATENCIES_NEEDED {
            return None;
        }
        let mut sorted: Vec<Duration> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        let index = (share * sorted.len() as f64) as usize;
        sorted.get(index.min(sorted.len() - 1)).copied()
    }
}

/// The wait before another try, of which so many were made; anywhere up to twice as much each time, so that those who failed
/// together do not come back together. `after`: what the source asked for.
pub(super) fn back_off(tries: u32, after: Option<Duration>) -> Duration {
    let most = limits::SOURCE_BACK_OFF.saturating_mul(2_u32.saturating_pow(tries)).min(limits::SOURCE_BACK_OFF_MAX);
    after.unwrap_or_default() + most.mul_f64(chance())
}

/// From 0 to below 1.
fn chance() -> f64 {
    let [a, b, c, d, ..] = crate::ids::random_128();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_tries_are_a_share_of_calls_and_a_few_more() {
        let mut patience = Patience::default();
        let lent = (0..100).filter(|_| patience.spend()).count();
        assert_eq!(lent as u32, limits::SOURCE_RETRY_RESERVE);
        let mut spent = 0;
        for _ in 0..1_000 {
            patience.begun();
            spent += u32::from(patience.spend());
        }
        assert!((150..=210).contains(&spent), "{spent} of 1000 calls");
    }

    #[test]
    fn a_percentile_needs_calls_and_follows_them() {
        let mut patience = Patience::default();
        for millis in 1..limits::SOURCE_LATENCIES_NEEDED as u64 {
            patience.answered(Duration::from_millis(millis));
        }
        assert_eq!(patience.percentile(0.95), None);
        (0..limits::SOURCE_LATENCIES).for_each(|_| patience.answered(Duration::from_millis(7)));
        assert_eq!(patience.percentile(0.95), Some(Duration::from_millis(7)));
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        for tries in 0..40 {
            assert!(back_off(tries, None) <= limits::SOURCE_BACK_OFF_MAX);
        }
        assert!(back_off(0, Some(Duration::from_secs(2))) >= Duration::from_secs(2));
    }
}
