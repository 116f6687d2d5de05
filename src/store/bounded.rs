//! Things by profile, as many as fit.
//!
//! In: things with their weight. Out: those that were used lately. What a look-up costs is the same each time: nothing is put off to
//! every hundredth of them, as caches do that keep a record of who looked. It must not decide what a thing is worth.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use crate::profile::ProfileId;

type Kept<T> = Cache<ProfileId, Weighed<T>, Noted, std::hash::RandomState>;

/// Things by profile.
#[derive(Debug)]
pub struct Bounded<T>(Kept<T>);

/// A thing with what it weighed when it was put in, because what is in there must not change its weight.
#[derive(Clone, Debug)]
struct Weighed<T> {
    thing: T,
    weight: u64,
}

/// Weighs by what was noted.
#[derive(Clone, Debug)]
struct Noted;

impl<T> Weighter<ProfileId, Weighed<T>> for Noted {
    fn weight(&self, _: &ProfileId, weighed: &Weighed<T>) -> u64 {
        weighed.weight
    }
}

impl<T: Clone> Bounded<T> {
    /// Room for things of this weight together, of which each weighs about so much.
    pub fn new(capacity: u64, usual: u64) -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(capacity)
            .estimated_items_capacity(usize::try_from(capacity / usual).unwrap_or(usize::MAX))
            .build()
            .expect("invariant: both capacities are set");
        Self(Cache::with_options(options, Noted, std::hash::RandomState::new(), DefaultLifecycle::default()))
    }

    pub fn get(&self, id: &ProfileId) -> Option<T> {
        self.0.get(id).map(|weighed| weighed.thing)
    }

    /// Puts a thing in, in the place of another that may be there.
    pub fn insert(&self, id: ProfileId, thing: T, weight: u64) {
        self.0.insert(id, Weighed { thing, weight: weight.max(1) });
    }

    pub fn remove(&self, id: &ProfileId) {
        self.0.remove(id);
    }

    /// The thing of a profile, which is made if there is none, once for all who ask.
    pub fn get_or_insert(&self, id: &ProfileId, make: impl FnOnce() -> (T, u64)) -> T {
        let weighed = || {
            let (thing, weight) = make();
            Ok::<_, std::convert::Infallible>(Weighed { thing, weight })
        };
        match self.0.get_or_insert_with(id, weighed) {
            Ok(weighed) => weighed.thing,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_there_and_all_of_it_stays_bounded() {
        let bounded = Bounded::new(10_000, 10);
        let id = |number: u64| ProfileId::visitor(&number.to_string()).expect("an id");
        for number in 0..5_000 {
            bounded.insert(id(number), number, 10);
            assert_eq!(bounded.get(&id(number)), Some(number));
        }
        let kept = (0..5_000).filter(|number| bounded.get(&id(*number)).is_some()).count();
        assert!((500..=1_000).contains(&kept), "{kept} are kept");
        // Heavier than before, and lighter: the books agree.
        for weight in [500, 1, 900] {
            bounded.insert(id(1), weight, weight);
            assert_eq!(bounded.get(&id(1)), Some(weight));
        }
        assert_eq!(bounded.get_or_insert(&id(1), || (7, 10)), 900);
        bounded.remove(&id(1));
        assert_eq!(bounded.get_or_insert(&id(1), || (7, 10)), 7);
        assert_eq!(bounded.get(&id(1)), Some(7));
    }
}
