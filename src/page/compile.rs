//! The compiler: the bytes of a page become pieces.
//!
//! In: bytes in any chunks. Out: [`Pieces`], the same whatever the chunks were: the origin's own bytes, uncopied, with the
//! slots of all markers between them. It must not know what goes into slots, nor who asks: what it makes can be kept.
//!
//! Slots of one element stand in this order: before, *whole* (replace, remove) around attributes and all the rest,
//! prepend, *inner* around the content, append, after. So what is prepended or appended stays beside a shown `inner`, and
//! goes with a shown `replace`.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use lol_html::errors::RewritingError;
use smallvec::SmallVec;

use super::attribute::Number;
use super::charset::Charset;
use super::esi::{EsiScanner, Mark};
use super::extract::{Extracted, Extractor};
use super::markers::Markers;
use super::nonce::Nonce;
use super::piece::{Absence, Closing, Piece, Pieces};
use super::plan::{Plan, Planner, Slots};
use super::scan::{End, Event, NONCE, Scanner, Start};
use super::source::Source;
use super::tag::Tag;
use crate::limits;

/// The compiler of one page.
pub(super) struct Compiler {
    mode: Mode,
    charset: Charset,
    /// The page's own, where its occurrences are to be pieces of their own.
    nonce: Option<Nonce>,
    planner: Planner,
    /// Of what is read from the page; gone once that is broken off.
    extractor: Option<Box<Extractor>>,
    /// What that came to.
    extracted: Option<Arc<Extracted>>,
    esi: Option<Esi>,
    source: Source,
    /// Elements whose end tag is waited for, outermost first.
    open: Vec<OpenElement>,
    /// Kept for its memory: empty between calls.
    events: Vec<Event>,
    pieces: Vec<Piece>,
}

/// Edge Side Includes of a page.
#[derive(Default)]
struct Esi {
    scanner: EsiScanner,
    /// Not yet reached by what is released.
    marks: VecDeque<Mark>,
    /// The slot that is open.
    open: Option<Number>,
}

enum Mode {
    Rewriting(Box<Scanner>),
    /// Nothing is looked for, from the start or any more.
    PassThrough,
}

/// An element whose end tag matters.
struct OpenElement {
    /// Offset of its start tag.
    start: u64,
    /// As written in the page.
    name: SmallVec<[u8; 16]>,
    slots: Slots,
}

impl Compiler {
    /// A compiler for a page in `charset`. With `nonce`, the page's own, the attributes that carry it become pieces.
    pub fn new(markers: Arc<Markers>, charset: Charset, nonce: Option<Nonce>) -> Self {
        let mode = match charset {
            Charset::Foreign(_) => Mode::PassThrough,
            _ if markers.list().is_empty() && markers.extractions().is_empty() => Mode::PassThrough,
            _ => {
                let reads = markers.extractions().sights();
                Mode::Rewriting(Box::new(Scanner::new(&markers, reads, charset.for_matching(), nonce.is_some())))
            }
        };
        let reads = matches!(mode, Mode::Rewriting(_)) && !markers.extractions().is_empty();
        let extractor = reads.then(|| Box::new(Extractor::new(markers.extractions().clone(), charset)));
        let foreign = matches!(charset, Charset::Foreign(_));
        let esi = markers.esi().filter(|_| !foreign).map(|_| Esi::default());
        Self {
            mode,
            charset,
            nonce,
            extractor,
            esi,
            planner: Planner::new(markers, charset),
            extracted: None,
            source: Source::default(),
            open: Vec::new(),
            events: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Reads on. An error ends the rewriting, not the page: its bytes so far and those to come still become pieces.
    pub fn write(&mut self, chunk: Bytes) -> Result<(), RewritingError> {
        match &mut self.esi {
            None => self.read(chunk, true),
            Some(Esi { scanner, marks, .. }) => {
                let read = scanner.write(&chunk, marks);
                self.source.push(chunk);
                self.read(read, false)
            }
        }
    }

    /// Reads on in what selectors see. `own`: these are the page's own bytes, and not known yet.
    fn read(&mut self, mut chunk: Bytes, own: bool) -> Result<(), RewritingError> {
        while !chunk.is_empty() {
            let Mode::Rewriting(scanner) = &mut self.mode else {
                if own {
                    self.source.push(chunk);
                }
                self.release(self.decided());
                return Ok(());
            };
            let part = chunk.split_to(chunk.len().min(limits::PAGE_SCAN_BYTES));
            if own {
                self.source.push(part.clone());
            }
            let scanned = scanner.write(&part);
            scanner.swap_events(&mut self.events);
            let understood = scanner.understood();
            if let Some(extractor) = &mut self.extractor {
                scanner.swap_reads(extractor.events());
                extractor.digest(&self.source, understood);
            }
            self.digest();
            if let Err(error) = scanned {
                if own {
                    self.source.push(chunk);
                }
                self.break_off();
                return Err(error);
            }
            self.release(understood);
        }
        Ok(())
    }

    /// The page is over: all its bytes become pieces, and every slot has its place or none.
    pub fn end(&mut self) {
        if let Some(esi) = &mut self.esi {
            let rest = esi.scanner.end();
            // What is wrong with it was told by `write`, or is wrong with the end only.
            let _ = self.read(rest, false);
        }
        self.end_markup();
        let unclosed = self.esi.as_mut().and_then(|esi| esi.open.take());
        self.close(unclosed.as_slice(), Closing::Implied);
    }

    fn end_markup(&mut self) {
        if let Some(extractor) = self.extractor.take() {
            self.extracted = Some(Arc::new(extractor.finish(&self.source)));
        }
        let mode = std::mem::replace(&mut self.mode, Mode::PassThrough);
        self.release(self.source.end());
        let may_insert = match mode {
            Mode::Rewriting(scanner) => !self.open.is_empty() && scanner.ends_between_tags(self.source.end()),
            Mode::PassThrough => false,
        };
        if !may_insert {
            return self.break_off();
        }
        while let Some(element) = self.open.pop() {
            self.close_implied(&element.slots);
        }
    }

    /// What was read from the page, once its end was said; `None` if nothing was looked for, or reading it broke off.
    pub fn extracted(&self) -> Option<&Arc<Extracted>> {
        self.extracted.as_ref()
    }

    /// What has been made since the last call. Slots are in it before the first piece that mentions them.
    pub fn take_made(&mut self) -> Pieces {
        let (pieces, found) = (std::mem::take(&mut self.pieces), self.planner.take_found());
        Pieces { pieces, found, extracted: self.extracted.clone() }
    }

    /// Whether the page had as many matches as there may be slots; further ones are not looked at.
    pub fn is_full(&self) -> bool {
        self.planner.is_full()
    }

    /// Takes the events in turn; those of one start tag follow each other and are taken together.
    fn digest(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let mut starts: SmallVec<[Start; 4]> = SmallVec::new();
        for event in events.drain(..) {
            let continues = match &event {
                Event::Start(next) => starts.first().is_some_and(|first| first.tag == next.tag),
                Event::End(_) => false,
            };
            if !continues {
                self.element(&starts);
                starts.clear();
            }
            match event {
                Event::Start(start) => starts.push(start),
                Event::End(end) => self.end_tag(&end),
            }
        }
        self.element(&starts);
        self.events = events;
    }

    /// One element, with all the handlers that its start tag matched.
    fn element(&mut self, starts: &[Start]) {
        let Some(first) = starts.first() else { return };
        let tag = Tag {
            bytes: self.source.slice(first.tag.clone()),
            start: first.tag.start,
            attributes: starts.iter().find_map(|start| start.attributes.as_deref()).unwrap_or_default(),
        };
        let handlers = || starts.iter().map(|start| start.handler).filter(|handler| *handler != NONCE);
        let plan = self.planner.plan(handlers(), &tag, first.html);
        if let (true, Mode::Rewriting(scanner)) = (self.planner.is_full(), &self.mode) {
            scanner.stop_matching();
        }
        let nonce = self.nonce.as_ref().and_then(|nonce| nonce.locate(&tag, self.charset));
        let slots = self.lay(plan, &first.tag, nonce, first.can_have_content);
        if !first.can_have_content {
            return self.close_void(&slots);
        }
        if self.planner.enclose(handlers(), &tag) || slots.need_end() {
            let name = SmallVec::from_slice(tag.name());
            self.open.push(OpenElement { start: tag.start, name, slots });
        }
    }

    /// Everything up to the end of the start tag.
    fn lay(&mut self, plan: Plan, tag: &Range<u64>, mut nonce: Option<Range<u64>>, can_have_content: bool) -> Slots {
        let Plan { slots, values } = plan;
        self.release(tag.start);
        self.insert(&slots.before);
        self.pieces.extend(slots.whole.iter().copied().map(Piece::Open));
        for (range, value) in values {
            self.nonce(nonce.take_if(|at| at.end <= range.start));
            self.release(range.start);
            self.source.take_until(range.end, drop);
            self.pieces.push(Piece::Value(Box::new(value)));
        }
        self.nonce(nonce);
        self.release(tag.end);
        if can_have_content {
            self.insert(&slots.prepend);
            self.pieces.extend(slots.inner.iter().copied().map(Piece::Open));
        }
        slots
    }

    /// The nonce at this place is a piece, unless a slot has taken the attribute that carries it.
    fn nonce(&mut self, at: Option<Range<u64>>) {
        if let Some(at) = at.filter(|at| at.start >= self.source.start()) {
            self.release(at.start);
            self.pieces.push(Piece::Nonce(self.source.slice(at.clone())));
            self.source.take_until(at.end, drop);
        }
    }

    /// The element ends with its start tag.
    fn close_void(&mut self, slots: &Slots) {
        for numbers in [&slots.prepend, &slots.inner, &slots.append] {
            self.nowhere(numbers, Absence::Void);
        }
        self.close(&slots.whole, Closing::Own);
        self.insert(&slots.after);
    }

    /// An end tag closed an element; if it is not the element's own, it closed it because it closes one around it.
    fn end_tag(&mut self, end: &End) {
        self.planner.leave(end.element);
        while let Some(element) = self.open.pop_if(|open| open.start >= end.element) {
            self.release(end.tag.start);
            let name_range = end.tag.start..end.tag.start + 2 + element.name.len() as u64 + 1;
            let own = element.start == end.element
                && name_range.end <= end.tag.end
                && is_end_tag_of(&self.source.slice(name_range), &element.name);
            if own {
                self.close(&element.slots.inner, Closing::Own);
                self.insert(&element.slots.append);
                self.release(end.tag.end);
                self.close(&element.slots.whole, Closing::Own);
                self.insert(&element.slots.after);
            } else {
                self.close_implied(&element.slots);
            }
        }
    }

    fn close_implied(&mut self, slots: &Slots) {
        self.close(&slots.inner, Closing::Implied);
        self.insert(&slots.append);
        self.close(&slots.whole, Closing::Implied);
        self.insert(&slots.after);
    }

    /// The rest of the page is not understood: no more slots, and no place for those that wait for an end tag.
    fn break_off(&mut self) {
        self.mode = Mode::PassThrough;
        self.extractor = None;
        self.release(self.decided());
        while let Some(OpenElement { slots, .. }) = self.open.pop() {
            self.close(&slots.inner, Closing::Implied);
            self.nowhere(&slots.append, Absence::BrokenOff);
            self.close(&slots.whole, Closing::Implied);
            self.nowhere(&slots.after, Absence::BrokenOff);
        }
    }

    /// Up to where it is known what is ESI.
    fn decided(&self) -> u64 {
        self.esi.as_ref().map_or(self.source.end(), |esi| esi.scanner.decided())
    }

    /// The page's bytes up to `to` are pieces from now on, and what is ESI among them is in slots.
    fn release(&mut self, to: u64) {
        while let Some(mark) = self.esi.as_mut().and_then(|esi| esi.next_until(to)) {
            self.take_until(mark.at());
            self.lay_mark(mark);
        }
        self.take_until(to);
    }

    fn lay_mark(&mut self, mark: Mark) {
        let is_here = mark.at() >= self.source.start();
        match mark {
            // One in an attribute that a slot has taken is gone with it.
            Mark::Open { element, .. } if is_here => {
                let number = self.planner.esi(element);
                self.pieces.extend(number.map(Piece::Open));
                self.esi.iter_mut().for_each(|esi| esi.open = number);
            }
            Mark::Open { .. } => {}
            Mark::Close { .. } => {
                let open = self.esi.as_mut().and_then(|esi| esi.open.take());
                self.close(open.as_slice(), Closing::Own);
            }
        }
    }

    fn take_until(&mut self, to: u64) {
        let pieces = &mut self.pieces;
        self.source.take_until(to, |bytes| pieces.push(Piece::Bytes(bytes)));
    }

    fn insert(&mut self, numbers: &[Number]) {
        self.pieces.extend(numbers.iter().copied().map(Piece::Insert));
    }

    /// Slots that opened at one place close in the opposite order.
    fn close(&mut self, numbers: &[Number], closing: Closing) {
        let closed = numbers.iter().rev().map(|number| Piece::Close(*number, closing));
        self.pieces.extend(closed);
    }

    fn nowhere(&mut self, numbers: &[Number], absence: Absence) {
        self.pieces.extend(numbers.iter().map(|number| Piece::Nowhere(*number, absence)));
    }
}

impl Esi {
    /// The next mark, if it is reached: what begins at `to` is not yet, what ends there is.
    fn next_until(&mut self, to: u64) -> Option<Mark> {
        self.marks.pop_front_if(|mark| match mark {
            Mark::Open { at, .. } => *at < to,
            Mark::Close { at } => *at <= to,
        })
    }
}

/// Whether `</name` and the byte behind it are the end tag of an element so named.
fn is_end_tag_of(end_tag: &[u8], name: &[u8]) -> bool {
    let (behind, tag) = end_tag.split_last().unwrap_or((&0, &[]));
    tag[2..].eq_ignore_ascii_case(name) && (behind.is_ascii_whitespace() || matches!(behind, b'/' | b'>'))
}
