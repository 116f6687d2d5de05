//! The body of a personalised page: the origin's bytes go in, the pieces of the page come out.
//!
//! In: the origin's decoded body, and an assembler once the charset is settled. Out: frames. It reads ahead of the client only
//! within the assembler's budget, so that back-pressure reaches the origin; where nothing is ready it says so, so that what
//! compresses it can flush. It must not know what is laid in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use tokio::time::Sleep;

use super::observers::Observers;
use super::plan::fills::PageFills;
use crate::http::{Body, BodyError};
use crate::limits::{CHARSET_PRESCAN_WAIT, PAGE_AHEAD_BYTES, SLOTS_PER_PAGE};
use crate::page::{Assembler, Broken, Charset, Markers};
use crate::telemetry::Kind;

/// A page being rewritten as it streams by.
pub struct RewritingBody {
    origin: Body,
    phase: Phase,
    /// Whether the origin's body has ended, and how.
    ended: Ended,
    observers: Observers,
}

/// What is rewritten, and with what.
pub struct Page {
    /// Plain HTML.
    pub origin: Body,
    /// Of the response's head.
    pub content_type: Option<String>,
    pub markers: Arc<Markers>,
    pub fills: PageFills,
}

/// How far the rewriting is.
enum Phase {
    /// The first bytes are held until they tell the charset.
    Prescan(Box<Prescan>),
    Assembling(Box<Assembler<PageFills>>),
    /// The same, after the page's end was said.
    Emptying(Box<Assembler<PageFills>>),
    Done,
}

struct Prescan {
    held: BytesMut,
    /// Of the response's `Content-Type`.
    content_type: Option<String>,
    wait: Pin<Box<Sleep>>,
    markers: Arc<Markers>,
    fills: PageFills,
}

/// How the origin's body ended.
enum Ended {
    NotYet,
    Whole(Option<HeaderMap>),
    Broken(Option<BodyError>),
}

impl RewritingBody {
    /// The body of a page; what becomes of it is told to `observers`.
    pub fn new(page: Page, observers: Observers) -> Self {
        let Page { origin, content_type, markers, fills } = page;
        let wait = Box::pin(tokio::time::sleep(CHARSET_PRESCAN_WAIT));
        let prescan = Prescan { held: BytesMut::new(), content_type, wait, markers, fills };
        Self { origin, phase: Phase::Prescan(Box::new(prescan)), ended: Ended::NotYet, observers }
    }

    /// Takes one frame of the origin; pending if there is none.
    fn poll_origin(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while let Ended::NotYet = self.ended {
            match Pin::new(&mut self.origin).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.ended = Ended::Whole(None),
                Poll::Ready(Some(Err(error))) => self.ended = Ended::Broken(Some(error)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => {
                        self.observers.trace.iter().for_each(|trace| trace.origin(&bytes));
                        return Poll::Ready(Some(bytes));
                    }
                    Err(frame) => self.ended = Ended::Whole(frame.into_trailers().ok()),
                },
            }
        }
        Poll::Ready(None)
    }

    /// Settles the charset, then begins to assemble. Pending while more of the page may tell more.
    fn poll_prescan(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let more = self.poll_origin(cx);
            let Phase::Prescan(prescan) = &mut self.phase else { return Poll::Ready(()) };
            let complete = match more {
                Poll::Ready(Some(bytes)) => {
                    prescan.held.extend_from_slice(&bytes);
                    false
                }
                Poll::Ready(None) => true,
                Poll::Pending => match prescan.wait.as_mut().poll(cx) {
                    Poll::Ready(()) => true,
                    Poll::Pending => return Poll::Pending,
                },
            };
            let settled = Charset::settle(prescan.content_type.as_deref(), &prescan.held, complete);
            if let Some(charset) = settled {
                self.begin(charset);
                return Poll::Ready(());
            }
        }
    }

    fn begin(&mut self, charset: Charset) {
        let Phase::Prescan(prescan) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        let mut assembler = Assembler::new(prescan.markers, charset, prescan.fills);
        if !prescan.held.is_empty() {
            assembler.write(prescan.held.freeze());
        }
        self.phase = Phase::Assembling(Box::new(assembler));
    }

    /// The next piece of the page; `None` when all of it has left.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let (assembler, may_read) = match &mut self.phase {
                Phase::Assembling(assembler) => (assembler, true),
                Phase::Emptying(assembler) => (assembler, false),
                Phase::Prescan(_) | Phase::Done => return Poll::Ready(None),
            };
            match assembler.poll_next(cx) {
                Poll::Ready(Some(bytes)) => return Poll::Ready(Some(bytes)),
                Poll::Ready(None) if !may_read => return Poll::Ready(None),
                Poll::Ready(None) => {}
                // A slot is due and its content is not here: meanwhile the page may be read ahead, within the budget.
                Poll::Pending if !may_read || assembler.queued() >= PAGE_AHEAD_BYTES => return Poll::Pending,
                Poll::Pending => {}
            }
            match self.poll_origin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(input) => self.feed(input),
            }
        }
    }

    /// Gives the assembler more of the page, or its end.
    fn feed(&mut self, input: Option<Bytes>) {
        self.phase = match (std::mem::replace(&mut self.phase, Phase::Done), input) {
            (Phase::Assembling(mut assembler), Some(bytes)) => {
                assembler.write(bytes);
                Phase::Assembling(assembler)
            }
            (Phase::Assembling(mut assembler), None) => {
                assembler.end();
                Phase::Emptying(assembler)
            }
            (other, _) => other,
        };
    }

    /// Says it if a part of the page was passed on as it is.
    fn tell_early_end(&self, assembler: &Assembler<PageFills>) {
        let kind = if let Some(reason) = assembler.broken() {
            tracing::warn!(%reason, "rewriting a page ended early; the rest of it was passed on as it is");
            self.observers.tell(|told| told.untouched = Some(format!("rewriting the page ended early: {reason}")));
            label(reason)
        } else if assembler.is_full() {
            tracing::warn!(limit = SLOTS_PER_PAGE, "a page has too many slots; the rest of it was passed on as it is");
            "slots"
        } else {
            return;
        };
        self.observers.metrics.broken_pages.get_or_create(&Kind { kind }).inc();
    }

    /// The last frame: the origin's trailers, or the error with which it broke off, so that the client can tell.
    fn finish(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        if let Phase::Emptying(assembler) = std::mem::replace(&mut self.phase, Phase::Done) {
            self.tell_early_end(&assembler);
            if let (Some(learner), Some(extracted), Ended::Whole(_)) =
                (&self.observers.learner, assembler.extracted(), &self.ended)
            {
                learner.learn(extracted);
            }
        }
        match std::mem::replace(&mut self.ended, Ended::Whole(None)) {
            Ended::NotYet | Ended::Whole(None) => None,
            Ended::Whole(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ended::Broken(error) => error.map(Err),
        }
    }
}

impl HttpBody for RewritingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Phase::Prescan(_) = self.phase
            && self.poll_prescan(cx).is_pending()
        {
            return Poll::Pending;
        }
        match self.poll_piece(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Poll::Ready(None) => Poll::Ready(self.finish()),
        }
    }
}

/// The reason in one word, for labels.
pub fn label(reason: &Broken) -> &'static str {
    match reason {
        Broken::Charset(_) => "charset",
        Broken::Memory(_) => "memory",
        Broken::Markup(_) => "markup",
    }
}
