//! So many at once, so many more as time goes by.
//!
//! In: that one is spent, that some are earned. Out: whether there was one left. It must not know what is counted.

use tokio::time::Instant;

/// An allowance. The clock is looked at only where nothing is left, which with an honest client is never.
#[derive(Debug)]
pub struct Allowance {
    left: u32,
    most: u32,
    per_second: u32,
    /// When it was last filled.
    filled: Instant,
}

/// There was none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Allowance {
    /// Begins full.
    pub fn full(most: u32, per_second: u32) -> Self {
        Self { left: most, most, per_second, filled: Instant::now() }
    }

    /// Spends one.
    ///
    /// # Errors
    /// [`Exhausted`]: neither saved, earned, nor come with time since.
    pub fn spend(&mut self) -> Result<(), Exhausted> {
        if self.left == 0 {
            let due = self.filled.elapsed().as_millis() * u128::from(self.per_second) / 1000;
            self.left = u32::try_from(due).unwrap_or(u32::MAX).min(self.most);
            if self.left == 0 {
                return Err(Exhausted);
            }
            self.filled = Instant::now();
        }
        self.left -= 1;
        Ok(())
    }

    /// Adds some, up to what it was in the beginning.
    pub fn earn(&mut self, some: u32) {
        self.left = self.left.saturating_add(some).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_spent_comes_back_with_time_and_work() {
        let mut allowance = Allowance::full(3, 2);
        let spent = |allowance: &mut Allowance| (0..10).take_while(|_| allowance.spend().is_ok()).count();
        assert_eq!(spent(&mut allowance), 3);
        tokio::time::advance(Duration::from_millis(1000)).await;
        assert_eq!(spent(&mut allowance), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(spent(&mut allowance), 3, "no more than the most");
        allowance.earn(2);
        assert_eq!(spent(&mut allowance), 2);
    }
}
