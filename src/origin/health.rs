//! How one server is, judged by what it is asked regularly and by the requests that it answers.
//!
//! In: outcomes, and the moment. Out: whether it is fit for a request, and what changed. Pure: it must not ask the clock, wait
//! or send.
//!
//! ```text
//!            failures in a row                 its time is over
//!  Trusted ───────────────────────► Ejected ───────────────────► Trial (one request at a time)
//!     ▲                                ▲                           │
//!     │ is answered, then slow start   └─────── fails, twice as long
//!     └────────────────────────────────────────────────────────────┘
//! ```

use std::time::{Duration, Instant};

use super::settings::{Ejection, HealthCheck};
use crate::limits;

/// How one server is.
#[derive(Clone, Debug)]
pub struct Health {
    probed: Probed,
    standing: Standing,
    /// When it came back, for the slow start.
    returned: Option<Instant>,
}

/// What the health checks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probed {
    Up { failed: u32 },
    Down { passed: u32 },
}

/// What the requests say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// `ejections` before this, of which the last ended at `since`.
    Trusted {
        failed: u32,
        ejections: u32,
        since: Option<Instant>,
    },
    Ejected {
        until: Instant,
        ejections: u32,
    },
    /// A request is under way that decides; if it never ends, another may be sent at `until`.
    Trial {
        until: Instant,
        ejections: u32,
    },
}

/// Whether a server may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fitness {
    /// With this share of what an ordinary server gets: above 0, at most 1.
    Fit {
        share: f64,
    },
    /// It was ejected, and one request may find out whether it is back.
    Trial,
    Unfit(Unfit),
}

/// Why a server is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It does not pass its health checks.
    Down,
    /// Requests to it failed.
    Ejected,
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    WentDown,
    CameUp,
    Ejected { length: Duration },
    Returned,
}

impl Default for Health {
    /// Nothing is known, and nothing held against it.
    fn default() -> Self {
        let standing = Standing::Trusted { failed: 0, ejections: 0, since: None };
        Self { probed: Probed::Up { failed: 0 }, standing, returned: None }
    }
}

impl Health {
    /// Whether it may be asked now.
    pub fn fitness(&self, now: Instant, slow_start: Duration) -> Fitness {
        if matches!(self.probed, Probed::Down { .. }) {
            return Fitness::Unfit(Unfit::Down);
        }
        match self.standing {
            Standing::Ejected { until, .. } | Standing::Trial { until, .. } if now < until => {
                Fitness::Unfit(Unfit::Ejected)
            }
            Standing::Ejected { .. } | Standing::Trial { .. } => Fitness::Trial,
            Standing::Trusted { .. } => Fitness::Fit { share: self.share(now, slow_start) },
        }
    }

    fn share(&self, now: Instant, slow_start: Duration) -> f64 {
        let Some(back) = self.returned.map(|returned| now.saturating_duration_since(returned)) else { return 1.0 };
        if back >= slow_start {
            return 1.0;
        }
        (back.as_secs_f64() / slow_start.as_secs_f64()).max(limits::ORIGIN_SLOW_START_SHARE)
    }

    /// A request is about to be sent to it.
    pub fn asked(&mut self, now: Instant, settings: &Ejection) {
        if let Standing::Ejected { until, ejections } | Standing::Trial { until, ejections } = self.standing
            && until <= now
        {
            self.standing = Standing::Trial { until: now + settings.base, ejections };
        }
    }

    /// The head of an answer came. That ends a trial, because a body may go on for ever; but until one has come whole, the
    /// next failure ejects again.
    pub fn answered(&mut self, now: Instant, settings: &Ejection) -> Option<Change> {
        match self.standing {
            Standing::Trusted { .. } => None,
            // Of a request that was sent before: it says nothing about now.
            Standing::Ejected { until, .. } if now < until => None,
            Standing::Ejected { ejections, .. } | Standing::Trial { ejections, .. } => {
                let failed = settings.failures.saturating_sub(1);
                self.standing = Standing::Trusted { failed, ejections, since: Some(now) };
                self.returned = Some(now);
                Some(Change::Returned)
            }
        }
    }

    /// A whole answer came.
    pub fn succeeded(&mut self, now: Instant, settings: &Ejection) -> Option<Change> {
        let change = self.answered(now, settings);
        if let Standing::Trusted { failed, ejections, since } = &mut self.standing {
            *failed = 0;
            if since.is_some_and(|since| now.saturating_duration_since(since) > settings.max) {
                *ejections = 0;
            }
        }
        change
    }

    /// A request was not answered, or with a gateway's failure, or the answer broke off.
    pub fn failed(&mut self, now: Instant, settings: &Ejection) -> Option<Change> {
        let ejections = match &mut self.standing {
            Standing::Trusted { failed, ejections, .. } => {
                *failed = failed.saturating_add(1);
                if settings.failures == 0 || *failed < settings.failures {
                    return None;
                }
                *ejections
            }
            Standing::Trial { ejections, .. } => *ejections,
            Standing::Ejected { .. } => return None,
        };
        let length = settings.base.saturating_mul(2_u32.saturating_pow(ejections)).min(settings.max);
        self.standing = Standing::Ejected { until: now + length, ejections: ejections.saturating_add(1) };
        Some(Change::Ejected { length })
    }

    /// A health check was answered, well or not.
    pub fn probed(&mut self, answer: Answer, now: Instant, check: &HealthCheck) -> Option<Change> {
        match (&mut self.probed, answer) {
            (Probed::Up { failed }, Answer::Good) => *failed = 0,
            (Probed::Down { passed }, Answer::Bad) => *passed = 0,
            (Probed::Up { failed }, Answer::Bad) => {
                *failed += 1;
                if *failed >= check.unhealthy {
                    self.probed = Probed::Down { passed: 0 };
                    return Some(Change::WentDown);
                }
            }
            (Probed::Down { passed }, Answer::Good) => {
                *passed += 1;
                if *passed >= check.healthy {
                    // What requests said of it is from before.
                    *self = Self { returned: Some(now), ..Self::default() };
                    return Some(Change::CameUp);
                }
            }
        }
        None
    }
}

/// What a health check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Good,
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EJECTION: Ejection = Ejection { failures: 3, base: Duration::from_secs(10), max: Duration::from_secs(35) };
    const SLOW: Duration = Duration::from_secs(20);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn check() -> HealthCheck {
        HealthCheck {
            path: "/".into(),
            interval: seconds(5),
            timeout: seconds(1),
            healthy: 2,
            unhealthy: 3,
            status: vec![200..=399],
        }
    }

    #[test]
    fn failures_in_a_row_eject_for_ever_longer_and_a_trial_decides() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        assert_eq!([health.failed(now, &EJECTION), health.failed(now, &EJECTION)], [None, None]);
        assert_eq!(health.succeeded(now, &EJECTION), None, "only failures in a row count");
        for _ in 0..2 {
            assert_eq!(health.failed(now, &EJECTION), None);
        }
        for length in [10, 20, 35, 35] {
            assert_eq!(health.failed(now, &EJECTION), Some(Change::Ejected { length: seconds(length) }));
            assert_eq!(health.failed(now, &EJECTION), None, "late news of requests sent before");
            assert_eq!(health.succeeded(now, &EJECTION), None, "late news of requests sent before");
            assert_eq!(health.fitness(now + seconds(length - 1), SLOW), Fitness::Unfit(Unfit::Ejected));
            now += seconds(length);
            assert_eq!(health.fitness(now, SLOW), Fitness::Trial);
            health.asked(now, &EJECTION);
            assert_eq!(health.fitness(now, SLOW), Fitness::Unfit(Unfit::Ejected), "one trial at a time");
            assert_eq!(health.fitness(now + EJECTION.base, SLOW), Fitness::Trial, "a trial that never ends");
        }
        assert_eq!(health.succeeded(now, &EJECTION), Some(Change::Returned));
        assert_eq!(health.fitness(now, SLOW), Fitness::Fit { share: limits::ORIGIN_SLOW_START_SHARE });
        assert_eq!(health.fitness(now + seconds(10), SLOW), Fitness::Fit { share: 0.5 });
        assert_eq!(health.fitness(now + seconds(20), SLOW), Fitness::Fit { share: 1.0 });
        // What lies long behind is forgiven.
        now += EJECTION.max + seconds(1);
        health.succeeded(now, &EJECTION);
        let told = [0; 3].map(|_| health.failed(now, &EJECTION));
        assert_eq!(told[2], Some(Change::Ejected { length: EJECTION.base }));
    }

    #[test]
    fn a_head_ends_a_trial_and_a_body_wins_trust() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..2 {
            assert_eq!(health.failed(now, &EJECTION), None);
            assert_eq!(health.answered(now, &EJECTION), None, "a head alone makes up for nothing");
        }
        assert_eq!(health.failed(now, &EJECTION), Some(Change::Ejected { length: seconds(10) }));
        let now = now + seconds(10);
        health.asked(now, &EJECTION);
        assert_eq!(health.answered(now, &EJECTION), Some(Change::Returned));
        let mut broken = health.clone();
        assert_eq!(broken.failed(now, &EJECTION), Some(Change::Ejected { length: seconds(20) }));
        assert_eq!(health.succeeded(now, &EJECTION), None);
        assert_eq!(health.failed(now, &EJECTION), None);
    }

    #[test]
    fn checks_in_a_row_take_it_down_and_up() {
        let (mut health, now, check) = (Health::default(), Instant::now(), check());
        let mut told = |answers: &[Answer]| {
            answers.iter().filter_map(|answer| health.probed(*answer, now, &check)).collect::<Vec<_>>()
        };
        use Answer::{Bad, Good};
        assert_eq!(told(&[Bad, Bad, Good, Bad, Bad]), []);
        assert_eq!(told(&[Bad, Bad]), [Change::WentDown]);
        assert_eq!(told(&[Good, Bad, Good]), []);
        assert_eq!(told(&[Good, Good]), [Change::CameUp]);
        assert_eq!(health.fitness(now + SLOW, SLOW), Fitness::Fit { share: 1.0 });
    }

    #[test]
    fn requests_may_be_told_not_to_eject() {
        let mut health = Health::default();
        let never = Ejection { failures: 0, ..EJECTION };
        assert!((0..1_000).all(|_| health.failed(Instant::now(), &never).is_none()));
    }
}
