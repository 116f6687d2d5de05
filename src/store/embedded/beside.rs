//! How many changes lie beside each profile, about.
//!
//! In: ids. Out: whether a profile is to be folded. Ids share counters, so a profile may be folded early; whoever was counted by another
//! process, or is missed here, is folded when somebody reads it. It must not grow with the profiles.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

use crate::limits::{STORE_FOLD_CHANGES, STORE_FOLD_COUNTERS};
use crate::profile::ProfileId;

/// Keyed by chance, so that nobody chooses ids that share a counter.
#[derive(Clone)]
struct Keyed(u64, u64);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Counters of changes.
pub struct Beside {
    counters: Box<[u8]>,
    keyed: Keyed,
}

impl Beside {
    pub fn new() -> Self {
        let [a, b] = [(); 2].map(|()| u128::from_be_bytes(crate::ids::random_128()) as u64);
        Self { counters: vec![0; STORE_FOLD_COUNTERS].into(), keyed: Keyed(a, b) }
    }

    /// Counts one; whether there are so many that they should be folded.
    pub fn count(&mut self, id: &ProfileId) -> bool {
        let counter = self.counter(id);
        *counter = counter.saturating_add(1);
        usize::from(*counter) >= STORE_FOLD_CHANGES
    }

    /// Notes that nothing lies beside a profile any more.
    pub fn folded(&mut self, id: &ProfileId) {
        *self.counter(id) = 0;
    }

    fn counter(&mut self, id: &ProfileId) -> &mut u8 {
        let place = self.keyed.hash_one(id) % self.counters.len() as u64;
        &mut self.counters[place as usize]
    }
}
