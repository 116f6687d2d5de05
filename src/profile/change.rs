//! What can happen to a profile.
//!
//! In: events, numbers, traits. Out: [`Change`]s: each says what to do, never what the result is, so that two who change one
//! profile at once lose nothing. It must not apply them.

use std::hash::Hasher;
use std::sync::Arc;

use jiff::Timestamp;
use siphasher::sip::SipHasher13;
use thiserror::Error;

use super::Profile;
use super::id::ProfileId;
use super::traits::Traits;
use crate::event::{Data, Event, EventId};
use crate::ids;
use crate::limits::PROFILE_NAME_BYTES;

/// Keys of the hash that makes numbers of ids. Fixed, because stores keep the numbers.
const ID_KEYS: (u64, u64) = (0x696e_6c61_7920_6368, 0x616e_6765_2069_6473);

/// What makes a change one change: applied twice, it counts once, while the profile remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(pub u64);

impl ChangeId {
    /// A new one.
    pub fn random() -> Self {
        let [a, b, c, d, e, f, g, h, ..] = ids::random_128();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The one of a text that somebody chose: the same for the same text, everywhere and for ever. Two texts of one profile have
    /// the same once in 10^17.
    pub fn of(text: &str) -> Self {
        let mut hasher = SipHasher13::new_with_keys(ID_KEYS.0, ID_KEYS.1);
        hasher.write(text.as_bytes());
        Self(hasher.finish())
    }
}

/// The name of a counter or of a list of members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name has 1 to {PROFILE_NAME_BYTES} ASCII letters, digits, `.`, `-` and `_`")]
pub struct NameError;

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        match (1..=PROFILE_NAME_BYTES).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err(NameError),
        }
    }

    /// The name of the counter that counts events of this type.
    pub fn of_type(kind: &crate::event::EventType) -> Self {
        Self(kind.shared().clone())
    }

    /// The name as text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// One change of one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub id: ChangeId,
    /// When it was accepted. Applied later, or again, it has the same result.
    pub at: Timestamp,
    pub op: Op,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Something happened: it joins the recent events and is counted under its type.
    Append(Arc<Event>),
    /// A counter goes up, or down.
    Increment { counter: Name, by: i64 },
    /// These are the traits, and no others.
    SetTraits(Traits),
    /// The traits change by this patch, as RFC 7396 says.
    MergeTraits(Traits),
    /// A request was seen. After silence a session begins, which keeps this data; in a running session only the time counts.
    Visit(Data),
    /// The site calls them so.
    Identify(Arc<str>),
    /// They are on this list.
    Join(Name),
    /// They are not on this list any more.
    Leave(Name),
    /// All that is known goes: traits, events, counters, lists, sessions. That it was forgotten is remembered, so that nothing
    /// which was sent before and comes again counts.
    Forget,
    /// What an export said of them is known again, by the rule of [`restored`](super::Profile::restored).
    Restore(Arc<Profile>),
}

impl Op {
    /// Whether it may put somebody on a list, or take them from one.
    pub fn concerns_lists(&self) -> bool {
        matches!(self, Self::Join(_) | Self::Leave(_) | Self::Forget | Self::Restore(_))
    }
}

impl Change {
    /// An event, accepted at `now`: known by the event's id, and never later than `now`.
    pub fn append(mut event: Event, now: Timestamp) -> Self {
        event.at = event.at.min(now);
        Self { id: event_change(&event.id), at: now, op: Op::Append(Arc::new(event)) }
    }

    /// Anything else, accepted at `now`, that nobody sends twice.
    pub fn new(op: Op, now: Timestamp) -> Self {
        let id = match &op {
            Op::Append(event) => event_change(&event.id),
            _ => ChangeId::random(),
        };
        Self { id, at: now, op }
    }

    /// This is that customer's profile.
    pub fn identify(customer: &ProfileId, now: Timestamp) -> Self {
        Self::new(Op::Identify(customer.bare().into()), now)
    }

    /// The same change, known by a text that the sender chose.
    #[must_use]
    pub fn known_as(self, text: &str) -> Self {
        Self { id: ChangeId::of(text), ..self }
    }
}

/// The change that brings the event with this id.
pub fn event_change(id: &EventId) -> ChangeId {
    ChangeId::of(id.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores keep these numbers: another hash would make old events new.
    #[test]
    fn the_number_of_a_text_never_changes() {
        assert_eq!(ChangeId::of("order-7").0, ChangeId::of("order-7").0);
        assert_ne!(ChangeId::of("order-7"), ChangeId::of("order-8"));
        assert_eq!(ChangeId::of("order-7"), ChangeId(PINNED));
    }

    const PINNED: u64 = 16_662_514_097_431_172_407;
}
