//! What keys look like on disk.
//!
//! In: ids and names. Out: bytes. Parts are separated by a zero byte, which no id and no name can hold, so nothing is the beginning
//! of something else by chance.

use jiff::Timestamp;

use crate::profile::{Name, ProfileId};
use crate::store::{ItemKey, StoreError};

const SEPARATOR: u8 = 0;

/// Parts with separators between them.
pub fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&SEPARATOR)
}

/// What all keys below these parts begin with.
pub fn below(part: &[u8]) -> Vec<u8> {
    [part, &[SEPARATOR]].concat()
}

/// The first key that is behind all those below this part.
pub fn behind(part: &[u8]) -> Vec<u8> {
    [part, &[SEPARATOR + 1]].concat()
}

/// A change of a profile.
pub fn change(id: &ProfileId, number: u64) -> Vec<u8> {
    joined(&[id.text().as_bytes(), &number.to_be_bytes()])
}

/// The profile of whom a key of a change is.
pub fn id_of_change(key: &[u8]) -> &[u8] {
    key.split(|byte| *byte == SEPARATOR).next().unwrap_or_default()
}

pub fn item(key: &ItemKey) -> Vec<u8> {
    joined(&[key.kind().text().as_bytes(), key.key().as_bytes()])
}

pub fn timer(id: &ProfileId, name: &Name) -> Vec<u8> {
    joined(&[id.text().as_bytes(), name.text().as_bytes()])
}

/// A timer in the order of time: the microseconds from the earliest time there is.
pub fn due(due: Timestamp, id: &ProfileId, name: &Name) -> Vec<u8> {
    [&instant(due)[..], &timer(id, name)].concat()
}

/// A time as bytes in the order of time.
pub fn instant(at: Timestamp) -> [u8; 8] {
    (at.as_microsecond().wrapping_sub(i64::MIN) as u64).to_be_bytes()
}

/// The time and the rest of such a key.
pub fn of_due(key: &[u8]) -> Option<(Timestamp, ProfileId, Name)> {
    let (at, rest) = key.split_first_chunk::<8>()?;
    let at = Timestamp::from_microsecond((u64::from_be_bytes(*at) as i64).wrapping_add(i64::MIN)).ok()?;
    let (id, name) = pair(rest)?;
    Some((at, ProfileId::parse(id).ok()?, Name::parse(name).ok()?))
}

/// Two texts of a key.
pub fn pair(key: &[u8]) -> Option<(&str, &str)> {
    let (first, second) = std::str::from_utf8(key).ok()?.split_once('\0')?;
    Some((first, second))
}

/// The id that a key or value is.
///
/// # Errors
/// [`StoreError::Damaged`].
pub fn id(bytes: &[u8]) -> Result<ProfileId, StoreError> {
    let id = std::str::from_utf8(bytes).ok().and_then(|text| ProfileId::parse(text).ok());
    id.ok_or_else(|| StoreError::Damaged { what: "profile", why: "its key is no id".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_in_order_and_comes_back() {
        let (id, name) = (ProfileId::parse("ann").expect("an id"), Name::parse("cart").expect("a name"));
        let times = [Timestamp::MIN, Timestamp::UNIX_EPOCH, "2026-11-23T12:00:00.000001Z".parse().expect("a time")];
        let keys = times.map(|at| due(at, &id, &name));
        assert!(keys.is_sorted());
        let micros = |at: Timestamp| at.as_microsecond();
        for (key, at) in keys.iter().zip(times) {
            let (again, of, named) = of_due(key).expect("a key");
            assert_eq!((micros(again), &of, &named), (micros(at), &id, &name));
        }
    }
}
