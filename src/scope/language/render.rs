//! One render, as everything that takes part in it sees it.
//!
//! In: a [`Reader`]. Out: what came to light on the way. It must not render.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::super::ledger::Reader;

/// One render: where its reads go, and how often it printed the nonce as a hole.
pub(super) struct Render {
    pub reader: Reader,
    /// `None` where the nonce is printed as it is (and read, hence recorded).
    pub holes: Option<AtomicUsize>,
    /// Whether the way through the template hung on something that is not known yet.
    pub in_doubt: AtomicBool,
}
