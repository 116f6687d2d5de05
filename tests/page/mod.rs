//! Drives an assembler as a body would, and checks what holds for every page: shared by the tests and benches of `page`.
//!
//! In: markers, a page, what to fill with, the size of the chunks. Out: the page that left and how each slot ended.
#![allow(dead_code, reason = "each user needs another part")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use inlay::limits;
use inlay::page::{Assembler, Charset, Fill, Filling, Fills, Markers, Outcome, Settled, Slot};

/// When fills come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// With the slot.
    Now,
    /// After this many polls by the walk.
    Later(u32),
}

/// Fills slots by a function of the slot, and keeps what became of them.
pub struct Filler<F> {
    pub fill: F,
    pub arrival: Box<dyn FnMut(&Slot) -> Arrival + Send>,
    pub opened: Vec<usize>,
    pub settled: Vec<Settled>,
}

impl<F: FnMut(&Slot) -> Fill + Send> Fills for Filler<F> {
    fn open(&mut self, slot: &Slot) -> Filling {
        assert_eq!(slot.number, self.opened.len(), "slots are numbered in order");
        self.opened.push(slot.marker);
        let fill = (self.fill)(slot);
        match (self.arrival)(slot) {
            Arrival::Now => Filling::Now(fill),
            Arrival::Later(polls) => Filling::Later(Box::pin(After { polls, fill: Some(fill) })),
        }
    }

    fn settled(&mut self, settled: Settled) {
        assert_eq!(self.opened[settled.number], settled.marker);
        self.settled.push(settled);
    }
}

/// Ready with the fill at the poll after so many.
struct After {
    polls: u32,
    fill: Option<Fill>,
}

impl Future for After {
    type Output = Fill;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fill> {
        if self.polls == 0 {
            return Poll::Ready(self.fill.take().expect("polled after it was ready"));
        }
        self.polls -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A page after its way through.
pub struct Ran {
    pub output: Vec<u8>,
    pub settled: Vec<Settled>,
    pub broken: Option<String>,
    /// The most bytes that were ever read ahead.
    pub most_ahead: usize,
}

impl Ran {
    /// The outcomes of one marker, in the order of the page.
    pub fn outcomes(&self, marker: usize) -> Vec<Outcome> {
        let of_it = |settled: &&Settled| settled.marker == marker;
        self.settled.iter().filter(of_it).map(|settled| settled.outcome).collect()
    }
}

/// Sends a page through as a body with back-pressure does, in chunks of `chunk` bytes.
pub fn run(
    markers: &Arc<Markers>,
    charset: Charset,
    page: &[u8],
    chunk: usize,
    arrival: impl FnMut(&Slot) -> Arrival + Send + 'static,
    fill: impl FnMut(&Slot) -> Fill + Send,
) -> Ran {
    let filler = Filler { fill, arrival: Box::new(arrival), opened: Vec::new(), settled: Vec::new() };
    let mut assembler = Assembler::new(Arc::clone(markers), charset, filler);
    let page = Bytes::copy_from_slice(page);
    let mut chunks = (0..page.len()).step_by(chunk).map(|at| page.slice(at..(at + chunk).min(page.len())));
    let mut cx = Context::from_waker(Waker::noop());
    let mut output = Vec::new();
    let (mut most_ahead, mut ended) = (0, false);
    while !assembler.is_done() {
        let polled = assembler.poll_next(&mut cx);
        if let Poll::Ready(Some(bytes)) = &polled {
            assert!(!bytes.is_empty(), "an empty piece left");
            output.extend_from_slice(bytes);
            continue;
        }
        let needs = polled == Poll::Ready(None);
        assert_eq!(needs && !ended, assembler.wants_input(), "it says when it needs more");
        if !ended && (needs || assembler.queued() < limits::PAGE_AHEAD_BYTES) {
            match chunks.next() {
                Some(chunk) => assembler.write(chunk),
                None => {
                    assembler.end();
                    ended = true;
                }
            }
            most_ahead = most_ahead.max(assembler.queued());
        } else {
            assert!(!needs || assembler.is_done(), "stands still after the end");
        }
    }
    let broken = assembler.broken().map(ToString::to_string);
    let filler = assembler.into_fills();
    assert_eq!(filler.settled.len(), filler.opened.len(), "every slot settles once");
    prove(&page, &output, &filler.settled);
    Ran { output, settled: filler.settled, broken, most_ahead }
}

/// The proof: outside the slots, the page that left is the page that came.
pub fn prove(page: &[u8], output: &[u8], settled: &[Settled]) {
    let outside = |bytes: &[u8], range: fn(&Settled) -> std::ops::Range<u64>| {
        let (mut rest, mut at) = (Vec::new(), 0);
        for settled in settled {
            let range = range(settled);
            assert!(range.start <= range.end && at <= range.start as usize, "ranges ascend: {settled:?}");
            rest.extend_from_slice(&bytes[at..range.start as usize]);
            at = range.end as usize;
        }
        rest.extend_from_slice(&bytes[at..]);
        rest
    };
    let before = outside(page, |settled| settled.source.clone());
    let after = outside(output, |settled| settled.output.clone());
    assert!(before == after, "outside the slots:\n{}\n---\n{}", before.escape_ascii(), after.escape_ascii());
    for settled in settled.iter().filter(|settled| settled.outcome != Outcome::Shown) {
        assert!(settled.source.is_empty() && settled.output.is_empty(), "{settled:?}");
    }
}

/// The fill that shows `text`.
pub fn show(text: impl Into<Bytes>) -> Fill {
    Fill::Show(vec![text.into()])
}
