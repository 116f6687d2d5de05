//! Bodies that are decoded or encoded as they stream by.
//!
//! In: a body. Out: the same body in another coding, trailers passed on. It must not hold back what the other side is
//! waiting for: where the inner body has nothing now, what the compressor holds is flushed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Coding, Decoder, Encoder};
use crate::http::{Body, BodyError};
use crate::limits::CODING_STEP_BYTES;

/// The plain form of a coded body. Ends with [`CodingError::Truncated`](super::CodingError::Truncated) where the coded bytes stop too early.
pub struct DecodedBody {
    inner: Body,
    decoder: Decoder,
    rest: Rest,
}

/// How far a body that is made from another has come.
enum Rest {
    /// The inner body has more.
    Flowing,
    /// Only these trailers are left.
    Trailers(HeaderMap),
    /// Only the error is left in which the inner body ended.
    Broken(BodyError),
    /// Nothing is left.
    Done,
}

impl DecodedBody {
    /// Undoes `codings`, which were applied to `inner` in that order.
    pub fn new(inner: Body, codings: &[Coding]) -> Self {
        Self { inner, decoder: Decoder::new(codings), rest: Rest::Flowing }
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            if let Some(decoded) = self.decoder.pull()? {
                return Poll::Ready(Ok(Some(decoded)));
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)).transpose()? {
                None => {
                    self.rest = Rest::Done;
                    self.decoder.finish()?;
                    return Poll::Ready(Ok(None));
                }
                Some(frame) => match frame.into_data() {
                    Ok(data) => self.decoder.push(data),
                    Err(frame) => {
                        self.rest = frame.into_trailers().map_or(Rest::Done, Rest::Trailers);
                        self.decoder.finish()?;
                        return Poll::Ready(Ok(None));
                    }
                },
            }
        }
    }
}

impl HttpBody for DecodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Rest::Flowing = self.rest {
            match ready!(self.poll_decoded(cx)) {
                Ok(Some(decoded)) => return Poll::Ready(Some(Ok(Frame::data(decoded)))),
                Ok(None) => {}
                Err(error) => {
                    self.rest = Rest::Done;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(self.rest.take_last())
    }
}

impl Rest {
    /// What comes after the last data.
    fn take_last(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        match std::mem::replace(self, Self::Done) {
            Self::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Self::Broken(error) => Some(Err(error)),
            Self::Flowing | Self::Done => None,
        }
    }
}

/// The coded form of a plain body.
pub struct EncodedBody {
    inner: Body,
    /// Taken, and so `None`, when it has been finished.
    encoder: Option<Encoder>,
    /// Plain bytes that came and were not compressed yet: a big piece is taken in steps.
    waiting: Bytes,
    held: Holding,
    rest: Rest,
}

/// Whether the compressor has taken in bytes that the reader can't see yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    Something,
    Nothing,
}

impl EncodedBody {
    /// Encodes `inner` by a fresh encoder.
    pub fn new(inner: Body, encoder: Encoder) -> Self {
        Self { inner, encoder: Some(encoder), waiting: Bytes::new(), held: Holding::Nothing, rest: Rest::Flowing }
    }

    /// The next coded bytes, never empty; `None` at the end.
    fn poll_encoded(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        while let Some(encoder) = &mut self.encoder {
            if !self.waiting.is_empty() {
                let step = self.waiting.split_to(self.waiting.len().min(CODING_STEP_BYTES));
                self.held = Holding::Something;
                let made = encoder.write(&step)?;
                if !made.is_empty() {
                    return Poll::Ready(Ok(Some(made)));
                }
                continue;
            }
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.broke_off(error)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.waiting = data,
                    Err(frame) => return Poll::Ready(self.finished(frame.into_trailers().ok())),
                },
                Poll::Ready(None) => return Poll::Ready(self.finished(None)),
                Poll::Pending if self.held == Holding::Nothing => return Poll::Pending,
                Poll::Pending => {
                    self.held = Holding::Nothing;
                    let made = encoder.flush()?;
                    return if made.is_empty() { Poll::Pending } else { Poll::Ready(Ok(Some(made))) };
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    /// What came before the break leaves first, so that the receiver sees as much as arrived.
    fn broke_off(&mut self, error: BodyError) -> Result<Option<Bytes>, BodyError> {
        self.rest = Rest::Broken(error);
        let held = self.encoder.take().map(|mut encoder| encoder.flush()).transpose()?;
        Ok(held.filter(|held| !held.is_empty()))
    }

    fn finished(&mut self, trailers: Option<HeaderMap>) -> Result<Option<Bytes>, BodyError> {
        self.rest = trailers.map_or(Rest::Done, Rest::Trailers);
        let last = self.encoder.take().map(Encoder::finish).transpose()?;
        Ok(last.filter(|last| !last.is_empty()))
    }
}

impl HttpBody for EncodedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(self.poll_encoded(cx)) {
            Ok(Some(encoded)) => Poll::Ready(Some(Ok(Frame::data(encoded)))),
            Ok(None) => Poll::Ready(self.rest.take_last()),
            Err(error) => {
                self.encoder = None;
                self.rest = Rest::Done;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
