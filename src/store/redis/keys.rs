//! What keys look like in Redis.
//!
//! In: ids and names. Out: keys. All that belongs to one profile, the places that it has in lists and among those that expire
//! included, lies in one *shard*, and a shard lies in one slot of a Cluster: so one script changes all of it at once. There are
//! [`REDIS_SHARDS`] of them, spread evenly over the slots. Nothing here may ever change: it is what keys are found by.

use std::hash::Hasher;
use std::sync::LazyLock;

use siphasher::sip::SipHasher13;

use crate::limits::REDIS_SHARDS;
use crate::profile::{Name, ProfileId};
use crate::store::ItemKey;

/// Slots of a Redis Cluster.
const SLOTS: u16 = 16_384;
/// Keys of the hash that gives everything its shard.
const SHARD_KEYS: (u64, u64) = (0x696e_6c61_7920_7368, 0x6172_6473_2076_3031);

/// The hash tag of each shard: the smallest number whose slot is in the shard's share of all slots.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let share = SLOTS / REDIS_SHARDS;
    let tag = |shard: u16| (0_u32..).map(|number| number.to_string()).find(|tag| slot(tag) / share == shard);
    (0..REDIS_SHARDS).map(|shard| tag(shard).expect("invariant: the numbers reach every slot")).collect()
});

/// The slot of a hash tag, as Redis computes it.
fn slot(tag: &str) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(tag.as_bytes()) % SLOTS
}

/// The keys of one store: what they all begin with.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

/// A shard's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u16);

impl Shard {
    pub const FIRST: Self = Self(0);

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..REDIS_SHARDS).map(Self)
    }

    /// The one with this number.
    pub fn numbered(number: u16) -> Option<Self> {
        (number < REDIS_SHARDS).then_some(Self(number))
    }

    pub fn number(self) -> u16 {
        self.0
    }

    /// The one in which a profile lives.
    pub fn of(id: &ProfileId) -> Self {
        Self::of_bytes(id.text().as_bytes())
    }

    /// The one in which an item lives.
    pub fn of_item(key: &ItemKey) -> Self {
        Self::of_bytes(key.key().as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = SipHasher13::new_with_keys(SHARD_KEYS.0, SHARD_KEYS.1);
        hasher.write(bytes);
        Self((hasher.finish() % u64::from(REDIS_SHARDS)) as u16)
    }
}

impl Keys {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn key(&self, shard: Shard, kind: &str, rest: &str) -> String {
        format!("{}:{{{}}}:{kind}:{rest}", self.prefix, TAGS[usize::from(shard.0)])
    }

    /// A string: the customer for whom a visitor stands.
    pub fn alias(&self, id: &ProfileId) -> String {
        self.key(Shard::of(id), "alias", id.text())
    }

    /// A hash: the profile as it was folded last, and its token.
    pub fn profile(&self, id: &ProfileId) -> String {
        self.key(Shard::of(id), "profile", id.text())
    }

    /// A list: the changes since.
    pub fn log(&self, id: &ProfileId) -> String {
        self.key(Shard::of(id), "log", id.text())
    }

    /// A hash: the visitors who stand for a customer, and the moves that made them.
    pub fn bearers(&self, id: &ProfileId) -> String {
        self.key(Shard::of(id), "bearers", id.text())
    }

    /// A set: the names of a profile's timers.
    pub fn timers_of(&self, id: &ProfileId) -> String {
        self.key(Shard::of(id), "timers", id.text())
    }

    /// A string that is there when a customer has received a move.
    pub fn arrived(&self, customer: &ProfileId, token: &str) -> String {
        self.key(Shard::of(customer), "arrived", token)
    }

    /// What a visitor left to be brought to a customer: the profile, the changes, the timers.
    pub fn parcel(&self, shard: Shard, token: &str) -> [String; 3] {
        ["parcel-profile", "parcel-log", "parcel-timers"].map(|kind| self.key(shard, kind, token))
    }

    /// A sorted set: the ids of all profiles of a shard by when they were last seen, never being 0.
    pub fn seen(&self, shard: Shard) -> String {
        self.key(shard, "seen", "")
    }

    /// A set: the ids of profiles of which not every list knows yet what their changes say.
    pub fn unfolded(&self, shard: Shard) -> String {
        self.key(shard, "unfolded", "")
    }

    /// A hash: the moves of visitors of this shard that have not arrived yet.
    pub fn moves(&self, shard: Shard) -> String {
        self.key(shard, "moves", "")
    }

    /// A set: the ids of this shard that are on a list.
    pub fn list(&self, shard: Shard, list: &Name) -> String {
        self.key(shard, "list", list.text())
    }

    /// A hash: the data of all timers of a shard.
    pub fn timers(&self, shard: Shard) -> String {
        self.key(shard, "timer-data", "")
    }

    /// A sorted set: all timers of a shard by when they are due.
    pub fn due(&self, shard: Shard) -> String {
        self.key(shard, "due", "")
    }

    /// A hash: the items of a kind in a shard.
    pub fn items(&self, shard: Shard, kind: &Name) -> String {
        self.key(shard, "items", kind.text())
    }
}

/// What a timer is called in a shard. No id and no name has a zero byte in it.
pub fn timer(id: &ProfileId, name: &Name) -> String {
    format!("{}\0{}", id.text(), name.text())
}

/// The timer that is called so.
pub fn of_timer(text: &str) -> Option<(ProfileId, Name)> {
    let (id, name) = text.split_once('\0')?;
    Some((ProfileId::parse(id).ok()?, Name::parse(name).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_spread_evenly_over_the_slots() {
        let slots: Vec<u16> = TAGS.iter().map(|tag| slot(tag)).collect();
        assert!(slots.iter().enumerate().all(|(shard, slot)| usize::from(*slot) / 64 == shard));
    }

    /// Keys are found by this: another tag or another hash would lose every profile.
    #[test]
    fn where_a_profile_lies_never_changes() {
        // As `CLUSTER KEYSLOT` says.
        assert_eq!(slot("123456789"), 12_739);
        let ann = ProfileId::visitor("ann").expect("an id");
        assert_eq!(Keys::new("inlay").profile(&ann), PINNED);
    }

    const PINNED: &str = "inlay:{26}:profile:visitor:ann";
}
