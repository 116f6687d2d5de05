//! The scanner: lol_html over the bytes of a page, reduced to where things are.
//!
//! In: bytes, in any chunks. Out: [`Event`]s with offsets in the page, and how far the page is understood. What lol_html
//! writes is only counted: nothing is changed through it, so the page's own bytes can be used instead, uncopied, and an
//! error in it costs no byte. End tags are seen through `on_end_tag` alone, which runs for an implied end as well, with
//! the end tag that implied it. It must not hold bytes.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use encoding_rs::Encoding;
use lol_html::errors::RewritingError;
use lol_html::html_content::EndTag;
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, HandlerResult, MemorySettings, OutputSink};

use super::extract::Sight;
use super::markers::{Markers, PROBE, Wants};
use crate::limits;

/// The [`Start::handler`] of tags that have a `nonce` attribute: it is none of the markers'.
pub(super) const NONCE: usize = usize::MAX;

/// Something that markers asked for, in the order of the page.
#[derive(Debug)]
pub(super) enum Event {
    Start(Start),
    End(End),
}

/// A start tag matched a handler. If several match one tag, their events follow each other.
#[derive(Debug)]
pub(super) struct Start {
    pub handler: usize,
    pub tag: Range<u64>,
    /// Whether it is neither void nor a self-closing foreign element.
    pub can_have_content: bool,
    /// Whether it is HTML, not SVG or MathML.
    pub html: bool,
    /// In source order; on the first event of the tag that wants them.
    pub attributes: Option<Vec<AttributeAt>>,
}

/// Where an attribute stands; the value without quotes, `None` for `<p hidden>`.
#[derive(Clone, Debug)]
pub(super) struct AttributeAt {
    pub name: Range<u64>,
    pub value: Option<Range<u64>>,
}

/// An end tag closed an element that a handler wanted to see closed.
#[derive(Debug)]
pub(super) struct End {
    /// Where the element's start tag began.
    pub element: u64,
    pub tag: Range<u64>,
}

/// The scanner of one page.
pub(super) struct Scanner {
    rewriter: HtmlRewriter<'static, Understood>,
    findings: Shared,
    understood: Arc<AtomicU64>,
}

/// What handlers met, by what it is for: slots, or what is read from the page.
#[derive(Default)]
struct Findings {
    slots: Heard,
    reads: Heard,
}

/// Who hears of a match.
#[derive(Clone, Copy, Debug)]
enum Ear {
    Slots,
    Reads,
}

#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    /// The last tag whose attributes were listed, and the last whose end tag is waited for: once is enough.
    attributes_of: Option<u64>,
    end_of: Option<u64>,
    deaf: bool,
}

/// Handlers run inside `write`, on the thread that holds the scanner: the lock is there for `Send` and never contended.
type Shared = Arc<Mutex<Findings>>;

impl Findings {
    fn of(&mut self, ear: Ear) -> &mut Heard {
        match ear {
            Ear::Slots => &mut self.slots,
            Ear::Reads => &mut self.reads,
        }
    }
}

fn lock(findings: &Shared) -> MutexGuard<'_, Findings> {
    findings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the bytes that lol_html has understood and let go.
struct Understood(Arc<AtomicU64>);

impl OutputSink for Understood {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.0.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
}

impl Scanner {
    /// A scanner for a page in `encoding`, which must be ASCII-compatible. `nonces`: whether tags with a `nonce` attribute are
    /// reported too, as those of [`NONCE`]. `reads`: what is looked for besides, by index.
    pub fn new(markers: &Markers, reads: &[Sight], encoding: &'static Encoding, nonces: bool) -> Self {
        let findings = Shared::default();
        let understood = Arc::new(AtomicU64::new(0));
        let memory = MemorySettings::new()
            .with_max_allowed_memory_usage(limits::REWRITER_MEMORY_BYTES)
            .with_graceful_bail_out_on_memory_limit_exceeded(true);
        let encoding = AsciiCompatibleEncoding::new(encoding).unwrap_or_else(AsciiCompatibleEncoding::utf_8);
        let mut settings = Settings::new_send()
            .with_encoding(encoding)
            .with_strict(false)
            .with_memory_settings(memory)
            .with_graceful_bail_out_on_content_handler_error(true);
        for (index, handler) in markers.handlers().iter().enumerate() {
            let on_match = on_match(Ear::Slots, index, handler.wants, Arc::clone(&findings));
            let handlers = ElementContentHandlers::default().element(on_match);
            settings = settings.append_element_content_handler((Cow::Borrowed(&handler.selector), handlers));
        }
        if let (true, Ok(with_nonce)) = (nonces, "[nonce]".parse()) {
            let wants = Wants { attributes: true, ..Wants::default() };
            let handlers =
                ElementContentHandlers::default().element(on_match(Ear::Slots, NONCE, wants, Arc::clone(&findings)));
            settings = settings.append_element_content_handler((Cow::Owned(with_nonce), handlers));
        }
        for (index, sight) in reads.iter().enumerate() {
            let wants = Wants { end_tag: sight.wants.end_tag, attributes: sight.wants.attributes, once: false };
            let on_match = on_match(Ear::Reads, index, wants, Arc::clone(&findings));
            let handlers = ElementContentHandlers::default().element(on_match);
            settings = settings.append_element_content_handler((Cow::Borrowed(&sight.selector), handlers));
        }
        let rewriter = HtmlRewriter::new(settings, Understood(Arc::clone(&understood)));
        Self { rewriter, findings, understood }
    }

    /// Reads on. After an error the scanner must not be used again.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RewritingError> {
        self.rewriter.write(bytes)
    }

    /// The page is over, at `end`: whether a tag would be read as a tag there, and not as part of an unfinished tag, a
    /// comment or raw text. That is tried out. (The end itself finds no more elements: a tag that is cut off is none.)
    pub fn ends_between_tags(mut self, end: u64) -> bool {
        {
            let mut findings = lock(&self.findings);
            findings.slots.events.clear();
            findings.slots.deaf = false;
        }
        let read = self.rewriter.write(format!("<{PROBE}>").as_bytes());
        let begins_there = |event: &Event| matches!(event, Event::Start(start) if start.tag.start == end);
        read.is_ok() && lock(&self.findings).slots.events.iter().any(begins_there)
    }

    /// Exchanges the events found since the last call for the (empty) list `events`, which is used for the next ones.
    pub fn swap_events(&self, events: &mut Vec<Event>) {
        std::mem::swap(&mut lock(&self.findings).slots.events, events);
    }

    /// The same with what was met of the reads.
    pub fn swap_reads(&self, events: &mut Vec<Event>) {
        std::mem::swap(&mut lock(&self.findings).reads.events, events);
    }

    /// Offset in the page up to which all events have been reported.
    pub fn understood(&self) -> u64 {
        self.understood.load(Ordering::Relaxed)
    }

    /// No further match for a slot is reported; the ends of elements already reported still are.
    pub fn stop_matching(&self) {
        lock(&self.findings).slots.deaf = true;
    }
}

/// The handler of one selector: notes the match, and sees to it that the end tag is noted.
fn on_match(
    ear: Ear,
    handler: usize,
    wants: Wants,
    shared: Shared,
) -> impl FnMut(&mut Element<'_, '_>) -> HandlerResult + Send + 'static {
    let mut matched = false;
    move |element| {
        let mut all = lock(&shared);
        let findings = all.of(ear);
        if findings.deaf || (wants.once && matched) {
            return Ok(());
        }
        matched = true;
        let tag = offsets(element.source_location().bytes());
        let can_have_content = element.can_have_content();
        let attributes = (wants.attributes && findings.attributes_of != Some(tag.start)).then(|| attributes(element));
        if attributes.is_some() {
            findings.attributes_of = Some(tag.start);
        }
        if wants.end_tag && can_have_content && findings.end_of != Some(tag.start) {
            findings.end_of = Some(tag.start);
            element.on_end_tag(on_end(ear, tag.start, Arc::clone(&shared)))?;
        }
        let html = element.namespace_uri() == "http://www.w3.org/1999/xhtml";
        let start = Start { handler, tag, can_have_content, html, attributes };
        findings.events.push(Event::Start(start));
        Ok(())
    }
}

fn on_end(ear: Ear, element: u64, shared: Shared) -> Box<dyn FnOnce(&mut EndTag<'_>) -> HandlerResult + Send> {
    Box::new(move |end_tag| {
        let tag = offsets(end_tag.source_location().bytes());
        lock(&shared).of(ear).events.push(Event::End(End { element, tag }));
        Ok(())
    })
}

fn attributes(element: &Element<'_, '_>) -> Vec<AttributeAt> {
    let at = |attribute: &lol_html::html_content::Attribute<'_>| {
        let name = offsets(attribute.name_source_location()?.bytes());
        let value = attribute.value_source_location().map(|location| offsets(location.bytes()));
        Some(AttributeAt { name, value })
    };
    element.attributes().iter().filter_map(at).collect()
}

fn offsets(range: Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

#[cfg(test)]
mod tests {
    //! What the rest of this room takes for granted of lol_html, tried.
    use super::*;
    use crate::page::{Marker, Place, Target, Which};

    fn markers(selects: &[&str]) -> Markers {
        let marker = |select: &&str| Marker {
            select: (*select).into(),
            each: None,
            which: Which::All,
            target: Target::Place(Place::Append),
            wants_element: true,
        };
        Markers::compile(selects.iter().map(marker).collect()).unwrap()
    }

    /// The events of a page as text, the same for every chunk size.
    fn events(selects: &[&str], page: &[u8]) -> Vec<String> {
        let scan = |chunk: usize| {
            let mut scanner = Scanner::new(&markers(selects), &[], encoding_rs::UTF_8, false);
            let mut events = Vec::new();
            for chunk in page.chunks(chunk) {
                scanner.write(chunk).unwrap();
                let last = lock(&scanner.findings).slots.events.iter().map(end_of_event).max().unwrap_or_default();
                assert!(last <= scanner.understood(), "an event lies in bytes that were not let go");
            }
            scanner.swap_events(&mut events);
            assert!(scanner.ends_between_tags(page.len() as u64));
            events.iter().map(|event| describe(event, page)).collect::<Vec<_>>()
        };
        let whole = scan(page.len());
        for chunk in [1, 2, 7] {
            assert_eq!(scan(chunk), whole, "chunks of {chunk}");
        }
        whole
    }

    fn end_of_event(event: &Event) -> u64 {
        match event {
            Event::Start(start) => start.tag.end,
            Event::End(end) => end.tag.end,
        }
    }

    fn describe(event: &Event, page: &[u8]) -> String {
        let text = |range: &Range<u64>| String::from_utf8_lossy(&page[range.start as usize..range.end as usize]);
        match event {
            Event::Start(start) => {
                let mut said = format!("{} {}", start.handler, text(&start.tag));
                for attribute in start.attributes.iter().flatten() {
                    let value = attribute.value.as_ref().map(text);
                    said += &format!(" [{}={value:?}]", text(&attribute.name));
                }
                said
            }
            Event::End(end) => format!("end {} {}", end.element, text(&end.tag)),
        }
    }

    #[test]
    fn end_tags_come_innermost_first_and_implied_ones_with_the_tag_that_implied_them() {
        assert_eq!(
            events(&["b", "div"], b"<div><b>x<b>y</div>z</b>"),
            ["1 <div>", "0 <b>", "0 <b>", "end 9 </div>", "end 5 </div>", "end 0 </div>"]
        );
        assert_eq!(events(&["p"], b"<p>a<p>b</p>c"), ["0 <p>", "0 <p>", "end 4 </p>"]);
    }

    #[test]
    fn several_handlers_of_one_tag_follow_each_other_and_list_its_attributes_once() {
        assert_eq!(
            events(&["p", "[a]", ".c"], b"<p a=1 CLASS='c'>x</p>"),
            [
                "0 <p a=1 CLASS='c'> [a=Some(\"1\")] [CLASS=Some(\"c\")]",
                "1 <p a=1 CLASS='c'>",
                "2 <p a=1 CLASS='c'>",
                "end 0 </p>"
            ]
        );
    }

    #[test]
    fn attributes_in_every_shape() {
        assert_eq!(
            events(&["a"], b"<a b c= d='' e = \"f\" g=h/ b=2 i=>"),
            [
                "0 <a b c= d='' e = \"f\" g=h/ b=2 i=> [b=None] [c=Some(\"d=''\")] [e=Some(\"f\")] [g=Some(\"h/\")] [b=Some(\"2\")] [i=None]"
            ]
        );
    }

    #[test]
    fn nothing_matches_where_a_browser_makes_no_element() {
        let page =
            b"<!-- <b> --><script><b></script><title><b></title><textarea><b></textarea><noscript><b></noscript>\
                     <svg><![CDATA[<b>]]></svg><iframe><b></iframe>";
        assert_eq!(events(&["b"], page), [""; 0]);
    }

    #[test]
    fn templates_and_foreign_content_match() {
        assert_eq!(
            events(&["b", "path"], b"<template><b></b></template><svg><path/><path></path></svg>"),
            ["0 <b>", "end 10 </b>", "1 <path/>", "1 <path>", "end 40 </path>"]
        );
    }

    #[test]
    fn it_is_known_where_a_page_breaks_off() {
        let markers = markers(&["p"]);
        for (page, expected) in [
            ("", true),
            ("<p>a", true),
            ("<p>a <", true),
            ("<svg><g>", true),
            ("<!-- a -->", true),
            ("<p", false),
            ("<p a", false),
            ("<p a='>", false),
            ("</p", false),
            ("<!-- <p>", false),
            ("<script>", false),
            ("<title>a", false),
            ("<svg><![CDATA[", false),
            ("<!doctype", false),
        ] {
            let mut scanner = Scanner::new(&markers, &[], encoding_rs::UTF_8, false);
            scanner.write(page.as_bytes()).unwrap();
            assert_eq!(scanner.ends_between_tags(page.len() as u64), expected, "{page}");
        }
    }

    #[test]
    fn tag_names_match_in_any_case() {
        assert_eq!(events(&["main"], b"<MAIN></Main>"), ["0 <MAIN>", "end 0 </Main>"]);
        assert_eq!(events(&["MAIN"], b"<main></main>").len(), 2);
    }

    /// The reason why [`check_selector`](crate::page::check_selector) refuses it.
    #[test]
    fn a_compound_inside_not_has_another_meaning_than_in_css() {
        let selector: lol_html::Selector = "p:not(.a.b)".parse().unwrap();
        let mut count = 0;
        let counts =
            lol_html::ElementContentHandlers::default().element(|_: &mut lol_html::html_content::Element<'_, '_>| {
                count += 1;
                Ok(())
            });
        let settings =
            lol_html::Settings::new().append_element_content_handler((std::borrow::Cow::Owned(selector), counts));
        let mut rewriter = lol_html::HtmlRewriter::new(settings, |_: &[u8]| {});
        rewriter.write(b"<p class=a>in CSS this one matches</p>").unwrap();
        rewriter.end().unwrap();
        assert_eq!(count, 0);
    }
}
