//! The entity tag of a personalised page (RFC 9110 section 8.8.3), and whether the client has the page already.
//!
//! In: a compiled page's name and what was laid into it. Out: a tag, the same for the same page. It is weak, because a page leaves in
//! whatever coding suits the client, and the bytes of one coding may differ from time to time. It must not tell what was laid in:
//! it is a keyed hash, good for the life of the process.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use http::header::HeaderValue;

use crate::page::Assembled;
use crate::scope::ledger::Fingerprint;

/// By this the tags of ours are known among others.
const PREFIX: &str = "W/\"inlay-";
/// Of the hash, in hexadecimal.
const HASH_DIGITS: usize = 32;

/// What is hashed.
struct Page<'a, N>(N, &'a Assembled);

impl<N: Hash> Hash for Page<'_, N> {
    fn hash<H: Hasher>(&self, mut state: &mut H) {
        self.0.hash(&mut state);
        self.1.distinguish(&mut state);
    }
}

/// The tag of an assembled page; `name`: that of the compiled one.
pub fn of(name: impl Hash, assembled: &Assembled) -> HeaderValue {
    let hash = Fingerprint::of(Page(name, assembled));
    let mut tag = String::with_capacity(PREFIX.len() + HASH_DIGITS + 1);
    let _ = write!(tag, "{PREFIX}{hash}\"");
    HeaderValue::from_maybe_shared(Bytes::from(tag)).expect("invariant: hexadecimal digits are a value")
}

/// Whether one of these `If-None-Match` lines names the tag.
pub fn is_held(held: &[HeaderValue], tag: &HeaderValue) -> bool {
    let named = |line: &HeaderValue| {
        line.to_str().is_ok_and(|line| line.split(',').map(str::trim).any(|one| one == tag || one == "*"))
    };
    held.iter().any(named)
}

/// Whether one of these `If-None-Match` lines names a tag of ours: then it is a page of ours that the client has.
pub fn is_ours(line: &HeaderValue) -> bool {
    line.to_str().is_ok_and(|line| line.contains(PREFIX))
}
