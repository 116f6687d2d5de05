//! Whether bytes move as fast as they must, while somebody waits for them.
//!
//! In: that bytes moved, that they did not. Out: the moment when it is too slow; a stream that breaks then because its client
//! takes too little, which is counted. Only time spent waiting counts: a slow origin is not the client's fault. It must not read
//! what moves.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::refusal::Refusal;
use super::terms::Terms;
use crate::http::bounds::MinimumRate;

/// One direction of one exchange or connection.
#[derive(Debug)]
pub struct Pace {
    rate: MinimumRate,
    /// Bytes moved, and time waited, since the last window that was good.
    moved: u64,
    waited: Duration,
    /// Since when somebody waits.
    since: Option<Instant>,
    /// Made at the first wait, because most bodies never wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Nothing has moved, and nobody waits.
    pub fn begin(rate: MinimumRate) -> Self {
        Self { rate, moved: 0, waited: Duration::ZERO, since: None, timer: None }
    }

    /// Bytes moved: the wait is over.
    pub fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
        self.moved = self.moved.saturating_add(bytes as u64);
        if self.moved >= self.rate.quota() {
            (self.moved, self.waited) = (0, Duration::ZERO);
        }
    }

    /// All that there was has moved.
    pub fn rest(&mut self) {
        (self.since, self.moved, self.waited) = (None, 0, Duration::ZERO);
    }

    /// Nothing moved. Ready as soon as that has lasted too long; wakes the task then.
    pub fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.rate.bytes_per_second == 0 {
            return Poll::Pending;
        }
        let now = Instant::now();
        let due = *self.since.get_or_insert(now) + self.rate.window.saturating_sub(self.waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

/// A stream whose client must take what it is sent.
pub struct Paced<I> {
    stream: I,
    pace: Pace,
    terms: Arc<Terms>,
    client: Client,
}

/// Whether a client is still waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Waited,
    TooSlow,
}

impl<I> Paced<I> {
    pub fn new(stream: I, terms: &Arc<Terms>) -> Self {
        Self { stream, pace: Pace::begin(terms.bounds.response_rate), terms: Arc::clone(terms), client: Client::Waited }
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.pace.moved(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return self.slow(cx).map(Err),
        }
        written
    }

    fn slow(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        ready!(self.pace.poll_too_slow(cx));
        // The library may ask again while it ends the connection.
        if self.client == Client::Waited {
            self.client = Client::TooSlow;
            self.terms.count_refusal(Refusal::ResponseTooSlow);
        }
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, Refusal::ResponseTooSlow))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Paced<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Paced<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// TLS takes bytes and keeps them: that they do not leave shows here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.slow(cx).map(Err),
            flushed => {
                self.pace.rest();
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.slow(cx).map(Err),
            shut => shut,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const RATE: MinimumRate = MinimumRate { bytes_per_second: 10, window: Duration::from_secs(10) };

    async fn wait(pace: &mut Pace, seconds: u64) -> bool {
        let slow = poll_fn(|cx| pace.poll_too_slow(cx));
        tokio::time::timeout(Duration::from_secs(seconds), slow).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_dribble_is_too_slow_and_a_slow_stream_is_not() {
        let mut pace = Pace::begin(RATE);
        // Twelve bytes a second.
        for _ in 0..20 {
            assert!(!wait(&mut pace, 9).await);
            pace.moved(108);
        }
        // One byte a second.
        let started = Instant::now();
        while !wait(&mut pace, 1).await {
            pace.moved(1);
        }
        assert_eq!(started.elapsed(), RATE.window);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_does_not_count() {
        let mut pace = Pace::begin(RATE);
        for _ in 0..5 {
            assert!(!wait(&mut pace, 1).await);
            pace.moved(1);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert!(wait(&mut pace, 6).await);
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_lets_anything_be() {
        let mut pace = Pace::begin(MinimumRate { bytes_per_second: 0, ..RATE });
        assert!(!wait(&mut pace, 3600).await);
    }
}
