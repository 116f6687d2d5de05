//! One reader of a body, at its own pace.
//!
//! In: bytes that are here or arriving. Out: frames, then the end, or why there is no more. It must not hold up the others.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::arriving::End;
use super::{Content, CutShort, Whole, slice};
use crate::http::BodyError;

/// One reader.
pub struct Reader {
    content: Arc<Content>,
    id: u64,
    position: u64,
    /// Where its part ends.
    until: Option<u64>,
    done: bool,
}

impl Reader {
    /// Of `content` from `position` on, where its window knows it as `id`.
    pub fn new(content: Arc<Content>, id: u64, position: u64, until: Option<u64>) -> Self {
        Self { content, id, position, until, done: false }
    }

    /// What is to be had from a body that is all here.
    fn take_whole(&mut self, whole: &Whole) -> Option<Frame<Bytes>> {
        let end = self.until.unwrap_or(whole.bytes.len() as u64);
        if self.position < end {
            let bytes = slice(&whole.bytes, self.position, end);
            self.position = end;
            return Some(Frame::data(bytes));
        }
        self.done = true;
        whole.trailers.clone().filter(|_| self.until.is_none()).map(Frame::trailers)
    }

    fn poll_arriving(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let content = Arc::clone(&self.content);
        let mut arriving = content.lock();
        // It may have been completed before the lock was had.
        if let Some(whole) = content.whole.get() {
            return Poll::Ready(self.take_whole(whole).map(Ok));
        }
        if self.until.is_some_and(|until| self.position >= until) {
            self.done = true;
            return Poll::Ready(None);
        }
        match arriving.at(self.position) {
            Err(cut) => {
                self.done = true;
                Poll::Ready(Some(Err(cut.into())))
            }
            Ok(Some(bytes)) => {
                let wanted = self.until.map_or(u64::MAX, |until| until - self.position);
                let bytes = slice(&bytes, 0, wanted);
                self.position += bytes.len() as u64;
                arriving.advance(self.id, self.position);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Ok(None) => match &arriving.end {
                None => {
                    let own = arriving.readers.iter_mut().find(|reading| reading.id == self.id);
                    own.into_iter().for_each(|reading| reading.waker = Some(cx.waker().clone()));
                    Poll::Pending
                }
                Some(End::Broken) => {
                    self.done = true;
                    Poll::Ready(Some(Err(CutShort::Origin.into())))
                }
                Some(End::Complete(trailers)) => {
                    self.done = true;
                    Poll::Ready(trailers.clone().map(|trailers| Ok(Frame::trailers(trailers))))
                }
            },
        }
    }
}

impl HttpBody for Reader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let content = Arc::clone(&self.content);
        match content.whole.get() {
            Some(whole) => Poll::Ready(self.take_whole(whole).map(Ok)),
            None => self.poll_arriving(cx),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let end = match (self.content.whole.get(), self.until) {
            (_, Some(until)) => Some(until),
            // Trailers need a framing that has room for them.
            (Some(whole), None) if whole.trailers.is_some() => None,
            (_, None) => self.content.length(),
        };
        end.map_or_else(SizeHint::default, |end| SizeHint::with_exact(end.saturating_sub(self.position)))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.content.lock().leave(self.id);
    }
}
