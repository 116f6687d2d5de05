//! The fragment cache: results found again by what their code would read.
//!
//! In: rendered results with their ledgers. Out: the result for a scope whose answers are the same. It must not run code,
//! nor keep what a ledger forbids.
//!
//! A trie, laid out as a chain of keys: the first key names the code, and under each key stands either the question that
//! the code asks next or the result. The answer to the question, as *this* scope gives it, makes the next key. So
//! recording and look-up put the same questions to the same facts and cannot disagree, and whoever answers alike shares.
//! Answers that time has changed lead elsewhere; what they led to ages out.

use std::sync::Arc;

use moka::sync::Cache as Moka;

use crate::limits;
use crate::scope::language::{Piece, Rendered};
use crate::scope::ledger::{Fingerprint, Ledger};
use crate::scope::{Question, Scope};

/// The fragment cache. Cheap to clone; all clones share. It survives a reload: results are named by their sources.
#[derive(Clone, Debug)]
pub struct Cache(Moka<Fingerprint, Node>);

#[derive(Clone, Debug)]
enum Node {
    Ask(Question),
    Done(Arc<Rendered>),
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
        Self(Moka::builder().max_capacity(bytes).weigher(weigh).build())
    }

    /// The result that `code` gives in this scope, with the ledger that running it would have left.
    pub(super) fn find(&self, code: Fingerprint, scope: &Scope) -> Option<(Arc<Rendered>, Ledger)> {
        let mut ledger = Ledger::new();
        let mut key = code;
        for _ in 0..=limits::LEDGER_READS {
            match self.0.get(&key)? {
                Node::Done(rendered) => return Some((rendered, ledger)),
                Node::Ask(question) => {
                    let answer = scope.ask(&question);
                    key = key.then(&answer);
                    ledger.record(question, answer);
                }
            }
        }
        None
    }

    /// Keeps a finished result under what was read for it, unless the ledger forbids.
    pub(super) fn keep(&self, code: Fingerprint, ledger: &Ledger, rendered: Arc<Rendered>) {
        if !ledger.bounds().storable {
            return;
        }
        let mut key = code;
        for read in ledger.reads() {
            self.0.insert(key, Node::Ask(read.question.clone()));
            key = key.then(&read.answer);
        }
        self.0.insert(key, Node::Done(rendered));
    }

    /// How many questions and results it holds, and their bytes; both as of the last housekeeping.
    pub fn size(&self) -> (u64, u64) {
        (self.0.entry_count(), self.0.weighted_size())
    }
}

/// Bytes of an entry, with what moka and the allocator need around it.
fn weigh(_: &Fingerprint, node: &Node) -> u32 {
    let held = match node {
        Node::Ask(question) => question.path().iter().map(|key| key.len() + 32).sum(),
        Node::Done(rendered) => rendered.pieces.iter().map(piece_bytes).sum::<usize>(),
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
