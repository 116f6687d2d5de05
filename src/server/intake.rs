//! A request's body on its way in, held to how long it may be and how slowly it may come.
//!
//! In: a body. Out: the same body, which fails where it goes beyond its bounds; what was made of it by the time that the
//! response is there. It must not look at the content.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::pace::Pace;
use super::refusal::Refusal;
use crate::http::bounds::{Bounds, MinimumRate};
use crate::http::{Body, BodyError};
use crate::limits;

/// What has become of a request's body so far.
#[derive(Clone, Debug)]
pub struct Taken(Arc<AtomicU8>);

/// The same as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Made {
    /// Nobody has asked for any of it, so that a client which waits for `100 Continue` was not sent it.
    Nothing,
    Some,
    TooLong,
    TooSlow,
}

impl Taken {
    /// Of a body that nobody has asked for.
    fn nothing() -> Self {
        Self(Arc::new(AtomicU8::new(Made::Nothing as u8)))
    }

    pub fn made(&self) -> Made {
        let made = self.0.load(Ordering::Acquire);
        [Made::Some, Made::TooLong, Made::TooSlow].into_iter().find(|one| *one as u8 == made).unwrap_or(Made::Nothing)
    }

    fn set(&self, made: Made) {
        self.0.store(made as u8, Ordering::Release);
    }
}

/// Refuses a body that says itself that it is too long, before any of it is read.
///
/// # Errors
/// [`Refusal::BodyTooLong`].
pub fn check_length<B: HttpBody>(body: &B, bounds: &Bounds) -> Result<(), Refusal> {
    match bounds.body {
        Some(longest) if body.size_hint().lower() > longest => Err(Refusal::BodyTooLong),
        _ => Ok(()),
    }
}

/// The body held to `bounds`. `None`: there is none, or it has ended with the head.
pub fn take(body: Body, headers: &HeaderMap, bounds: &Bounds) -> (Body, Option<Taken>) {
    if body.is_end_stream() {
        return (body, None);
    }
    let taken = Taken::nothing();
    let (left, pace) = (bounds.body.unwrap_or(u64::MAX), Pace::begin(rate(headers, bounds)));
    let intake = Intake { body, left, longest: bounds.body, pace, taken: taken.clone() };
    (Body::wrap(intake).stalling_at_most(limits::BODY_STALL_WAIT), Some(taken))
}

/// A call of gRPC speaks when it has something to say: only the stall is bounded there.
fn rate(headers: &HeaderMap, bounds: &Bounds) -> MinimumRate {
    let is_grpc =
        headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    MinimumRate { bytes_per_second: if is_grpc { 0 } else { bounds.body_rate.bytes_per_second }, ..bounds.body_rate }
}

struct Intake {
    body: Body,
    /// Bytes that may still come.
    left: u64,
    longest: Option<u64>,
    pace: Pace,
    taken: Taken,
}

impl Intake {
    fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.pace.moved(bytes);
        match self.left.checked_sub(bytes as u64) {
            Some(left) => self.left = left,
            None => {
                self.taken.set(Made::TooLong);
                let longest = self.longest.unwrap_or(u64::MAX);
                return Err(BodyError::TooLong(usize::try_from(longest).unwrap_or(usize::MAX)));
            }
        }
        Ok(())
    }
}

impl HttpBody for Intake {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.taken.made() == Made::Nothing {
            self.taken.set(Made::Some);
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                Poll::Ready(Some(self.count(bytes).map(|()| frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => {
                ready!(self.pace.poll_too_slow(cx));
                self.taken.set(Made::TooSlow);
                Poll::Ready(Some(Err(BodyError::TooSlow)))
            }
        }
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
    use http_body_util::BodyExt;

    use super::*;

    fn pieces(pieces: &'static [&'static str]) -> Body {
        Body::stream(futures_util::stream::iter(pieces).map(|piece| Ok(Bytes::from(*piece))))
    }

    use futures_util::StreamExt;

    #[tokio::test]
    async fn a_body_may_be_as_long_as_it_may() {
        let bounds = Bounds { body: Some(6), ..Bounds::default() };
        let (body, taken) = take(pieces(&["one", "two"]), &HeaderMap::new(), &bounds);
        let taken = taken.unwrap();
        assert_eq!(taken.made(), Made::Nothing);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "onetwo");
        assert_eq!(taken.made(), Made::Some);
        let (body, taken) = take(pieces(&["one", "two", "3"]), &HeaderMap::new(), &bounds);
        assert!(matches!(body.collect().await, Err(BodyError::TooLong(6))));
        assert_eq!(taken.unwrap().made(), Made::TooLong);
        assert_eq!(check_length(&Body::full("1234567"), &bounds), Err(Refusal::BodyTooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_dribbles_is_given_up_but_for_grpc() {
        let slow = || Body::stream(futures_util::stream::pending());
        let (body, taken) = take(slow(), &HeaderMap::new(), &Bounds::default());
        assert!(matches!(body.collect().await, Err(BodyError::TooSlow)));
        assert_eq!(taken.unwrap().made(), Made::TooSlow);
        let grpc = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/grpc+proto".parse().unwrap())]);
        let (body, _) = take(slow(), &grpc, &Bounds::default());
        assert!(matches!(body.collect().await, Err(BodyError::Stalled(_))));
    }
}
