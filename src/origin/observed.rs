//! The body of a server's answer, whose end says how the server is.
//!
//! In: a body. Out: the same body, and the word, once, whether it came whole. It must not judge what that means.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::http::{Body, BodyError};

/// The body.
pub struct Observed<F: FnOnce(End)> {
    body: Body,
    /// Until the end is known.
    tell: Option<F>,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its end, or with what was read of it before nobody wanted more.
    Good,
    /// It broke off.
    Broken,
}

impl<F: FnOnce(End) + Send + Unpin + 'static> Observed<F> {
    /// Observes `body` to its end, and tells.
    pub fn begin(body: Body, tell: F) -> Body {
        if HttpBody::is_end_stream(&body) {
            tell(End::Good);
            return body;
        }
        Body::wrap(Self { body, tell: Some(tell) })
    }
}

impl<F: FnOnce(End)> Observed<F> {
    fn end(&mut self, end: End) {
        if let Some(tell) = self.tell.take() {
            tell(end);
        }
    }
}

impl<F: FnOnce(End) + Unpin> HttpBody for Observed<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(_)) => self.end(End::Broken),
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            Some(Ok(_)) | None => self.end(End::Good),
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

impl<F: FnOnce(End)> Drop for Observed<F> {
    fn drop(&mut self) {
        self.end(End::Good);
    }
}
