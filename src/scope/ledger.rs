//! The ledger: what code asked, what it was told, and what that means for whoever keeps the result.
//!
//! In: questions from code, through a [`Reader`]. Out: a [`Ledger`] of them, in order, each once. It must not decide what
//! is kept, nor where.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::ValueKind;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::limits;

use super::{Answer, Question, Scope, Seen};

/// A keyed 128-bit hash. The key is random and the process's own, so nobody outside can construct two values that collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of `value`.
    pub fn of(value: impl Hash) -> Self {
        let mut hasher = SipHasher13::new_with_key(process_key());
        value.hash(&mut hasher);
        Self(hasher.finish128().as_u128())
    }

    /// An index below `length` (at least 1), evenly spread.
    pub fn index_below(self, length: usize) -> usize {
        let length = length.max(1) as u128;
        usize::try_from(self.0 % length).expect("invariant: below a usize")
    }

    /// The fingerprint of this followed by so many answers, of which this is the last and all others were maps. What an answer means
    /// for keeping is no part of it: only what was seen.
    #[must_use]
    pub fn after(self, answers: usize, last: &Answer) -> Self {
        let mut hasher = SipHasher13::new_with_key(process_key());
        (self.0, answers).hash(&mut hasher);
        hash_seen(&last.seen, &mut hasher);
        Self(hasher.finish128().as_u128())
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

fn process_key() -> &'static [u8; 16] {
    static KEY: OnceLock<[u8; 16]> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut key = [0; 16];
        getrandom::fill(&mut key).expect("invariant: the operating system has random bytes");
        key
    })
}

fn hash_seen(seen: &Seen, hasher: &mut impl Hasher) {
    std::mem::discriminant(seen).hash(hasher);
    match seen {
        Seen::Absent | Seen::List | Seen::Map => {}
        Seen::Scalar(value) => hash_scalar(value, hasher),
        Seen::Keys(keys) => keys.hash(hasher),
        Seen::Refused(message) => message.hash(hasher),
        Seen::Awaited(questions) => questions.hash(hasher),
    }
}

/// Kinds are told apart: minijinja's own hash makes `1`, `1.0` and `true` equal, and they do not print alike.
fn hash_scalar(value: &Value, hasher: &mut impl Hasher) {
    (value.kind() as u8, value.is_integer(), value.is_safe()).hash(hasher);
    match value.kind() {
        ValueKind::String => value.as_str().hash(hasher),
        ValueKind::Bool => value.is_true().hash(hasher),
        _ => value.to_string().hash(hasher),
    }
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub question: Question,
    pub answer: Answer,
}

/// What a set of reads means for whoever keeps what was made from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Until when it holds (exclusive); `None` if time does not change it.
    pub until: Option<Timestamp>,
    /// Whether it depends on who asks.
    pub of_visitor: bool,
    /// Whether it may be kept at all.
    pub storable: bool,
}

impl Default for Bounds {
    /// Holds forever, for everybody.
    fn default() -> Self {
        Self { until: None, of_visitor: false, storable: true }
    }
}

impl Bounds {
    /// Tightens these by an answer's.
    pub fn narrow(&mut self, answer: &Answer) {
        self.merge(Self { until: answer.until, of_visitor: answer.of_visitor, storable: answer.storable });
    }

    /// Tightens these by those of another part of the same result.
    pub fn merge(&mut self, other: Self) {
        self.until = self.until.into_iter().chain(other.until).min();
        self.of_visitor |= other.of_visitor;
        self.storable &= other.storable;
    }
}

/// Up to so many reads are searched faster than hashed.
const FEW: usize = 16;

/// The record of what code read. A question that was asked before is not repeated.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    reads: Vec<Read>,
    /// The questions again, once they are more than a [`FEW`].
    asked: HashSet<Question>,
    bounds: Bounds,
    /// What was asked for and is not known yet.
    missing: Vec<Question>,
}

impl Ledger {
    /// A ledger in which nothing was read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes down one question and its answer. Past [`LEDGER_READS`](limits::LEDGER_READS) a question is no longer listed,
    /// and the result can no longer be kept.
    ///
    /// An answer that is awaited makes the ledger unfinished: what is [missing](Self::missing) must be brought, and all be
    /// read again.
    pub fn record(&mut self, question: Question, answer: Answer) {
        if let Seen::Awaited(missing) = &answer.seen {
            return self.lack(missing);
        }
        self.bounds.narrow(&answer);
        if self.has(&question) {
            return;
        }
        if self.reads.len() >= limits::LEDGER_READS {
            self.bounds.storable = false;
            return;
        }
        if !self.asked.is_empty() {
            self.asked.insert(question.clone());
        } else if self.reads.len() == FEW {
            self.asked = self.reads.iter().map(|read| &read.question).chain([&question]).cloned().collect();
        }
        self.reads.push(Read { question, answer });
    }

    fn lack(&mut self, missing: &[Question]) {
        self.bounds.storable = false;
        for question in missing {
            if !self.missing.contains(question) {
                self.missing.push(question.clone());
            }
        }
    }

    /// What must be brought before anything that was made of these reads counts; empty for a finished ledger.
    pub fn missing(&self) -> &[Question] {
        &self.missing
    }

    fn has(&self, question: &Question) -> bool {
        if self.asked.is_empty() {
            self.reads.iter().any(|read| read.question == *question)
        } else {
            self.asked.contains(question)
        }
    }

    /// Adds what another ledger holds, for a result made of several.
    pub fn merge(&mut self, other: Self) {
        if !other.missing.is_empty() {
            self.lack(&other.missing);
        }
        if self.reads.is_empty() {
            let (bounds, missing) = (self.bounds, std::mem::take(&mut self.missing));
            *self = Self { missing, ..other };
            self.bounds.merge(bounds);
            return;
        }
        self.bounds.merge(other.bounds);
        for read in other.reads {
            self.record(read.question, read.answer);
        }
    }

    /// Notes that what was made cannot be kept, for a reason that stands in no answer.
    pub fn forbid_keeping(&mut self) {
        self.bounds.storable = false;
    }

    /// The reads in the order in which they were first asked.
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// What they mean together.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// What was read, in order; as text a question is a path as an author would write it. Looking at a map on the way to something
    /// in it is left out: it says no more than what was found there.
    pub fn varies_by(&self) -> impl Iterator<Item = &Question> {
        let on_the_way = |read: &Read| {
            let path = read.question.path();
            let below =
                |other: &Read| other.question.path().len() > path.len() && other.question.path().starts_with(path);
            matches!(read.answer.seen, Seen::Map) && self.reads.iter().any(below)
        };
        self.reads.iter().filter(move |read| !on_the_way(read)).map(|read| &read.question)
    }
}

/// What code gets: a scope whose every answer is written down. Clones write into the same ledger.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scope: Scope,
    ledger: Mutex<Ledger>,
}

impl Reader {
    /// A reader of `scope` with an empty ledger.
    pub fn new(scope: Scope) -> Self {
        Self(Arc::new(Inner { scope, ledger: Mutex::default() }))
    }

    /// Asks and records.
    pub fn ask(&self, question: Question) -> Answer {
        let answer = self.0.scope.ask(&question);
        self.ledger().record(question, answer.clone());
        answer
    }

    /// What is read from: asking it leaves no record.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Ends the record and hands it out; what is read later begins a new one.
    pub fn take(&self) -> Ledger {
        std::mem::take(&mut *self.ledger())
    }

    /// What was read so far.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
