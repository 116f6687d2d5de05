//! The circuit breaker: whether a source may be asked, after how its calls went.
//!
//! In: outcomes, and the moment. Out: yes, no, or "once, to find out". Pure: it must not ask the clock, wait or send.
//!
//! ```text
//!          failures in a row              its time is over
//!  Closed ───────────────────► Open ───────────────────────► Trial (one call at a time)
//!    ▲                           ▲                             │
//!    └──────── succeeds ─────────┼─────────────────────────────┤
//!                                └─── fails, twice as long ────┘
//! ```

use std::time::{Duration, Instant};

use crate::limits;

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// So many failures in a row.
    Closed { failures: u32 },
    /// Left alone until then; the how many-eth time, from 0.
    Open { until: Instant, times: u32 },
    /// A call finds out; if it never ends, another may at `until`.
    Trial { until: Instant, times: u32 },
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Opened { length: Duration },
    Closed,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether a call may be made now; one that may, in a trial, is the trial.
    pub fn admit(&mut self, now: Instant, open: Duration) -> bool {
        match *self {
            Self::Closed { .. } => true,
            Self::Open { until, times } | Self::Trial { until, times } if until <= now => {
                *self = Self::Trial { until: now + open, times };
                true
            }
            Self::Open { .. } | Self::Trial { .. } => false,
        }
    }

    /// A call was answered well.
    pub fn succeeded(&mut self) -> Option<Change> {
        match std::mem::take(self) {
            Self::Closed { .. } => None,
            Self::Trial { .. } => Some(Change::Closed),
            // Of a call that was made before: it says nothing about now.
            open @ Self::Open { .. } => {
                *self = open;
                None
            }
        }
    }

    /// A call failed by the source's fault. `failures` in a row open it, for `open` at first; 0: never.
    pub fn failed(&mut self, now: Instant, failures: u32, open: Duration) -> Option<Change> {
        let times = match self {
            Self::Closed { failures: so_far } => {
                *so_far = so_far.saturating_add(1);
                if failures == 0 || *so_far < failures {
                    return None;
                }
                0
            }
            Self::Trial { times, .. } => times.saturating_add(1),
            Self::Open { .. } => return None,
        };
        let length = open.saturating_mul(2_u32.saturating_pow(times)).min(limits::SOURCE_BREAKER_OPEN_MAX.max(open));
        *self = Self::Open { until: now + length, times };
        Some(Change::Opened { length })
    }

    /// Whether it is left alone.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(5);

    #[test]
    fn failures_in_a_row_open_it_for_ever_longer_and_a_trial_decides() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        assert_eq!([breaker.failed(now, 3, OPEN), breaker.failed(now, 3, OPEN)], [None, None]);
        assert_eq!(breaker.succeeded(), None);
        assert_eq!([breaker.failed(now, 3, OPEN), breaker.failed(now, 3, OPEN)], [None, None], "only in a row");
        for length in [5, 10, 20, 40, 80, 120, 120].map(Duration::from_secs) {
            assert_eq!(breaker.failed(now, 3, OPEN), Some(Change::Opened { length }));
            assert_eq!([breaker.failed(now, 3, OPEN), breaker.succeeded()], [None, None], "late news");
            assert!(!breaker.admit(now + length - Duration::from_millis(1), OPEN));
            now += length;
            assert!(breaker.admit(now, OPEN));
            assert!(!breaker.admit(now, OPEN), "one trial at a time");
            assert!({ breaker }.admit(now + OPEN, OPEN), "a trial that never ends");
        }
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert!(breaker.admit(now, OPEN) && !breaker.is_open());
    }

    #[test]
    fn it_may_be_told_never_to_open() {
        let mut breaker = Breaker::default();
        assert!((0..1_000).all(|_| breaker.failed(Instant::now(), 0, OPEN).is_none()));
    }
}
