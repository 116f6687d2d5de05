//! The end of a connection whose client may still be sending (RFC 9112 section 9.6).
//!
//! In: a stream, and at its end perhaps a last word. Out: the same stream; when it is dropped while the client sends, the
//! client is listened to for a bounded while, because to close at once would take from it what it was sent last. It must not
//! decide when that is so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;

use super::crowd::Place;
use super::refusal::Refusal;
use crate::limits;

/// A stream, with its place among the connections, which it gives back when it has ended.
pub struct Parting<I: Stream> {
    /// Taken when it is dropped.
    held: Option<(I, Place)>,
    end: End,
}

/// What can be listened to after the end.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for I {}

/// How the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nobody speaks any more.
    Closed,
    /// The client may be sending.
    Lingering,
    /// The same, and it has not been told why it is not served.
    Refused(Refusal),
}

impl<I: Stream> Parting<I> {
    pub fn new(stream: I, place: Place) -> Self {
        Self { held: Some((stream, place)), end: End::Closed }
    }

    /// The client may be sending when this is dropped.
    pub fn linger(&mut self) {
        if self.end == End::Closed {
            self.end = End::Lingering;
        }
    }

    /// The client is to be told so when this is dropped: as an answer of HTTP/1.1, so that nothing else may have been begun.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.end = End::Refused(refusal);
    }

    fn stream(&mut self) -> Pin<&mut I> {
        Pin::new(&mut self.held.as_mut().expect("invariant: taken only by drop").0)
    }
}

impl<I: Stream> Drop for Parting<I> {
    fn drop(&mut self) {
        let (Some((stream, place)), Ok(runtime)) = (self.held.take(), Handle::try_current()) else { return };
        let words = match self.end {
            End::Closed => return,
            End::Lingering => String::new(),
            End::Refused(refusal) => refusal.words(),
        };
        // Nobody waits for it, and it is bounded. The client's place is kept until then.
        runtime.spawn(async move {
            let _ = tokio::time::timeout(limits::LINGER_WAIT, part(stream, &words)).await;
            drop(place);
        });
    }
}

/// Says the last words and listens until the client has closed too.
async fn part<I: Stream>(mut stream: I, words: &str) -> io::Result<()> {
    stream.write_all(words.as_bytes()).await?;
    stream.shutdown().await?;
    let (mut buffer, mut left) = ([0; 4096], limits::LINGER_BYTES);
    while left > 0 {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

impl<I: Stream> AsyncRead for Parting<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl<I: Stream> AsyncWrite for Parting<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.held.as_ref().is_some_and(|(stream, _)| stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
