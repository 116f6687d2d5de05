//! Which of an origin's servers is asked next.
//!
//! In: how many there are. Out: the order in which to try them. It must not know how they are; that will join here.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Round robin: each request begins with the server after the one with which the last request began.
#[derive(Debug, Default)]
pub struct RoundRobin(AtomicUsize);

impl RoundRobin {
    /// Positions below `servers`, each once.
    pub fn order(&self, servers: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.0.fetch_add(1, Ordering::Relaxed);
        (0..servers).map(move |step| first.wrapping_add(step) % servers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_begins_once_and_all_are_tried() {
        let balance = RoundRobin::default();
        let orders: Vec<Vec<usize>> = (0..3).map(|_| balance.order(3).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
        assert_eq!(balance.order(0).count(), 0);
    }
}
