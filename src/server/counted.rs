//! A response's body on its way out, during which its connection is in use.
//!
//! In: a body. Out: the same; an error in it comes late. It must not look at what is sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use crate::http::activity::InUse;
use crate::http::{Body, BodyError};
use crate::limits;

/// The body. An error in it comes late, so that what came before it is not lost with the connection.
pub struct Counted {
    body: Body,
    failing: Option<Failing>,
    _in_use: Arc<InUse>,
}

impl Counted {
    /// Holds `in_use` for as long as `body` is read.
    pub fn new(body: Body, in_use: Arc<InUse>) -> Self {
        Self { body, failing: None, _in_use: in_use }
    }
}

/// An error that is held back.
struct Failing {
    /// Taken when it is told.
    error: Option<BodyError>,
    due: Pin<Box<Sleep>>,
}

impl Failing {
    fn begin(error: BodyError) -> Self {
        Self { error: Some(error), due: Box::pin(tokio::time::sleep(limits::BROKEN_BODY_WAIT)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<BodyError>> {
        ready!(self.due.as_mut().poll(cx));
        Poll::Ready(self.error.take())
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.failing.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Err(error)) => self.failing = Some(Failing::begin(error)),
                frame => return Poll::Ready(frame),
            }
        }
        match &mut self.failing {
            Some(failing) => failing.poll(cx).map(|error| error.map(Err)),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failing.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
