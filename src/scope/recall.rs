//! Results found again by what was read for them.
//!
//! In: results with the reads that led to them. Out: the result of whoever would read the same. It must not run code, nor keep
//! what a read forbids.
//!
//! A trie, laid out as a chain of keys: the root names what is made, and under each key stands either what is asked next or
//! the result. The answers, as *this* scope gives them, make the next key. So recording and look-up put the same questions
//! to the same facts and cannot disagree, and whoever answers alike shares. Answers that time has changed lead elsewhere; what
//! they led to ages out.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use super::ledger::{Fingerprint, Read};
use super::{Answer, Question, Scope, Seen};
use crate::limits;

/// Results of one kind. Cheap to clone; all clones share.
pub struct Recall<T>(Arc<Nodes<T>>);

type Nodes<T> = Cache<Fingerprint, Node<T>, Weighing<T>, BuildHasherDefault<Prehashed>>;

#[derive(Clone)]
enum Node<T> {
    /// What is asked next: one after the other as long as the answer is a map, because what is asked then is in the map.
    Ask(Arc<[Question]>),
    Done(T),
    /// What comes from here on cannot be kept.
    Never,
}

/// What stands under what a scope answers.
pub enum Recalled<T> {
    Hit(T),
    /// Nothing yet; what is asked or made next belongs under this key.
    Missing(Fingerprint),
    /// It can't be kept, so everybody makes their own.
    Never,
    /// What would be asked next is not known yet: these must be brought first.
    Awaited(Arc<[Question]>),
}

impl<T: Clone> Recall<T> {
    /// Room for `bytes`; `weigh` says how many a result takes, which must not change.
    pub fn new(bytes: u64, weigh: fn(&T) -> usize) -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(usize::try_from(bytes / limits::RECALL_ENTRY_BYTES).unwrap_or(usize::MAX))
            .build()
            .expect("invariant: both capacities are set");
        let lifecycle = DefaultLifecycle::default();
        Self(Arc::new(Cache::with_options(options, Weighing(weigh), BuildHasherDefault::default(), lifecycle)))
    }

    /// What `root` gives in this scope. Everything that is asked on the way is told to `note`.
    pub fn find(&self, root: Fingerprint, scope: &Scope, mut note: impl FnMut(&Question, Answer)) -> Recalled<T> {
        let mut key = root;
        for _ in 0..=limits::LEDGER_READS {
            let questions = match self.0.get(&key) {
                None => return Recalled::Missing(key),
                Some(Node::Never) => return Recalled::Never,
                Some(Node::Done(result)) => return Recalled::Hit(result),
                Some(Node::Ask(questions)) => questions,
            };
            for (index, question) in questions.iter().enumerate() {
                let answer = scope.ask(question);
                match &answer.seen {
                    Seen::Awaited(missing) => return Recalled::Awaited(missing.clone()),
                    _ if !answer.storable => return Recalled::Never,
                    Seen::Map if index + 1 < questions.len() => note(question, answer),
                    _ => {
                        key = key.after(index + 1, &answer);
                        note(question, answer);
                        break;
                    }
                }
            }
        }
        Recalled::Never
    }

    /// Keeps a result under what was read for it, in that order. `None`: that there is none to be kept.
    pub fn keep<'r>(&self, root: Fingerprint, reads: impl Iterator<Item = &'r Read>, result: Option<T>) {
        let reads: Vec<&Read> = reads.collect();
        let (mut key, mut left) = (root, &reads[..]);
        while let Some(first) = left.first() {
            if !first.answer.storable {
                return self.0.insert(key, Node::Never);
            }
            let taken = self.ask_under(key, &left[..run(left)]);
            key = key.after(taken, &left[taken - 1].answer);
            left = &left[taken..];
        }
        self.0.insert(key, result.map_or(Node::Never, Node::Done));
    }

    /// Has a run of reads asked under `key`, unless that is so already; how many of them one comes through there.
    fn ask_under(&self, key: Fingerprint, run: &[&Read]) -> usize {
        let agree = |kept: &[Question]| kept.iter().zip(run).all(|(kept, read)| *kept == read.question);
        match self.0.get(&key) {
            Some(Node::Ask(kept)) if agree(&kept) => kept.len().min(run.len()),
            _ => {
                self.0.insert(key, Node::Ask(run.iter().map(|read| read.question.clone()).collect()));
                run.len()
            }
        }
    }

    /// How many questions and results it holds, and their bytes.
    pub fn size(&self) -> (u64, u64) {
        (self.0.len() as u64, self.0.weight())
    }
}

/// How many of these reads, at least one, stand in one node: up to the first whose answer is no map. What can't be kept is not
/// among them.
fn run(reads: &[&Read]) -> usize {
    let maps = reads.iter().take_while(|read| read.answer.seen == Seen::Map && read.answer.storable).count();
    maps + usize::from(reads.get(maps).is_some_and(|read| read.answer.storable))
}

impl<T> Clone for Recall<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Recall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recall").finish_non_exhaustive()
    }
}

/// Bytes of an entry, with what the cache and the allocator need around it.
struct Weighing<T>(fn(&T) -> usize);

impl<T> Clone for Weighing<T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<T> Weighter<Fingerprint, Node<T>> for Weighing<T> {
    fn weight(&self, _: &Fingerprint, node: &Node<T>) -> u64 {
        let held = match node {
            Node::Ask(questions) => {
                questions.iter().flat_map(|asked| asked.path().iter()).map(|key| key.len() + 32).sum()
            }
            Node::Never => 0,
            Node::Done(result) => (self.0)(result),
        };
        (held + limits::RECALL_OVERHEAD_BYTES) as u64
    }
}

/// A [`Fingerprint`] is a hash already.
#[derive(Default)]
struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}
