//! The fragment cache: results found again by what their code would read.
//!
//! In: rendered results with their ledgers. Out: the result for a scope whose answers are the same. It must not run code,
//! nor keep what a ledger forbids.
//!
//! A trie, laid out as a chain of keys: the first key names the code, and under each key stands either the question that
//! the code asks next or the result. The answer to the question, as *this* scope gives it, makes the next key. So
//! recording and look-up put the same questions to the same facts and cannot disagree, and whoever answers alike shares.
//! Answers that time has changed lead elsewhere; what they led to ages out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::sync::Cache as Moka;

use crate::content::Beside;
use crate::limits;
use crate::scope::language::{Piece, Rendered};
use crate::scope::ledger::{Fingerprint, Ledger};
use crate::scope::{Question, Scope, Seen};

/// The fragment cache. Cheap to clone; all clones share. It survives a reload: results are named by their sources.
#[derive(Clone, Debug)]
pub struct Cache {
    nodes: Moka<Fingerprint, Node>,
    /// Whoever makes what is missing under a key holds the lock that the key falls to, so that a thousand visitors who come at
    /// once have it made once. It is held for one render, which fuel bounds; never over an await.
    making: Arc<[Mutex<()>]>,
}

#[derive(Clone, Debug)]
enum Node {
    Ask(Question),
    Done(Kept),
    /// What the code does from here on cannot be kept: it failed, or it read what holds for once.
    Never,
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
        let nodes = Moka::builder().max_capacity(bytes).weigher(weigh).build();
        Self { nodes, making: (0..limits::FRAGMENT_CACHE_LOCKS).map(|_| Mutex::default()).collect() }
    }

    /// What `code` gives in this scope.
    pub(super) fn find(&self, code: Fingerprint, scope: &Scope) -> Found {
        let mut ledger = Ledger::new();
        let mut key = code;
        for _ in 0..=limits::LEDGER_READS {
            match self.nodes.get(&key) {
                None => return Found::Missing(key),
                Some(Node::Never) => return Found::Never,
                Some(Node::Done(kept)) => return Found::Hit(kept, ledger),
                Some(Node::Ask(question)) => {
                    let answer = scope.ask(&question);
                    if let Seen::Awaited(missing) = answer.seen {
                        return Found::Awaited(missing);
                    }
                    key = key.then(&answer);
                    ledger.record(question, answer);
                }
            }
        }
        Found::Never
    }

    /// The lock of whoever makes what is missing under `key`; having waited for it, one must look again.
    pub(super) fn make_under(&self, key: Fingerprint) -> MutexGuard<'_, ()> {
        // A render that panicked left nothing behind that could be wrong.
        self.making[key.index_below(self.making.len())].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a finished result under what was read for it. `None`, or a ledger that forbids it: keeps that there is none.
    pub(super) fn keep(&self, code: Fingerprint, ledger: &Ledger, rendered: Option<Arc<Rendered>>) {
        let mut key = code;
        for read in ledger.reads() {
            if !read.answer.storable {
                return self.nodes.insert(key, Node::Never);
            }
            self.nodes.insert(key, Node::Ask(read.question.clone()));
            key = key.then(&read.answer);
        }
        let done = rendered.filter(|_| ledger.bounds().storable);
        let kept = |rendered| Node::Done(Kept { rendered, beside: Beside::default() });
        self.nodes.insert(key, done.map_or(Node::Never, kept));
    }

    /// How many questions and results it holds, and their bytes; both as of the last housekeeping.
    pub fn size(&self) -> (u64, u64) {
        (self.nodes.entry_count(), self.nodes.weighted_size())
    }
}

/// Bytes of an entry, with what moka and the allocator need around it.
fn weigh(_: &Fingerprint, node: &Node) -> u32 {
    let held = match node {
        Node::Ask(question) => question.path().iter().map(|key| key.len() + 32).sum(),
        Node::Never => 0,
        // Twice: what is made of it and kept beside takes at most as much again.
        Node::Done(kept) => 2 * kept.rendered.pieces.iter().map(piece_bytes).sum::<usize>(),
    };
    u32::try_from(held + limits::FRAGMENT_CACHE_OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

fn piece_bytes(piece: &Piece) -> usize {
    let text = match piece {
        Piece::Text(text) => text.len(),
        Piece::Nonce => 0,
    };
    text + size_of::<Piece>()
}
