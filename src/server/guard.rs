//! A connection whose bytes are read along, so that the service knows what the HTTP library does not tell.
//!
//! In: a stream. Out: the same stream, which fails where a body's framing breaks; a [`Watch`] that says of each request
//! whether it may be served. It must not change bytes or judge them: `framing` does.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Framing, Seen};
use super::refusal::Refusal;

/// The stream.
pub struct Guarded<I> {
    stream: I,
    framing: Framing,
    watch: Arc<Shared>,
    broken: Option<Refusal>,
}

/// What the stream has seen.
pub struct Watch {
    shared: Arc<Shared>,
    /// Requests that the library has handed on.
    requests: AtomicU64,
}

#[derive(Default)]
struct Shared {
    /// Heads that have ended; [`u64::MAX`] where nobody counts.
    heads: AtomicU64,
    /// The first request that must not be served, counted from one.
    refused: OnceLock<(u64, Refusal)>,
}

/// Reads along with whoever reads `stream`.
pub fn guard<I>(stream: I) -> (Guarded<I>, Watch) {
    let shared = Arc::new(Shared::default());
    let watch = Watch { shared: Arc::clone(&shared), requests: AtomicU64::new(0) };
    (Guarded { stream, framing: Framing::begin(), watch: shared, broken: None }, watch)
}

impl Watch {
    /// To be called once for each request, in their order.
    ///
    /// # Errors
    /// Why this one must not be served: what is wrong with it, or [`Refusal::Boundary`] if its head is not where the bytes
    /// have one.
    pub fn next(&self) -> Result<(), Refusal> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        match self.shared.refused.get() {
            Some((refused, refusal)) if number == *refused => Err(*refusal),
            Some((refused, _)) if number > *refused => Err(Refusal::Boundary),
            _ if number > self.shared.heads.load(Ordering::Acquire) => Err(Refusal::Boundary),
            _ => Ok(()),
        }
    }
}

impl<I> Guarded<I> {
    /// Reads along; tells how many of `bytes` may be handed on.
    fn look(&mut self, bytes: &[u8]) -> usize {
        let read = self.framing.read(bytes);
        match self.framing.seen() {
            Seen::Heads(heads) => self.watch.heads.store(heads, Ordering::Release),
            Seen::Http2 => self.watch.heads.store(u64::MAX, Ordering::Release),
            Seen::Refused(number, refusal) => {
                // Only the first is told: nothing is read after it.
                let _ = self.watch.refused.set((number, refusal));
                self.watch.heads.store(number, Ordering::Release);
            }
        }
        match read {
            Ok(()) => bytes.len(),
            Err(broken) => {
                tracing::info!(reason = %broken.refusal, "a request's body was refused");
                self.broken = Some(broken.refusal);
                broken.good
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guarded<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.broken.is_none() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let good = self.look(&buffer.filled()[before..]);
            buffer.set_filled(before + good);
        }
        match self.broken {
            // What is good goes first; an empty read would be the end.
            Some(refusal) if buffer.filled().len() == before => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)))
            }
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Guarded<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
