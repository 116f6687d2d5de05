//! Whose turn it is: functions take turns at the threads, so that one which is asked for much, or computes for long, holds up
//! only itself.
//!
//! In: work by function. Out: the next piece of it. It must not run anything, nor wait.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Work that waits, and what is being done.
#[derive(Debug)]
pub(super) struct Turns<F, W> {
    /// In the order of their turns; none is empty.
    waiting: VecDeque<(F, VecDeque<W>)>,
    running: HashMap<F, usize>,
    /// Threads that one function may have at once.
    share: usize,
}

impl<F: Copy + Eq + Hash, W> Turns<F, W> {
    /// For so many threads: one function may have all but one of them.
    pub fn new(threads: usize) -> Self {
        Self { waiting: VecDeque::new(), running: HashMap::new(), share: threads.saturating_sub(1).max(1) }
    }

    /// Work of a function waits for its turn.
    pub fn wait(&mut self, function: F, work: W) {
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == function) {
            Some((_, works)) => works.push_back(work),
            None => self.waiting.push_back((function, VecDeque::from([work]))),
        }
    }

    /// The next piece of work, of the function that has waited longest and has a thread to spare. It counts as running.
    pub fn next(&mut self) -> Option<(F, W)> {
        let free = |(function, _): &(F, _)| self.running.get(function).is_none_or(|running| *running < self.share);
        let at = self.waiting.iter().position(free)?;
        let (function, mut works) = self.waiting.remove(at)?;
        let work = works.pop_front()?;
        if !works.is_empty() {
            self.waiting.push_back((function, works));
        }
        *self.running.entry(function).or_default() += 1;
        Some((function, work))
    }

    /// A piece of work of this function is done.
    pub fn done(&mut self, function: F) {
        if let Some(running) = self.running.get_mut(&function) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&function);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(turns: &mut Turns<char, u32>) -> Vec<u32> {
        std::iter::from_fn(|| turns.next().map(|(_, work)| work)).collect()
    }

    #[test]
    fn functions_take_turns_and_none_has_all_threads() {
        let mut turns = Turns::new(3);
        for work in 1..=4 {
            turns.wait('a', work);
        }
        turns.wait('b', 10);
        assert_eq!(drawn(&mut turns), [1, 10, 2], "two threads are as many as one function may have");
        turns.done('a');
        assert_eq!(drawn(&mut turns), [3]);
        turns.done('b');
        turns.done('a');
        turns.done('a');
        assert_eq!(drawn(&mut turns), [4]);
    }

    #[test]
    fn with_one_thread_there_is_still_one_turn() {
        let mut turns = Turns::new(1);
        turns.wait('a', 1);
        assert_eq!(drawn(&mut turns), [1]);
    }
}
