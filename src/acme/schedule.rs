//! When to renew, and when to try again: pure.
//!
//! In: from when until when a certificate holds; how often it failed. Out: moments and waits. It must not ask the clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::limits::{ACME_RETRY_FIRST, ACME_RETRY_MOST};

/// From when until when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// When two thirds of its life are over: a month ahead for 90 days, and in time for certificates of a few days too.
pub fn due(validity: &Validity) -> Timestamp {
    let life = validity.until.duration_since(validity.from);
    validity.from.checked_add(life * 2 / 3).unwrap_or(validity.from)
}

/// The wait after a failure that `before` others preceded: doubling, bounded, and spread by `jitter` from 0 to 1 over the upper
/// half.
pub fn pause(before: u32, jitter: f64) -> Duration {
    let doubled = ACME_RETRY_FIRST.saturating_mul(2_u32.saturating_pow(before.min(16)));
    doubled.min(ACME_RETRY_MOST).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_is_a_third_ahead() {
        let (from, until) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-04-01T00:00:00Z".parse().unwrap());
        assert_eq!(due(&Validity { from, until }).to_string(), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_spread() {
        assert_eq!(pause(0, 1.0), ACME_RETRY_FIRST);
        assert_eq!(pause(1, 1.0), 2 * ACME_RETRY_FIRST);
        assert_eq!(pause(1, 0.0), ACME_RETRY_FIRST);
        assert_eq!(pause(u32::MAX, 1.0), ACME_RETRY_MOST);
    }
}
