//! Which page is wanted, by a name that tells it from every other.
//!
//! In: the stored response, and what its head and the path's rules say of compiling it. Out: a [`Wanted`]. It must not look at
//! who asks.

use std::sync::Arc;

use http::header::{self, HeaderMap};

use crate::exchange::learning::Learner;
use crate::http::coding::Coding;
use crate::http::nonce::nonces;
use crate::origin::cache::EntryId;
use crate::page::{Markers, Nonce};
use crate::scope::ledger::Fingerprint;

/// The name of a compiled page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageKey(Fingerprint);

/// A page, with all that compiling it takes beside its bytes.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub key: PageKey,
    pub markers: Arc<Markers>,
    /// The whole header value.
    pub content_type: Option<String>,
    /// The page's own.
    pub nonce: Option<Nonce>,
    /// Who learns from it when it is compiled.
    pub learner: Option<Arc<Learner>>,
}

impl Wanted {
    /// The page of a stored response. `digest` is that of the markers: a reload that leaves them as they were keeps the page.
    /// `None` if its policies name several nonces, of which only one could be exchanged.
    pub fn of(
        entry: EntryId,
        headers: &HeaderMap,
        codings: &[Coding],
        markers: Arc<Markers>,
        digest: Fingerprint,
    ) -> Option<Self> {
        let nonce = match nonces(headers)[..] {
            [] => None,
            [one] => Some(Nonce::of(one)?),
            _ => return None,
        };
        let content_type = last_content_type(headers);
        let named = nonce.as_ref().map(|nonce| nonce.bytes().clone());
        let key = PageKey(Fingerprint::of((entry, digest, &content_type, named, codings)));
        Some(Self { key, markers, content_type, nonce, learner: None })
    }
}

/// The `Content-Type` that counts: the last line.
pub fn last_content_type(headers: &HeaderMap) -> Option<String> {
    let line = headers.get_all(header::CONTENT_TYPE).into_iter().next_back()?;
    Some(String::from_utf8_lossy(line.as_bytes()).into_owned())
}
