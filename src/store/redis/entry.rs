//! What stands in a profile's log and under its name, as bytes.
//!
//! In: changes, a visitor's profile that joins a customer's. Out: bytes, and the other way; the profile that a log comes to. The
//! first byte is the number of the format, the second the kind. It must not talk to a server.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::profile::{Change, ChangeId, Keep, Name, Op, Profile, ProfileId};
use crate::store::{StoreError, record};

/// The number of this format.
const FORMAT: u8 = 1;
const PROFILE: u8 = 0;
const CHANGES: u8 = 1;
const MERGE: u8 = 2;

/// The bytes of a profile.
pub fn of_profile(profile: &Profile) -> Vec<u8> {
    headed(PROFILE, &[&record::of_profile(profile)])
}

/// The bytes of changes.
pub fn of_changes(changes: &[Change]) -> Vec<u8> {
    headed(CHANGES, &[&record::of_changes(changes)])
}

/// The bytes of a visitor's profile that joins a customer's at a time, by a move.
pub fn of_merge(brought: &Profile, at: Timestamp, token: u64) -> Vec<u8> {
    headed(MERGE, &[&token.to_be_bytes(), &at.as_microsecond().to_be_bytes(), &record::of_profile(brought)])
}

fn headed(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[FORMAT, kind][..], &parts.concat()].concat()
}

/// What is kept under an id.
#[derive(Debug)]
pub struct Kept {
    /// Changes whenever the profile is folded, and is another in another life; empty if there is nothing.
    pub token: Vec<u8>,
    /// The profile as it was folded last.
    pub base: Option<Vec<u8>>,
    /// The entries since.
    pub log: Vec<Vec<u8>>,
}

/// A profile as it was folded last, and as it is now.
#[derive(Debug)]
pub struct Folded {
    /// The lists that know of it.
    pub lists: BTreeSet<Name>,
    pub profile: Profile,
}

impl Kept {
    /// The profile that it comes to, for this id.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn folded(&self, id: &ProfileId, keep: &Keep) -> Result<Folded, StoreError> {
        let base = self.base.as_deref().map(profile).transpose()?.unwrap_or_default();
        let lists = base.lists().clone();
        let mut folded = Folded { lists, profile: base };
        for entry in &self.log {
            apply(&mut folded.profile, entry, id, keep)?;
        }
        Ok(folded)
    }
}

/// Whether lists must learn of changes.
pub fn concern_lists(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.op.concerns_lists())
}

/// When somebody was last seen, as far as these changes know; in microseconds, 0 being never.
pub fn last_seen(changes: &[Change]) -> i64 {
    let seen = changes.iter().filter_map(|change| match &change.op {
        Op::Append(event) => Some(event.at),
        Op::Visit(_) => Some(change.at),
        Op::Restore(export) => export.seen().map(|seen| seen.last),
        _ => None,
    });
    seen.max().map_or(0, |at| at.as_microsecond().max(0))
}

/// The same of a whole profile.
pub fn when_seen(profile: &Profile) -> i64 {
    profile.seen().map_or(0, |seen| seen.last.as_microsecond().max(0))
}

fn apply(onto: &mut Profile, entry: &[u8], id: &ProfileId, keep: &Keep) -> Result<(), StoreError> {
    match body(entry)? {
        (CHANGES, bytes) => {
            for change in record::changes(bytes).map_err(unreadable)? {
                onto.apply(&change, keep);
            }
        }
        (MERGE, bytes) => {
            let (token, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut_off)?;
            let (at, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_off)?;
            let at = Timestamp::from_microsecond(i64::from_be_bytes(*at)).map_err(|_| cut_off())?;
            let brought = record::profile(rest).map_err(unreadable)?;
            *onto = onto.merge(&brought, keep);
            let identified = Change::identify(id, at);
            onto.apply(&Change { id: ChangeId(u64::from_be_bytes(*token)), ..identified }, keep);
        }
        _ => return Err(cut_off()),
    }
    Ok(())
}

fn profile(bytes: &[u8]) -> Result<Profile, StoreError> {
    match body(bytes)? {
        (PROFILE, bytes) => record::profile(bytes).map_err(unreadable),
        _ => Err(cut_off()),
    }
}

fn body(bytes: &[u8]) -> Result<(u8, &[u8]), StoreError> {
    match bytes {
        [FORMAT, kind, rest @ ..] => Ok((*kind, rest)),
        [newer, ..] => {
            let why: Arc<str> = format!("it has format {newer}, and this version of Inlay knows {FORMAT}").into();
            Err(StoreError::Damaged { what: "profile", why })
        }
        [] => Err(cut_off()),
    }
}

fn unreadable(error: record::RecordError) -> StoreError {
    StoreError::Damaged { what: "profile", why: error.to_string().into() }
}

fn cut_off() -> StoreError {
    StoreError::Damaged { what: "profile", why: "its bytes are not as this version writes them".into() }
}
