//! The one body type: of requests that go to an origin and of responses that go to a client.
//!
//! In: bytes in memory, what arrives from a connection, or any other `http_body::Body`. Out: frames, trailers
//! included. It must not buffer: a frame leaves as it came.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::coding::CodingError;

/// Why a body ended before its end. Whoever sends the body on must end its own message as broken, so that the
/// receiver can tell it from a whole one; hyper does so when a body returns an error.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection that it came from broke, or broke the protocol.
    #[error("the connection broke in the middle of a body")]
    Connection(#[from] hyper::Error),
    /// Its content coding was damaged or cut short.
    #[error("the body could not be decoded")]
    Coding(#[from] CodingError),
    /// Nothing came for this long.
    #[error("the body stalled for {} s", .0.as_secs())]
    Stalled(Duration),
    /// It is longer than whoever reads it accepts.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It came more slowly than whoever reads it accepts.
    #[error("the body comes too slowly")]
    TooSlow,
    /// Whoever makes it failed.
    #[error("the body's source failed")]
    Source(#[source] Box<dyn StdError + Send + Sync>),
}

/// A body. `Send` and `Unpin`, read once.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    /// Taken, and so `None`, when it has been read.
    Full(Option<Bytes>),
    Incoming(Incoming),
    Shared(SharedPieces),
    Boxed(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    /// A body of no bytes.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that is all here.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Full(Some(bytes))) }
    }

    /// A body of these pieces, which are all here: it leaves piece by piece, and its length is known.
    pub fn pieces(pieces: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>, length: usize) -> Self {
        Self::wrap(Pieces { pieces: pieces.into_iter(), left: length as u64 })
    }

    /// The same of pieces that other bodies have too, at the cost of no copy of the list.
    pub fn shared(pieces: Arc<[Bytes]>, length: usize) -> Self {
        Self(Kind::Shared(SharedPieces { pieces, next: 0, left: length as u64 }))
    }

    /// Any other body.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self(Kind::Boxed(UnsyncBoxBody::new(body.map_err(Into::into))))
    }

    /// A body of the stream's pieces, without trailers.
    pub fn stream<S>(pieces: S) -> Self
    where
        S: Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    {
        Self::wrap(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))))
    }

    /// The same body, which fails with [`BodyError::Stalled`] where a reader that asks for more waits longer than
    /// `bound`. The time during which nobody asks does not count.
    #[must_use]
    pub fn stalling_at_most(self, bound: Duration) -> Self {
        match self.0 {
            Kind::Empty | Kind::Full(_) | Kind::Shared(_) => self,
            _ => Self::wrap(Patient { body: self, bound, waiting: None }),
        }
    }

    /// The same body, with `held` until its end has been read, or it is dropped.
    #[must_use]
    pub fn holding<T: Send + Unpin + 'static>(self, held: T) -> Self {
        if self.is_end_stream() { self } else { Self::wrap(Holding { body: self, held: Some(held) }) }
    }

    /// Reads it whole, without trailers.
    ///
    /// # Errors
    /// [`BodyError::TooLong`] as soon as it is known to be longer than `limit` bytes; whatever the body ends with.
    pub async fn collect_at_most(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let too_long = |length: u64| usize::try_from(length).map_or(true, |length| length > limit);
        if too_long(self.size_hint().lower()) {
            return Err(BodyError::TooLong(limit));
        }
        let mut whole = Vec::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if too_long((whole.len() + data.len()) as u64) {
                return Err(BodyError::TooLong(limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.into())
    }
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        if body.is_end_stream() { Self::empty() } else { Self(Kind::Incoming(body)) }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Incoming(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Connection),
            Kind::Shared(pieces) => Poll::Ready(pieces.next().map(|piece| Ok(Frame::data(piece)))),
            Kind::Boxed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Full(None) => true,
            Kind::Full(Some(_)) => false,
            Kind::Incoming(body) => body.is_end_stream(),
            Kind::Shared(pieces) => pieces.left == 0,
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty | Kind::Full(None) => SizeHint::with_exact(0),
            Kind::Full(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(body) => body.size_hint(),
            Kind::Shared(pieces) => SizeHint::with_exact(pieces.left),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

/// Pieces that are all here, and not only for this body.
#[derive(Debug)]
struct SharedPieces {
    pieces: Arc<[Bytes]>,
    next: usize,
    left: u64,
}

impl Iterator for SharedPieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let left = self.pieces.get(self.next..)?;
        let skipped = left.iter().position(|piece| !piece.is_empty())?;
        let piece = left[skipped].clone();
        self.next += skipped + 1;
        self.left = self.left.saturating_sub(piece.len() as u64);
        Some(piece)
    }
}

/// Pieces that are all here.
struct Pieces<I> {
    pieces: I,
    left: u64,
}

// Nothing in it is pinned.
impl<I> Unpin for Pieces<I> {}

impl<I: Iterator<Item = Bytes>> HttpBody for Pieces<I> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = self.pieces.find(|piece| !piece.is_empty());
        self.left -= next.as_ref().map_or(0, |piece| (piece.len() as u64).min(self.left));
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body with a bound on each wait.
struct Patient {
    body: Body,
    bound: Duration,
    /// Runs while a reader waits; kept between waits, because making a timer costs more than moving it.
    waiting: Option<(Pin<Box<Sleep>>, Waiting)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Yes,
    No,
}

impl Patient {
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let due = Instant::now() + self.bound;
        let (sleep, waiting) =
            self.waiting.get_or_insert_with(|| (Box::pin(tokio::time::sleep_until(due)), Waiting::Yes));
        if *waiting == Waiting::No {
            sleep.as_mut().reset(due);
            *waiting = Waiting::Yes;
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(BodyError::Stalled(self.bound))
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some((_, waiting)) = &mut self.waiting {
                *waiting = Waiting::No;
            }
            return Poll::Ready(frame);
        }
        self.poll_patience(cx).map(|stalled| Some(Err(stalled)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body with something that is dropped at its end.
struct Holding<T> {
    body: Body,
    held: Option<T>,
}

impl<T: Unpin> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if self.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            self.held = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_collected_up_to_its_limit() {
        let pieces = || Body::stream(futures_util::stream::iter(["one", "two"].map(|piece| Ok(Bytes::from(piece)))));
        assert_eq!(pieces().collect_at_most(6).await.unwrap(), "onetwo");
        assert!(matches!(pieces().collect_at_most(5).await, Err(BodyError::TooLong(5))));
        assert!(matches!(Body::full("onetwo").collect_at_most(5).await, Err(BodyError::TooLong(5))));
        assert_eq!(Body::empty().collect_at_most(0).await.unwrap(), "");
    }

    #[test]
    fn lengths_are_known_where_they_can_be() {
        assert_eq!(Body::full("four").size_hint().exact(), Some(4));
        assert!(Body::full("").is_end_stream() && Body::empty().is_end_stream());
        assert_eq!(Body::wrap(Body::full("four")).size_hint().exact(), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_reader_that_waits_can_see_a_stall() {
        let bound = Duration::from_secs(9);
        let slow = futures_util::stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_secs(8)).await;
            (number < 3).then(|| (Ok(Bytes::from_static(b"x")), number + 1))
        });
        let mut body = Body::stream(slow).stalling_at_most(bound);
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        let mut stuck = Body::stream(futures_util::stream::pending()).stalling_at_most(bound);
        let started = Instant::now();
        assert!(matches!(stuck.frame().await, Some(Err(BodyError::Stalled(waited))) if waited == bound));
        assert_eq!(started.elapsed(), bound);
    }
}
