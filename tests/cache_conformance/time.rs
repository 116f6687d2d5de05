//! Time as the cases see it: for Inlay a clock that is set, for a server of another make the true one.
//!
//! In: seconds that a case wants to pass. Out: moments, and dates as HTTP writes them (RFC 9110 section 5.6.7).

use std::time::Duration;

use inlay::clock::Clock;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

/// The time of one run.
#[derive(Clone, Debug)]
pub enum Time {
    Set(Clock),
    True,
}

impl Time {
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Set(clock) => clock.now(),
            Self::True => Timestamp::now(),
        }
    }

    /// Lets these seconds pass.
    pub async fn pass(&self, seconds: u32) {
        match self {
            Self::Set(clock) => clock.set(clock.now() + SignedDuration::from_secs(seconds.into())),
            Self::True => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        }
    }
}

/// The value as it goes out: `@-3000` is the date 3,000 seconds before `base`, anything else is itself.
pub fn dated(value: &str, base: Timestamp) -> String {
    match value.strip_prefix('@').and_then(|offset| offset.parse::<i64>().ok()) {
        Some(offset) => date(base + SignedDuration::from_secs(offset)),
        None => value.to_owned(),
    }
}

pub fn date(at: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).expect("a year of four digits")
}
