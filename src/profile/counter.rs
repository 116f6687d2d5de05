//! Counts by day, which outlast the events that were counted.
//!
//! In: increments with their time. Out: [`Counter`]s, and sums over windows. Days are UTC's. It must not ask what time it is.

use jiff::{SignedDuration, Timestamp};

use crate::limits::PROFILE_COUNTER_DAYS;

const SECONDS_PER_DAY: i64 = 86_400;

/// One count. Days beyond the newest [`PROFILE_COUNTER_DAYS`] with a count are known in the total only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    total: i64,
    /// Days since 1970 and what was counted on them, the oldest first.
    days: Vec<(i32, i64)>,
}

impl Counter {
    /// A count as it was kept: its total, and its days in ascending order.
    pub fn kept(total: i64, days: Vec<(i32, i64)>) -> Self {
        Self { total, days }
    }

    /// All that was ever counted.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// Days since 1970 and what was counted on them, the oldest first.
    pub fn days(&self) -> &[(i32, i64)] {
        &self.days
    }

    /// Counts.
    pub fn add(&mut self, by: i64, at: Timestamp) {
        self.total = self.total.saturating_add(by);
        self.add_on(day(at), by);
    }

    /// What was counted within the last `within` before `now`, to the day: the day on which the window begins counts whole.
    pub fn within(&self, within: SignedDuration, now: Timestamp) -> i64 {
        let first = now.checked_sub(within).map_or(i32::MIN, day);
        self.days.iter().filter(|(on, _)| *on >= first).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Adds what another counted.
    pub fn absorb(&mut self, other: &Counter) {
        self.total = self.total.saturating_add(other.total);
        for (on, count) in &other.days {
            self.add_on(*on, *count);
        }
    }

    /// Takes the larger of what was counted here and there, in all and on each day.
    pub fn raise_to(&mut self, other: &Counter) {
        self.total = self.total.max(other.total);
        for (on, count) in &other.days {
            let counted = self.days.binary_search_by_key(on, |(day, _)| *day).map_or(0, |found| self.days[found].1);
            self.add_on(*on, count.saturating_sub(counted).max(0));
        }
    }

    fn add_on(&mut self, on: i32, by: i64) {
        match self.days.binary_search_by_key(&on, |(day, _)| *day) {
            Ok(found) => self.days[found].1 = self.days[found].1.saturating_add(by),
            Err(place) => self.days.insert(place, (on, by)),
        }
        if self.days.len() > PROFILE_COUNTER_DAYS {
            self.days.remove(0);
        }
    }
}

fn day(at: Timestamp) -> i32 {
    // A timestamp's range is 20,000 years: its days fit by far.
    i32::try_from(at.as_second().div_euclid(SECONDS_PER_DAY)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn windows_count_to_the_day_and_the_total_counts_all() {
        let mut counter = Counter::default();
        for (by, on) in [(1, "2026-11-01T23:59:59Z"), (2, "2026-11-20T00:00:00Z"), (4, "2026-11-23T12:00:00Z")] {
            counter.add(by, at(on));
        }
        let now = at("2026-11-23T13:00:00Z");
        assert_eq!(counter.total(), 7);
        for (hours, sum) in [(1, 4), (24 * 3, 6), (24 * 4, 6), (24 * 30, 7), (0, 4)] {
            assert_eq!(counter.within(SignedDuration::from_hours(hours), now), sum, "{hours} hours");
        }
    }

    #[test]
    fn the_oldest_days_go_first() {
        let mut counter = Counter::default();
        let first = at("2020-01-01T00:00:00Z");
        for day in 0..PROFILE_COUNTER_DAYS + 3 {
            counter.add(1, first + SignedDuration::from_hours(24 * day as i64));
        }
        assert_eq!(counter.days().len(), PROFILE_COUNTER_DAYS);
        assert_eq!(counter.total(), PROFILE_COUNTER_DAYS as i64 + 3);
        counter.add(1, first);
        assert_eq!(counter.days().len(), PROFILE_COUNTER_DAYS);
    }
}
