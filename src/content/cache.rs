//! The fragment cache: results found again by what their code would read.
//!
//! In: rendered results with their ledgers. Out: the result for a scope whose answers are the same. It must not run code,
//! nor keep what a ledger forbids.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::content::Beside;
use crate::limits;
use crate::scope::language::{Piece, Rendered};
use crate::scope::ledger::{Fingerprint, Ledger};
use crate::scope::recall::{Recall, Recalled};
use crate::scope::{Question, Scope};

/// The fragment cache. Cheap to clone; all clones share. It survives a reload: results are named by their sources.
#[derive(Clone, Debug)]
pub struct Cache {
    results: Recall<Kept>,
    /// Whoever makes what is missing under a key holds the lock that the key falls to, so that a thousand visitors who come at
    /// once have it made once. It is held for one render, which fuel bounds; never over an await.
    making: Arc<[Mutex<()>]>,
}

/// A result, with room for what is made of it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub rendered: Arc<Rendered>,
    pub beside: Beside,
}

/// What stands under what a scope answers.
pub(super) enum Found {
    /// The result, with the ledger that running the code would have left.
    Hit(Kept, Ledger),
    /// Nothing yet; what is asked or made next belongs under this key.
    Missing(Fingerprint),
    /// It can't be kept, so everybody makes their own.
    Never,
    /// What the code would ask next is not known yet: these must be brought first.
    Awaited(Arc<[Question]>),
}

impl Default for Cache {
    /// A cache of [`FRAGMENT_CACHE_BYTES`](limits::FRAGMENT_CACHE_BYTES).
    fn default() -> Self {
        Self::new(limits::FRAGMENT_CACHE_BYTES)
    }
}

impl Cache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: u64) -> Self {
        let making = (0..limits::FRAGMENT_CACHE_LOCKS).map(|_| Mutex::default()).collect();
        Self { results: Recall::new(bytes, weigh), making }
    }

    /// What `code` gives in this scope.
    pub(super) fn find(&self, code: Fingerprint, scope: &Scope) -> Found {
        let mut ledger = Ledger::new();
        match self.results.find(code, scope, |question, answer| ledger.record(question.clone(), answer)) {
            Recalled::Hit(kept) => Found::Hit(kept, ledger),
            Recalled::Missing(key) => Found::Missing(key),
            Recalled::Never => Found::Never,
            Recalled::Awaited(missing) => Found::Awaited(missing),
        }
    }

    /// The lock of whoever makes what is missing under `key`; having waited for it, one must look again.
    pub(super) fn make_under(&self, key: Fingerprint) -> MutexGuard<'_, ()> {
        // A render that panicked left nothing behind that could be wrong.
        self.making[key.index_below(self.making.len())].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a finished result under what was read for it. `None`, or a ledger that forbids it: keeps that there is none.
    pub(super) fn keep(&self, code: Fingerprint, ledger: &Ledger, rendered: Option<Arc<Rendered>>) {
        let done = rendered.filter(|_| ledger.bounds().storable);
        let kept = done.map(|rendered| Kept { rendered, beside: Beside::default() });
        self.results.keep(code, ledger.reads().iter(), kept);
    }

    /// How many questions and results it holds, and their bytes.
    pub fn size(&self) -> (u64, u64) {
        self.results.size()
    }
}

/// Twice its bytes: what is made of it and kept beside takes at most as much again.
fn weigh(kept: &Kept) -> usize {
    2 * kept.rendered.pieces.iter().map(piece_bytes).sum::<usize>()
}

fn piece_bytes(piece: &Piece) -> usize {
    let text = match piece {
        Piece::Text(text) => text.len(),
        Piece::Nonce => 0,
    };
    text + size_of::<Piece>()
}
