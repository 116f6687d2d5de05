//! The fuse of a rule: one that fails too often is switched off by itself, and finds its way back.
//!
//! In: how its pages came out, and the moment. Out: whether it may apply, and what changed. Pure: it must not ask the clock.
//!
//! ```text
//!         too large a share of a window failed           its time is over
//!  Closed ────────────────────────────────────► Open ──────────────────────► Probing (one page at a time)
//!    ▲                                            ▲                              │
//!    └──────────── the page came out ─────────────┼──────────────────────────────┤
//!                                                 └─── it failed, twice as long ─┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::{FUSE_OFF_MAX, FUSE_SPANS};

/// What is done where a rule's contents fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnError {
    /// Past this the rule is switched off.
    pub off: Option<Threshold>,
    /// The source that is called with `rule` and `state` when it is switched off, and when it is back.
    pub tell: Option<Arc<str>>,
}

/// When a rule is switched off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Of its pages, above 0 and at most 1.
    pub share: f64,
    /// Over how long.
    pub window: Duration,
    /// As many must have come out at all, one way or the other.
    pub least: u32,
    /// For how long it is off, the first time.
    pub length: Duration,
}

/// How a rule stands.
#[derive(Clone, Debug)]
pub struct Fuse {
    standing: Standing,
    /// Spans of the window, by their number; a number that is too old counts for nothing.
    spans: [Span; FUSE_SPANS],
    begun: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    number: u64,
    fine: u32,
    failed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Closed,
    /// The how many-eth time in a row, from 0.
    Open {
        until: Instant,
        times: u32,
    },
    /// A page finds out; if it never tells, another may at `until`.
    Probing {
        until: Instant,
        times: u32,
    },
}

/// Whether a rule may apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Closed,
    /// It may, to find out.
    Probe,
    /// It is off for so long.
    Off {
        left: Duration,
    },
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    SwitchedOff { length: Duration },
    Back,
}

/// How a rule's part of a page came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Fine,
    Failed,
}

impl Fuse {
    /// A fuse of which nothing is known.
    pub fn new(now: Instant) -> Self {
        Self { standing: Standing::Closed, spans: [Span::default(); FUSE_SPANS], begun: now }
    }

    /// For how long it is off; `None` if it may apply, be it to find out. Changes nothing.
    pub fn off_for(&self, now: Instant) -> Option<Duration> {
        match self.standing {
            Standing::Open { until, .. } | Standing::Probing { until, .. } if now < until => Some(until - now),
            _ => None,
        }
    }

    /// Whether the rule may apply to a page now; one that may, to find out, is the probe.
    pub fn admit(&mut self, now: Instant, threshold: &Threshold) -> Admission {
        match self.standing {
            Standing::Closed => Admission::Closed,
            Standing::Open { until, times } | Standing::Probing { until, times } if until <= now => {
                self.standing = Standing::Probing { until: now + threshold.length, times };
                Admission::Probe
            }
            Standing::Open { until, .. } | Standing::Probing { until, .. } => Admission::Off { left: until - now },
        }
    }

    /// A page of the rule came out.
    pub fn note(&mut self, outcome: Outcome, now: Instant, threshold: &Threshold) -> Option<Change> {
        match (self.standing, outcome) {
            // Of a page that was begun before: it says nothing about now.
            (Standing::Open { .. }, _) => None,
            (Standing::Probing { .. }, Outcome::Fine) => {
                *self = Self::new(now);
                Some(Change::Back)
            }
            (Standing::Probing { times, .. }, Outcome::Failed) => {
                Some(self.switch_off(times.saturating_add(1), now, threshold))
            }
            (Standing::Closed, _) => {
                self.count(outcome, now, threshold);
                self.is_past(threshold, now).then(|| self.switch_off(0, now, threshold))
            }
        }
    }

    fn switch_off(&mut self, times: u32, now: Instant, threshold: &Threshold) -> Change {
        let length = threshold.length.saturating_mul(2_u32.saturating_pow(times));
        let length = length.min(FUSE_OFF_MAX.max(threshold.length));
        self.standing = Standing::Open { until: now + length, times };
        Change::SwitchedOff { length }
    }

    fn count(&mut self, outcome: Outcome, now: Instant, threshold: &Threshold) {
        let number = self.number(now, threshold);
        let span = &mut self.spans[(number % FUSE_SPANS as u64) as usize];
        if span.number != number {
            *span = Span { number, ..Span::default() };
        }
        match outcome {
            Outcome::Fine => span.fine = span.fine.saturating_add(1),
            Outcome::Failed => span.failed = span.failed.saturating_add(1),
        }
    }

    fn is_past(&self, threshold: &Threshold, now: Instant) -> bool {
        let number = self.number(now, threshold);
        let recent = self.spans.iter().filter(|span| span.number + FUSE_SPANS as u64 > number);
        let (fine, failed) = recent.fold((0_u64, 0_u64), |(fine, failed), span| {
            (fine + u64::from(span.fine), failed + u64::from(span.failed))
        });
        let all = fine + failed;
        all >= u64::from(threshold.least) && failed as f64 >= threshold.share * all as f64
    }

    /// The number of the span that `now` falls into, from 1.
    fn number(&self, now: Instant, threshold: &Threshold) -> u64 {
        let span = (threshold.window / FUSE_SPANS as u32).max(Duration::from_millis(1));
        let passed = now.saturating_duration_since(self.begun).as_millis() / span.as_millis();
        u64::try_from(passed).unwrap_or(u64::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLD: Threshold =
        Threshold { share: 0.5, window: Duration::from_secs(60), least: 10, length: Duration::from_secs(30) };

    #[test]
    fn a_share_of_failures_in_a_window_switches_it_off() {
        let now = Instant::now();
        let mut fuse = Fuse::new(now);
        for n in 0..9 {
            assert_eq!(fuse.note(Outcome::Failed, now, &THRESHOLD), None, "{n}: too few to tell");
        }
        // What is out of the window does not count.
        let later = now + Duration::from_secs(70);
        for n in 0..9 {
            let outcome = if n < 4 { Outcome::Fine } else { Outcome::Failed };
            assert_eq!(fuse.note(outcome, later, &THRESHOLD), None, "{n}");
        }
        let off = Change::SwitchedOff { length: THRESHOLD.length };
        assert_eq!(fuse.note(Outcome::Failed, later, &THRESHOLD), Some(off));
        assert!(matches!(fuse.admit(later, &THRESHOLD), Admission::Off { .. }));
    }

    #[test]
    fn few_failures_among_many_do_not() {
        let now = Instant::now();
        let mut fuse = Fuse::new(now);
        for n in 0..10_000_u32 {
            let outcome = if n % 3 == 0 && n > 0 { Outcome::Failed } else { Outcome::Fine };
            assert_eq!(fuse.note(outcome, now + Duration::from_millis(u64::from(n)), &THRESHOLD), None);
        }
    }

    #[test]
    fn a_page_finds_out_and_each_time_that_fails_it_is_off_for_longer() {
        let mut now = Instant::now();
        let mut fuse = Fuse::new(now);
        for _ in 0..10 {
            let _ = fuse.note(Outcome::Failed, now, &THRESHOLD);
        }
        for length in [30, 60, 120] {
            let length = Duration::from_secs(length);
            assert_eq!(fuse.admit(now, &THRESHOLD), Admission::Off { left: length });
            assert_eq!(fuse.note(Outcome::Fine, now, &THRESHOLD), None, "late news");
            now += length;
            assert_eq!(fuse.admit(now, &THRESHOLD), Admission::Probe);
            assert!(matches!(fuse.admit(now, &THRESHOLD), Admission::Off { .. }), "one page at a time");
            let told = fuse.note(Outcome::Failed, now, &THRESHOLD);
            assert_eq!(told, Some(Change::SwitchedOff { length: 2 * length }));
        }
        now += Duration::from_secs(240);
        assert_eq!(fuse.admit(now, &THRESHOLD), Admission::Probe);
        assert_eq!(fuse.note(Outcome::Fine, now, &THRESHOLD), Some(Change::Back));
        assert_eq!(fuse.admit(now, &THRESHOLD), Admission::Closed);
    }
}
