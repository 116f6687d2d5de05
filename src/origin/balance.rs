//! Which of an origin's servers is asked next.
//!
//! In: how the servers are, and by what to choose. Out: one of them, with the reason. Pure: it must not know how they came to
//! be so, nor ask them.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::health::Fitness;
use crate::limits;

/// What is known of a server when one is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Of its name: what its keys follow from.
    pub seed: u64,
    pub in_flight: usize,
    pub fitness: Fitness,
}

/// By what is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The number of this request.
    Turn(usize),
    /// Exchanges in flight; among equals the number of this request.
    InFlight(usize),
    /// The hash of a value.
    Key(u64),
}

/// A choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    pub server: usize,
    pub reason: Reason,
}

/// Why a server was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Turn,
    FewestInFlight,
    Key,
    /// To find out whether it is back.
    Trial,
    /// Too few are fit: what is left must not drown, so all are asked as if they were.
    Panic,
    /// None that is fit is left for another try.
    LastResort,
}

/// Chooses among those that were not `tried` for this request; `None` if all were.
pub fn pick(by: By, candidates: &[Candidate], tried: &[usize]) -> Option<Pick> {
    let is_fit = |candidate: &Candidate| matches!(candidate.fitness, Fitness::Fit { .. });
    let fit = candidates.iter().filter(|candidate| is_fit(candidate)).count();
    let left = || candidates.iter().enumerate().filter(|(server, _)| !tried.contains(server));
    if let Some((server, _)) = left().find(|(_, candidate)| candidate.fitness == Fitness::Trial)
        && !matches!(by, By::Key(_))
    {
        return Some(Pick { server, reason: Reason::Trial });
    }
    let panics = (fit as f64) < candidates.len() as f64 * limits::ORIGIN_PANIC_SHARE;
    let usual = match by {
        By::Turn(_) => Reason::Turn,
        By::InFlight(_) => Reason::FewestInFlight,
        By::Key(_) => Reason::Key,
    };
    let share = |candidate: &Candidate| match candidate.fitness {
        Fitness::Fit { share } => Some(share),
        // The keys of a server that may be back are what tries it.
        Fitness::Trial if matches!(by, By::Key(_)) => Some(1.0),
        Fitness::Trial | Fitness::Unfit(_) => None,
    };
    let whole = |candidate: &Candidate| Some(share(candidate).unwrap_or(1.0));
    if panics {
        return choose(by, left(), whole).map(|server| Pick { server, reason: Reason::Panic });
    }
    choose(by, left(), share)
        .map(|server| Pick { server, reason: usual })
        .or_else(|| choose(by, left(), whole).map(|server| Pick { server, reason: Reason::LastResort }))
}

fn choose<'a>(
    by: By,
    left: impl Iterator<Item = (usize, &'a Candidate)>,
    share: impl Fn(&Candidate) -> Option<f64>,
) -> Option<usize> {
    let mut left: Vec<(usize, &Candidate, f64)> =
        left.filter_map(|(server, candidate)| Some((server, candidate, share(candidate)?))).collect();
    if let By::Turn(turn) | By::InFlight(turn) = by
        && !left.is_empty()
    {
        let first = turn % left.len();
        left.rotate_left(first);
    }
    match by {
        By::Turn(turn) => {
            // A server in its slow start lets a part of its turns pass.
            let takes =
                |(server, _, share): &&(usize, &Candidate, f64)| unit(mix(turn as u64, *server as u64)) < *share;
            left.iter().find(takes).or(left.first()).map(|(server, ..)| *server)
        }
        By::InFlight(_) => {
            let load = |(_, candidate, share): &(usize, &Candidate, f64)| (candidate.in_flight + 1) as f64 / share;
            left.iter().min_by(|a, b| load(a).total_cmp(&load(b))).map(|(server, ..)| *server)
        }
        By::Key(key) => {
            // Weighted rendezvous: each server draws a number for the key, the highest wins. A server that goes takes only
            // the keys that it has won; one with a smaller share wins fewer.
            let drawn = |(_, candidate, share): &(usize, &Candidate, f64)| -share / unit(mix(key, candidate.seed)).ln();
            left.iter().max_by(|a, b| drawn(a).total_cmp(&drawn(b))).map(|(server, ..)| *server)
        }
    }
}

/// The hash of a value or of a server's name: the same in every process, so that several proxies choose alike.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

fn mix(a: u64, b: u64) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(a);
    hasher.write_u64(b);
    hasher.finish()
}

/// Above 0 and below 1.
fn unit(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::health::Unfit;
    use super::*;

    const FIT: Fitness = Fitness::Fit { share: 1.0 };
    const DOWN: Fitness = Fitness::Unfit(Unfit::Down);

    fn servers(fitness: &[Fitness]) -> Vec<Candidate> {
        let one = |(number, fitness): (usize, &Fitness)| Candidate {
            seed: hash(format!("10.0.0.{number}").as_bytes()),
            in_flight: 0,
            fitness: *fitness,
        };
        fitness.iter().enumerate().map(one).collect()
    }

    fn server(by: By, candidates: &[Candidate], tried: &[usize]) -> usize {
        pick(by, candidates, tried).unwrap().server
    }

    #[test]
    fn turns_go_round_those_that_are_fit() {
        let turns = |candidates: &[Candidate], tried: &[usize]| {
            (0..6).map(|turn| server(By::Turn(turn), candidates, tried)).collect::<Vec<_>>()
        };
        assert_eq!(turns(&servers(&[FIT; 3]), &[]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(&servers(&[FIT, FIT, DOWN]), &[]), [0, 1, 0, 1, 0, 1]);
        assert_eq!(turns(&servers(&[FIT; 3]), &[2])[2], 0, "the next one's, where its own was tried");
        assert_eq!(pick(By::Turn(0), &servers(&[FIT; 2]), &[0, 1]), None);
        assert_eq!(pick(By::Turn(0), &[], &[]), None);
    }

    #[test]
    fn too_few_that_are_fit_are_not_left_alone_with_it_all() {
        let candidates = servers(&[DOWN, DOWN, FIT]);
        let picks: Vec<Pick> = (0..3).filter_map(|turn| pick(By::Turn(turn), &candidates, &[])).collect();
        assert_eq!(picks.iter().map(|pick| pick.server).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(picks.iter().all(|pick| pick.reason == Reason::Panic));
        assert_eq!(pick(By::Key(1), &servers(&[DOWN]), &[]), Some(Pick { server: 0, reason: Reason::Panic }));
        // Half of them is enough.
        assert_eq!(pick(By::Turn(0), &servers(&[DOWN, FIT]), &[]), Some(Pick { server: 1, reason: Reason::Turn }));
        let last = pick(By::Turn(0), &servers(&[DOWN, FIT]), &[1]);
        assert_eq!(last, Some(Pick { server: 0, reason: Reason::LastResort }));
    }

    #[test]
    fn a_server_that_may_be_back_is_tried() {
        let candidates = servers(&[FIT, Fitness::Trial, FIT]);
        for by in [By::Turn(0), By::InFlight(0)] {
            assert_eq!(pick(by, &candidates, &[]), Some(Pick { server: 1, reason: Reason::Trial }));
            assert_ne!(server(by, &candidates, &[1]), 1);
        }
        let by_keys: BTreeSet<usize> = (0..100).map(|key| server(By::Key(key), &candidates, &[])).collect();
        assert_eq!(by_keys, BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn the_fewest_in_flight_by_share() {
        let mut candidates = servers(&[FIT; 3]);
        (candidates[0].in_flight, candidates[1].in_flight) = (5, 2);
        candidates[2].in_flight = 2;
        assert_eq!([0, 1, 2].map(|turn| server(By::InFlight(turn), &candidates, &[])), [1, 1, 2]);
        candidates[1].fitness = Fitness::Fit { share: 0.1 };
        candidates[2].fitness = Fitness::Fit { share: 0.25 };
        assert_eq!(server(By::InFlight(1), &candidates, &[]), 0);
    }

    #[test]
    fn a_slow_start_gets_a_part_of_its_turns_and_keys() {
        let candidates = servers(&[FIT, Fitness::Fit { share: 0.25 }]);
        let second = |by: fn(usize) -> By| (0..4_000).filter(|n| server(by(*n), &candidates, &[]) == 1).count();
        let (turns, keys) = (second(By::Turn), second(|n| By::Key(hash(&n.to_le_bytes()))));
        assert!((400..600).contains(&turns), "{turns} of 2000 turns");
        assert!((700..900).contains(&keys), "{keys} of 4000 keys, a fifth");
    }

    proptest! {
        /// Promise of the consistent hash: only the keys of a server that goes or comes move, and all servers have about
        /// their part.
        #[test]
        fn few_keys_move(gone in 0_usize..8, count in 2_usize..9, salt: u64) {
            let gone = gone % count;
            let before = servers(&vec![FIT; count]);
            let mut after = before.clone();
            after[gone].fitness = DOWN;
            let mut taken = 0;
            for number in 0..400_u64 {
                let by = By::Key(mix(salt, number));
                let (old, new) = (server(by, &before, &[]), server(by, &after, &[]));
                prop_assert_ne!(new, if count > 1 { gone } else { usize::MAX });
                prop_assert!(old == gone || old == new, "a key moved from {old} to {new} because {gone} went");
                taken += usize::from(old == gone);
            }
            let part = 400 / count;
            prop_assert!(taken > part / 3 && taken < part * 2, "{taken} of 400 keys at one of {count}");
        }
    }
}
