//! A fill that leaves while it comes, and never leaves its slot open: where it breaks off, what has left is closed.
//!
//! In: a [`Flow`] of HTML. Out: its bytes in the page's encoding, and at the end whether all of it came. What could not be closed is held
//! back until it is whole: a tag, a comment, a script with all that is in it. Whoever fills bounds how much that may be. It must not
//! mend what came whole: that is as its author wrote it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use lol_html::html_content::{Comment, Element, EndTag};
use lol_html::send::{DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{HandlerResult, MemorySettings, OutputSink, Selector};

use super::charset::Charset;
use super::escape::Holder;
use super::source::Source;
use crate::http::flow::{Flow, FlowReader};
use crate::limits::REWRITER_MEMORY_BYTES;

/// One flow on its way into a slot.
pub(super) struct Flowing {
    reader: FlowReader,
    charset: Charset,
    scanner: HtmlRewriter<'static, Understood>,
    understood: Arc<AtomicU64>,
    open: Shared,
    /// What came and has not left.
    held: Source,
    state: State,
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    Cut,
}

enum State {
    Flowing,
    Ended(End),
}

/// Handlers run inside `write`, on the thread that holds the scanner: the lock is there for `Send` and never contended.
type Shared = Arc<Mutex<Vec<OpenElement>>>;

/// An element whose end has not come.
struct OpenElement {
    start: u64,
    name: String,
    /// Whether it holds anything but markup: then it leaves only with its end.
    whole: bool,
}

fn lock(open: &Shared) -> MutexGuard<'_, Vec<OpenElement>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the bytes that lol_html has understood and let go.
struct Understood(Arc<AtomicU64>);

impl OutputSink for Understood {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.0.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
}

impl Flowing {
    /// The flow, from its beginning, for a page in `charset`.
    pub fn new(flow: &Flow, charset: Charset) -> Self {
        let (understood, open) = (Arc::<AtomicU64>::default(), Shared::default());
        let memory = MemorySettings::new().with_max_allowed_memory_usage(REWRITER_MEMORY_BYTES);
        let every: Selector = "*".parse().expect("invariant: `*` is a selector");
        let elements = ElementContentHandlers::default().element(on_element(open.clone()));
        // Who wants to see comments makes the scanner hold each back until it is whole.
        let comments = DocumentContentHandlers::default().comments(|_: &mut Comment<'_>| Ok(()));
        let settings = Settings::new_send()
            .with_strict(false)
            .with_memory_settings(memory)
            .append_element_content_handler((Cow::Owned(every), elements))
            .append_document_content_handler(comments);
        let scanner = HtmlRewriter::new(settings, Understood(understood.clone()));
        let (reader, held) = (flow.reader(), Source::default());
        Self { reader, charset, scanner, understood, open, held, state: State::Flowing }
    }

    /// The next bytes, in the page's encoding; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let State::Ended(_) = self.state {
                return Poll::Ready(None);
            }
            let left = match ready!(self.reader.poll_next(cx)) {
                Some(Ok(piece)) => {
                    self.held.push(piece.clone());
                    match self.scanner.write(&piece) {
                        Ok(()) => self.release(self.closable()),
                        Err(_) => self.cut(),
                    }
                }
                Some(Err(_)) => self.cut(),
                None => {
                    self.state = State::Ended(End::Whole);
                    self.release(self.held.end())
                }
            };
            if !left.is_empty() {
                return Poll::Ready(Some(left));
            }
        }
    }

    /// How it ended; not before it has.
    pub fn end(&self) -> End {
        match self.state {
            State::Ended(end) => end,
            State::Flowing => End::Cut,
        }
    }

    /// Up to where it could be closed, should nothing more come.
    fn closable(&self) -> u64 {
        let understood = self.understood.load(Ordering::Relaxed);
        let whole = lock(&self.open).iter().find(|element| element.whole).map(|element| element.start);
        whole.map_or(understood, |start| start.min(understood))
    }

    /// Nothing more comes: the end tags of what has left and is open.
    fn cut(&mut self) -> Bytes {
        self.state = State::Ended(End::Cut);
        let left = self.held.start();
        let open = lock(&self.open);
        let ends = open.iter().rev().filter(|element| element.start < left);
        ends.map(|element| format!("</{}>", element.name)).collect::<String>().into()
    }

    /// The bytes up to `to` may leave.
    fn release(&mut self, to: u64) -> Bytes {
        let mut parts = Vec::new();
        self.held.take_until(to, |bytes| parts.push(bytes));
        let joined = match parts.len() {
            1 => parts.swap_remove(0),
            _ => parts.concat().into(),
        };
        let text = String::from_utf8_lossy(&joined);
        match self.charset.encode(&text, Holder::Markup.beyond()) {
            Ok(Some(encoded)) => encoded.into(),
            // Between tags everything can be said: by references.
            Ok(None) | Err(_) => joined,
        }
    }
}

/// Notes what is open.
fn on_element(
    open: Shared,
) -> impl FnMut(&mut Element<'_, '_, lol_html::send::SendHandlerTypes>) -> HandlerResult + Send + 'static {
    move |element| {
        if !element.can_have_content() {
            return Ok(());
        }
        let start = element.source_location().bytes().start as u64;
        let html = element.namespace_uri() == "http://www.w3.org/1999/xhtml";
        let whole = Holder::inside(element.tag_name().as_bytes(), html) != Holder::Markup;
        lock(&open).push(OpenElement { start, name: element.tag_name(), whole });
        let open = open.clone();
        element.on_end_tag(Box::new(move |_: &mut EndTag<'_>| {
            lock(&open).retain(|element| element.start < start);
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const UTF8: Charset = Charset::Known(encoding_rs::UTF_8);

    /// What leaves of pieces that come one by one, after which the flow ends or breaks off.
    fn left(pieces: &[&str], end: End, charset: Charset) -> (Vec<String>, End) {
        let (inflow, flow) = Flow::new();
        let mut flowing = Flowing::new(&flow, charset);
        let mut cx = Context::from_waker(Waker::noop());
        let mut left = Vec::new();
        let mut drain = |flowing: &mut Flowing, cx: &mut Context<'_>| {
            let mut bytes = Vec::new();
            while let Poll::Ready(Some(piece)) = flowing.poll_next(cx) {
                bytes.extend_from_slice(&piece);
            }
            left.push(bytes.iter().map(|byte| char::from(*byte)).collect());
        };
        for piece in pieces {
            inflow.push(Bytes::copy_from_slice(piece.as_bytes()));
            drain(&mut flowing, &mut cx);
        }
        match end {
            End::Whole => inflow.end(),
            End::Cut => drop(inflow),
        }
        drain(&mut flowing, &mut cx);
        assert!(flowing.poll_next(&mut cx).is_ready());
        (left, flowing.end())
    }

    #[test]
    fn bytes_leave_as_they_come_and_what_came_whole_is_as_it_was() {
        let pieces = ["<ul><li>one", "</li><li>tw", "o</li></ul>", "</div><b>"];
        let (left, end) = left(&pieces, End::Whole, UTF8);
        assert_eq!(left[0], pieces[0]);
        assert_eq!((left.concat(), end), (pieces.concat(), End::Whole));
    }

    #[test]
    fn what_broke_off_is_closed_wherever_that_was() {
        for (came, closed) in [
            ("<ul><li>one<li>two <b>th", "<ul><li>one<li>two <b>th</b></li></li></ul>"),
            ("<p>a</p>b", "<p>a</p>b"),
            ("<div><img src=", "<div></div>"),
            ("<div>x</di", "<div>x</div>"),
            ("<div><!-- a > ", "<div></div>"),
            ("<div><script>if (a < b) c(", "<div></div>"),
            ("<div><style>p {", "<div></div>"),
            ("<div><textarea>a<b>", "<div></div>"),
            ("<div><script>a()</script><br>c", "<div><script>a()</script><br>c</div>"),
            ("<svg><g><path d='M'/><text>x", "<svg><g><path d='M'/><text>x</text></g></svg>"),
            ("<table><tr><td>1</td><td>", "<table><tr><td>1</td><td></td></tr></table>"),
        ] {
            for step in [1, 3, came.len()] {
                let pieces: Vec<&str> =
                    came.as_bytes().chunks(step).map(|part| std::str::from_utf8(part).unwrap()).collect();
                let (left, end) = left(&pieces, End::Cut, UTF8);
                assert_eq!((left.concat(), end), (closed.to_owned(), End::Cut), "{came} by {step}");
            }
        }
    }

    #[test]
    fn it_leaves_in_the_encoding_of_the_page() {
        let latin = Charset::Known(encoding_rs::WINDOWS_1252);
        assert_eq!(left(&["é<b>☃</b>"], End::Whole, latin).0.concat(), "\u{E9}<b>&#x2603;</b>");
        assert_eq!(left(&["é"], End::Whole, Charset::Unknown).0.concat(), "&#xE9;");
    }
}
