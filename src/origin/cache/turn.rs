//! What came first: asking the origin, or the purge.
//!
//! In: moments at which somebody asks or purges. Out: which of them overtakes which. It must not be a clock: two things happen in
//! one microsecond, and wall clocks go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A moment in the order of things. Whoever takes one comes after all who saw an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(u64);

/// The order of things. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Order>);

#[derive(Debug, Default)]
struct Order {
    /// Taken last.
    last: AtomicU64,
    /// What was asked for before this turn is out of date, whatever it is.
    overtaken: AtomicU64,
}

// One order for both numbers: who sees that a turn is taken must see what was stored before it, and the other way round.
impl Turns {
    /// The turn that was taken last.
    pub fn now(&self) -> Turn {
        Turn(self.0.last.load(Ordering::SeqCst))
    }

    /// A turn that is after all those that anybody has seen.
    pub fn take(&self) -> Turn {
        Turn(self.0.last.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// From now on all is out of date that was asked for before `turn`.
    pub fn overtake(&self, turn: Turn) {
        self.0.overtaken.fetch_max(turn.0, Ordering::SeqCst);
    }

    /// Whether what was asked for at `asked` is.
    pub fn is_overtaken(&self, asked: Turn) -> bool {
        asked.0 < self.0.overtaken.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_before_is_overtaken() {
        let turns = Turns::default();
        let before = turns.now();
        let purge = turns.take();
        let meanwhile = turns.now();
        assert!(!turns.is_overtaken(before));
        turns.overtake(purge);
        assert!(turns.is_overtaken(before) && !turns.is_overtaken(meanwhile) && !turns.is_overtaken(turns.now()));
        // One that is told late takes nothing back.
        let later = turns.take();
        turns.overtake(later);
        turns.overtake(purge);
        assert!(turns.is_overtaken(meanwhile));
    }
}
