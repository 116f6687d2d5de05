//! How many visitors are met in each audience, about.
//!
//! In: that somebody was found in an audience. Out: estimates of how many different visitors that were since the beginning of the day before
//! (UTC), to about two in a hundred, in a few kilobytes each. It must not keep who they were: of each only bits of a hash remain.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cardinality_estimator::CardinalityEstimator;
use jiff::Timestamp;
use siphasher::sip::SipHasher13;

use super::label;
use crate::limits::AUDIENCE_SIZES;

const SECONDS_PER_DAY: i64 = 86_400;

/// The sizes of audiences. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct AudienceSizes(Arc<Mutex<BTreeMap<Arc<str>, Met>>>);

/// Who counts one visitor in the audiences that they are found in.
#[derive(Clone, Debug)]
pub struct Census {
    sizes: AudienceSizes,
    visitor: u64,
    now: Timestamp,
}

/// How large an audience is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudienceFigures {
    pub name: String,
    /// Those who are on it, where it is a list and was counted.
    pub members: Option<u64>,
    /// Different visitors who were met in it since the beginning of the day before, about.
    pub met: u64,
}

/// The visitors of two days.
#[derive(Debug, Default)]
struct Met {
    day: i64,
    today: CardinalityEstimator<u64>,
    before: CardinalityEstimator<u64>,
}

impl AudienceSizes {
    /// Who counts this visitor.
    pub fn census(&self, visitor: &str, now: Timestamp) -> Census {
        // The same in every process, so that its bits are no secret and need be none: ids are random.
        let mut hasher = SipHasher13::new_with_keys(0x696e_6c61_7920_6175, 0x6469_656e_6365_7320);
        hasher.write(visitor.as_bytes());
        Census { sizes: self.clone(), visitor: hasher.finish(), now }
    }

    /// About how many were met in an audience.
    pub fn met(&self, audience: &str, now: Timestamp) -> u64 {
        let mut met = self.lock();
        met.get_mut(audience).map_or(0, |met| {
            met.roll(day(now));
            let mut both = met.today.clone();
            both.merge(&met.before);
            both.estimate() as u64
        })
    }

    /// Forgets the audiences that are not among these.
    pub fn retain(&self, is_known: impl Fn(&str) -> bool) {
        self.lock().retain(|name, _| is_known(name));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Met>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Census {
    /// Counts the visitor in an audience: once, however often it is done.
    pub fn count(&self, audience: &Arc<str>) {
        let mut met = self.sizes.lock();
        if met.len() >= AUDIENCE_SIZES && !met.contains_key(audience) {
            return;
        }
        let met = met.entry(audience.clone()).or_default();
        met.roll(day(self.now));
        met.today.insert_hash(self.visitor);
    }
}

impl Met {
    /// Goes on to a day. The clock of an exchange may lie a little behind: then it is this day's.
    fn roll(&mut self, day: i64) {
        if day <= self.day {
            return;
        }
        let ended = std::mem::take(&mut self.today);
        self.before = if day == self.day + 1 { ended } else { CardinalityEstimator::default() };
        self.day = day;
    }
}

fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(SECONDS_PER_DAY)
}

impl AudienceFigures {
    /// Writes the metrics of audiences.
    pub fn write(text: &mut String, figures: &[AudienceFigures]) {
        if figures.is_empty() {
            return;
        }
        text.push_str("# HELP inlay_audience_visitors Different visitors met in an audience since yesterday, about.\n");
        text.push_str("# TYPE inlay_audience_visitors gauge\n");
        for AudienceFigures { name, met, .. } in figures {
            // A String takes all that is written.
            let _ = writeln!(text, "inlay_audience_visitors{{audience=\"{}\"}} {met}", label(name));
        }
        text.push_str("# HELP inlay_audience_members Profiles on the list of an audience.\n");
        text.push_str("# TYPE inlay_audience_members gauge\n");
        for AudienceFigures { name, members, .. } in figures {
            if let Some(members) = members {
                let _ = writeln!(text, "inlay_audience_members{{audience=\"{}\"}} {members}", label(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn visitors_are_counted_once_about_and_for_two_days() {
        let (sizes, gold) = (AudienceSizes::default(), Arc::from("gold"));
        let monday = at("2026-11-23T12:00:00Z");
        for _ in 0..2 {
            (0..10_000).for_each(|visitor| sizes.census(&format!("visitor-{visitor}"), monday).count(&gold));
        }
        let met = sizes.met("gold", monday);
        assert!((9_500..10_500).contains(&met), "{met} of 10000");
        let tuesday = at("2026-11-24T00:00:01Z");
        (9_000..11_000).for_each(|visitor| sizes.census(&format!("visitor-{visitor}"), tuesday).count(&gold));
        let met = sizes.met("gold", tuesday);
        assert!((10_450..11_550).contains(&met), "{met} of 11000");
        let met = sizes.met("gold", at("2026-11-25T00:00:01Z"));
        assert!((1_900..2_100).contains(&met), "{met} of 2000");
        assert_eq!(sizes.met("gold", at("2026-11-29T00:00:00Z")), 0);
    }

    #[test]
    fn few_are_counted_exactly_and_unknown_audiences_forgotten() {
        let (sizes, now) = (AudienceSizes::default(), at("2026-11-23T12:00:00Z"));
        for name in ["gold", "gone"] {
            (0..3).for_each(|visitor| sizes.census(&visitor.to_string(), now).count(&Arc::from(name)));
        }
        sizes.retain(|name| name == "gold");
        assert_eq!((sizes.met("gold", now), sizes.met("gone", now)), (3, 0));
    }
}
