//! A page whose pieces are made elsewhere, on its way to one visitor.
//!
//! In: a seat at a page that is being compiled, or a kept page of which a slot is late; and the visitor's fills. Out: the page
//! that leaves, waiting where a slot is due and not here. It must not compile.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};

use super::pages::{CutOff, Next, Seat};
use super::plan::fills::PageFills;
use super::trace::TraceSink;
use crate::http::BodyError;
use crate::limits::PAGE_AHEAD_BYTES;
use crate::page::Follower;

/// The body of such a page.
pub struct FollowingBody {
    /// Where more of the page comes from; `None` once all of it is followed.
    seat: Option<Seat>,
    stage: Stage,
    last: Last,
    trace: Option<TraceSink>,
}

/// How far the visitor's own way through the page is.
enum Stage {
    /// The charset has not come.
    Waiting(Box<PageFills>),
    Following(Box<Follower<PageFills>>),
    Done,
}

/// What follows the last byte.
enum Last {
    Nothing,
    Trailers(HeaderMap),
    CutOff(CutOff),
}

impl FollowingBody {
    /// Of a page that is being compiled; what comes is told to `trace`.
    pub fn at(seat: Seat, fills: PageFills, trace: Option<TraceSink>) -> Self {
        Self { seat: Some(seat), stage: Stage::Waiting(Box::new(fills)), last: Last::Nothing, trace }
    }

    /// Of a kept page, some of whose slots are late.
    pub fn late(follower: Box<Follower<PageFills>>) -> Self {
        Self { seat: None, stage: Stage::Following(follower), last: Last::Nothing, trace: None }
    }

    /// The next piece of the page that leaves; `None` when all of it has left.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Stage::Following(follower) = &mut self.stage {
                let may_read = self.seat.is_some();
                match follower.poll_next(cx) {
                    Poll::Ready(Some(bytes)) => return Poll::Ready(Some(bytes)),
                    Poll::Ready(None) if !may_read => return Poll::Ready(None),
                    Poll::Ready(None) => {}
                    // A slot is due and its content is not here: meanwhile more may be followed, within the budget.
                    Poll::Pending if !may_read || follower.queued() >= PAGE_AHEAD_BYTES => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            let Some(seat) = &mut self.seat else { return Poll::Ready(None) };
            let next = ready!(seat.poll_next(cx));
            self.take(next);
        }
    }

    fn take(&mut self, next: Result<Next, CutOff>) {
        match next {
            Ok(Next::Charset(charset)) => {
                let Some(markers) = self.seat.as_ref().map(Seat::markers) else { return };
                self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
                    // Whether the page may be kept is known at its end only: until then it leaves with its own nonce.
                    Stage::Waiting(fills) => Stage::Following(Box::new(Follower::new(markers, charset, None, *fills))),
                    other => other,
                };
            }
            Ok(Next::Batch(batch)) => {
                if let Some(trace) = &self.trace {
                    batch.bytes().for_each(|bytes| trace.origin(bytes));
                }
                if let Stage::Following(follower) = &mut self.stage {
                    follower.follow(&batch);
                }
            }
            Ok(Next::End(trailers)) => self.end_with(trailers.map_or(Last::Nothing, Last::Trailers)),
            Err(cut) => self.end_with(Last::CutOff(cut)),
        }
    }

    fn end_with(&mut self, last: Last) {
        self.seat = None;
        self.last = last;
        if let Stage::Following(follower) = &mut self.stage {
            follower.end();
        }
    }
}

impl HttpBody for FollowingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(bytes) = ready!(self.poll_piece(cx)) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.stage = Stage::Done;
        Poll::Ready(match std::mem::replace(&mut self.last, Last::Nothing) {
            Last::Nothing => None,
            Last::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Last::CutOff(cut) => Some(Err(cut.into())),
        })
    }
}
