//! A connection's stream: lent to the HTTP library while there is something to do, taken back while the client is silent, because
//! what the library holds (buffers for both directions, room for an exchange) is most of what an idle connection costs.
//!
//! In: a stream, the library's settings, a service. Out: the connection's end, and the moment when a resting client speaks. It must
//! not decide when to rest: whoever does knows that no request and no response is under way.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::parting::Stream;
use super::protocol::{Conversation, Failure, Protocol, Serves};

/// A connection, with the library or without.
pub struct Line<'a, I: Stream, S: Serves> {
    protocol: &'a Protocol,
    service: S,
    loan: Arc<Loan<I>>,
    state: State<'a, I, S>,
}

enum State<'a, I: Stream, S: Serves> {
    /// The library has the stream.
    Busy(Conversation<'a, TokioIo<Lent<I>>, S>),
    /// Nobody reads but for the first byte of the next request.
    Resting(I, Spoken),
    /// It has left HTTP.
    Gone,
}

/// What is known of a resting client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// It has not sent anything: what it will speak is open.
    Nothing,
    /// Requests of HTTP/1.1, and it will go on with these.
    Http1,
}

/// What came of going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The connection is over.
    Ended,
    /// A resting client has spoken, or left, and the library has the stream again.
    Woken,
}

/// What the library's side and ours share.
struct Loan<I> {
    /// The stream, once the library has dropped it.
    home: Mutex<Option<I>>,
    /// Whether the library has bytes that the client has not taken.
    unsent: AtomicBool,
}

/// The stream as the library has it. Dropped, it goes home.
pub struct Lent<I> {
    /// Taken when it is dropped.
    stream: Option<I>,
    /// What a resting client said first.
    first: Option<u8>,
    loan: Arc<Loan<I>>,
}

impl<'a, I: Stream, S: Serves> Line<'a, I, S> {
    /// A connection that has just begun.
    pub fn new(stream: I, protocol: &'a Protocol, service: S) -> Self {
        let loan = Arc::new(Loan { home: Mutex::new(None), unsent: AtomicBool::new(false) });
        let lent = Lent { stream: Some(stream), first: None, loan: Arc::clone(&loan) };
        let state = State::Busy(protocol.begin(TokioIo::new(lent), service));
        Self { protocol, service, loan, state }
    }

    /// Goes on. May be given up and called again.
    ///
    /// # Errors
    /// What the library, or the stream at rest, could not go on after.
    pub async fn run(&mut self) -> Result<Turn, Failure> {
        match &mut self.state {
            State::Busy(conversation) => poll_fn(|cx| conversation.poll_end(cx)).await.map(|()| Turn::Ended),
            State::Resting(stream, _) => {
                let first = first_byte(stream).await?;
                self.wake(first);
                Ok(Turn::Woken)
            }
            State::Gone => Ok(Turn::Ended),
        }
    }

    /// Takes the stream back, if all that was written has left. To be called only where every request that has begun was answered,
    /// and every answer is done. Out: whether it rests.
    pub fn rest(&mut self, spoken: Spoken) -> bool {
        if matches!(self.state, State::Busy(_)) && !self.loan.unsent.load(Ordering::Relaxed) {
            // With the library's side the stream is dropped, and so at home.
            self.state = State::Gone;
            if let Some(stream) = self.loan.take() {
                self.state = State::Resting(stream, spoken);
            }
        }
        !matches!(self.state, State::Busy(_))
    }

    /// Ends it as its protocol does: what is under way goes on.
    pub fn close(&mut self) {
        self.wake(None);
        if let State::Busy(conversation) = &mut self.state {
            conversation.close();
        }
    }

    /// Gives the stream to the library, if it rests.
    fn wake(&mut self, first: Option<u8>) {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Resting(stream, spoken) => {
                let lent = TokioIo::new(Lent { stream: Some(stream), first, loan: Arc::clone(&self.loan) });
                State::Busy(match spoken {
                    Spoken::Nothing => self.protocol.begin(lent, self.service),
                    Spoken::Http1 => self.protocol.go_on(lent, self.service),
                })
            }
            other => other,
        };
    }
}

/// The next byte that comes; `None` at the end. Nothing is lost if it is given up.
async fn first_byte(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<u8>> {
    let mut byte = [0];
    poll_fn(|cx| {
        let mut buffer = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().first().copied()))
    })
    .await
}

impl<I> Loan<I> {
    fn take(&self) -> Option<I> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<I: Unpin> Lent<I> {
    fn stream(&mut self) -> Pin<&mut I> {
        Pin::new(self.stream.as_mut().expect("invariant: taken only by drop"))
    }

    /// Notes whether something that should leave did not.
    fn note<T>(&self, done: Poll<T>) -> Poll<T> {
        self.loan.unsent.store(done.is_pending(), Ordering::Relaxed);
        done
    }
}

impl<I> Drop for Lent<I> {
    fn drop(&mut self) {
        *self.loan.home.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Lent<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(first) = self.first.take() else { return self.stream().poll_read(cx, buffer) };
        buffer.put_slice(&[first]);
        // The rest of the head is most likely here. That it is not, or that the stream broke, shows at the next read.
        let _ = self.stream().poll_read(cx, buffer);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Lent<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream().poll_flush(cx);
        self.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
