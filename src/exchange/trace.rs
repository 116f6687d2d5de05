//! What one exchange tells about itself when the stage asks: its slots, and the origin's page as it was decoded.
//!
//! In: a [`TraceSink`] among a request's extensions, which whoever handles the request writes to. Out: a [`Traced`]
//! once the served bytes are here too; for who wants it told, the [`Explanation`]. It must not decide anything, and a full
//! sink must never trouble the exchange.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::explanation::{Explanation, FilledExplained};
use crate::context::Witness;
use crate::limits::{TRACE_PAGE_BYTES, TRACE_SLOTS};
use crate::page::{Context, Outcome, Target};

/// How a slot's content came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It needed no rendering: `html`, `text`, `class`, `remove`.
    Fixed,
    /// Rendered for this exchange, in this time.
    Rendered(Duration),
    /// Found among the fragments rendered before.
    Found,
}

/// One settled slot with what its rule says of it. Offsets are in bytes, as in [`crate::page::Settled`].
#[derive(Clone, Debug, PartialEq)]
pub struct SlotTrace {
    /// The rule's name.
    pub rule: Arc<str>,
    /// The injection's name.
    pub injection: Arc<str>,
    /// The selector that found the element, with that of `each` before it.
    pub select: Arc<str>,
    pub target: Target,
    pub context: Context,
    /// The content's name: the fragment's, or `rule.position`.
    pub content: Arc<str>,
    pub outcome: Outcome,
    /// Why the origin's content stayed (`blank`, `late`, an error's text), where the outcome alone does not say it.
    pub reason: Option<Arc<str>>,
    pub made: Made,
    /// How it was filled, where that hung on its element and somebody wants it told.
    pub filled: Option<Arc<FilledExplained>>,
    /// When the page came to it, and when it was settled.
    pub opened: Instant,
    pub settled: Instant,
    /// What the slot took away, in the origin's decoded page.
    pub source: Range<u64>,
    /// What stands there now, in the page that leaves, before its coding.
    pub output: Range<u64>,
}

/// Collects the trace of one exchange. Cheap to clone; all clones are the same sink.
#[derive(Clone, Debug, Default)]
pub struct TraceSink {
    recording: Arc<Mutex<Recording>>,
    /// What is asked of sources.
    witness: Witness,
}

#[derive(Debug, Default)]
struct Recording {
    /// Where it is wanted: then the origin's page is not.
    explanation: Option<Box<Explanation>>,
    origin: BytesMut,
    slots: Vec<SlotTrace>,
    state: State,
}

/// How far a recording got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was written: the page was not rewritten at all.
    #[default]
    Untouched,
    Recording,
    /// A limit was met; what is there is a part and proves nothing.
    Overflowed,
}

/// What a sink holds in the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// The exchange rewrote nothing: not a page, a protected path, no rules.
    Untouched,
    /// More than the sink's limits allow.
    TooLarge,
    /// All of it: the origin's decoded page, and its slots in the order of the page.
    Whole { origin: Bytes, slots: Vec<SlotTrace> },
}

impl TraceSink {
    /// A sink for an explanation, and no copy of the origin's page.
    pub fn explaining() -> Self {
        let explanation = Some(Box::default());
        let recording = Arc::new(Mutex::new(Recording { explanation, ..Recording::default() }));
        Self { recording, witness: Witness::default() }
    }

    /// Where what is asked of sources is told.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Whether somebody wants it explained: what only tells need not be made for others.
    pub fn explains(&self) -> bool {
        self.recording().explanation.is_some()
    }

    /// Adds to the explanation, where one is wanted.
    pub fn tell(&self, tell: impl FnOnce(&mut Explanation)) {
        if let Some(explanation) = &mut self.recording().explanation {
            tell(explanation);
        }
    }

    /// Takes the explanation, and the slots that settled, in the order of the page.
    pub fn take_explanation(&self) -> (Explanation, Vec<SlotTrace>) {
        let recording = std::mem::take(&mut *self.recording());
        (recording.explanation.map(|explanation| *explanation).unwrap_or_default(), recording.slots)
    }

    /// Appends a piece of the origin's page, decoded, in order. Past [`TRACE_PAGE_BYTES`] the recording is given up.
    pub fn origin(&self, piece: &[u8]) {
        let mut recording = self.recording();
        if recording.explanation.is_some() {
            return;
        }
        if recording.origin.len() + piece.len() > TRACE_PAGE_BYTES {
            recording.give_up();
        }
        if recording.state != State::Overflowed {
            recording.state = State::Recording;
            recording.origin.extend_from_slice(piece);
        }
    }

    /// Notes a settled slot, in the order of the page. Past [`TRACE_SLOTS`] the recording is given up.
    pub fn slot(&self, slot: SlotTrace) {
        let mut recording = self.recording();
        if recording.slots.len() == TRACE_SLOTS {
            recording.give_up();
        }
        if recording.state != State::Overflowed {
            recording.state = State::Recording;
            recording.slots.push(slot);
        }
    }

    /// Takes what was recorded out of the sink. To be called once the served page has ended.
    pub fn take(&self) -> Recorded {
        let recording = std::mem::take(&mut *self.recording());
        match recording.state {
            State::Untouched => Recorded::Untouched,
            State::Overflowed => Recorded::TooLarge,
            State::Recording => Recorded::Whole { origin: recording.origin.freeze(), slots: recording.slots },
        }
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn give_up(&mut self) {
        self.state = State::Overflowed;
        self.origin = BytesMut::new();
        self.slots = Vec::new();
    }
}

/// One exchange, seen from both ends: the same response of the origin, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// In the order of the page.
    pub slots: Vec<SlotTrace>,
    /// The origin's page, decoded.
    pub origin: Bytes,
    /// The page that was served, before its coding.
    pub served: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_in_order() {
        let sink = TraceSink::default();
        let clone = sink.clone();
        sink.origin(b"<p>");
        clone.origin(b"rain");
        let expected = Recorded::Whole { origin: Bytes::from_static(b"<p>rain"), slots: vec![] };
        assert_eq!(sink.take(), expected);
        assert_eq!(sink.take(), Recorded::Untouched);
    }

    #[test]
    fn a_page_past_the_limit_is_given_up_and_stays_so() {
        let sink = TraceSink::default();
        sink.origin(&vec![b'x'; TRACE_PAGE_BYTES]);
        sink.origin(b"y");
        sink.origin(b"z");
        assert_eq!(sink.take(), Recorded::TooLarge);
    }
}
