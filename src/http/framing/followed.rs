//! A connection to a server over HTTP/1.1 whose responses are read along, so that none whose framing breaks looks whole.
//!
//! In: a stream. Out: the same stream, which fails where a chunked body's framing breaks. It must not change bytes or judge
//! them: [`Answers`] does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answers::{Answers, Wanted};
use super::chunks::Malformed;
use crate::http::passing::writes_pass;

/// The stream.
pub struct Followed<S> {
    stream: S,
    answers: Answers,
    asked: Asked,
    broken: Option<Malformed>,
}

/// What the request on a connection asks for. Clones are of the same connection.
#[derive(Clone, Default)]
pub struct Asked(Arc<AtomicBool>);

impl Asked {
    /// To be called before a request is sent.
    pub fn wants(&self, wanted: Wanted) {
        self.0.store(wanted == Wanted::Head, Ordering::Release);
    }

    fn wanted(&self) -> Wanted {
        if self.0.load(Ordering::Acquire) { Wanted::Head } else { Wanted::Response }
    }
}

impl<S> Followed<S> {
    /// Reads along from the connection's first byte. Out too: what has to be told of each request.
    pub fn new(stream: S) -> (Self, Asked) {
        let asked = Asked::default();
        (Self { stream, answers: Answers::begin(), asked: asked.clone(), broken: None }, asked)
    }

    /// Reads along; tells how many of `bytes` may be handed on.
    fn look(&mut self, bytes: &[u8]) -> usize {
        match self.answers.read(bytes, self.asked.wanted()) {
            Ok(()) => bytes.len(),
            Err(broken) => {
                self.broken = Some(broken.malformed);
                broken.good
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Followed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.broken.is_none() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let good = self.look(&buffer.filled()[before..]);
            buffer.set_filled(before + good);
        }
        match self.broken {
            // What is good goes first; an empty read would be the end.
            Some(malformed) if buffer.filled().len() == before => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, malformed)))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

writes_pass!(Followed<S: AsyncWrite>);
