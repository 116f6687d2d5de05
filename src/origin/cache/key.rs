//! Under what responses are found.
//!
//! In: the parts of a request that name what it asks for. Out: a keyed 128-bit hash, which nobody outside can aim at, and the
//! URL in words for purging. It must not hold a value of a cookie in words.

use std::hash::Hash;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::ids;

/// A hash over what a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u128);

/// The keys of the hash: of one process, so that nobody can make two URLs collide.
#[derive(Clone, Debug)]
pub struct Hashing(SipHasher13);

impl Hashing {
    /// With keys of its own.
    pub fn new() -> Self {
        Self(SipHasher13::new_with_key(&ids::random_128()))
    }

    /// The key of these parts.
    pub fn key(&self, parts: impl Hash) -> Key {
        let mut hasher = self.0;
        parts.hash(&mut hasher);
        Key(hasher.finish128().as_u128())
    }
}

/// What a request asks for, in the words of its client.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Target<'a> {
    /// The origin's name: one URL may be answered by another origin after a reload.
    pub origin: &'a str,
    pub scheme: &'a str,
    /// With its port, lower-case.
    pub host: &'a str,
    /// Path and query, as they were sent.
    pub path: &'a str,
}

impl Target<'_> {
    /// The URL, as a purge names it.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }
}
