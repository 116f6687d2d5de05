//! The bytes of bodies that the cache holds, all together.
//!
//! In: bytes as they come. Out: whether there is room for them. What is taken comes back when its holder is dropped, so a body
//! counts for as long as anybody reads it, also when it is no longer stored. It must not know what the bytes are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all bodies may take. Cheap to clone; all clones share.
#[derive(Clone, Debug)]
pub struct Allowance {
    taken: Arc<AtomicU64>,
    bound: u64,
}

impl Allowance {
    /// Of so many bytes.
    pub fn new(bound: u64) -> Self {
        Self { taken: Arc::default(), bound }
    }

    /// The share of one body, which has nothing yet.
    pub fn share(&self) -> Share {
        Share { of: self.clone(), bytes: 0 }
    }
}

/// What one body takes.
#[derive(Debug)]
pub struct Share {
    of: Allowance,
    bytes: u64,
}

impl Share {
    /// Takes so many bytes more; `false`, and nothing taken, if they are not to be had.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let before = self.of.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.of.bound {
            self.of.taken.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_with_its_holder() {
        let allowance = Allowance::new(10);
        let (mut first, mut second) = (allowance.share(), allowance.share());
        assert!(first.grow(6) && second.grow(4));
        assert!(!first.grow(1) && !second.grow(1));
        drop(first);
        assert!(second.grow(6) && !second.grow(1));
    }
}
