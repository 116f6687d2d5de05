//! A connection whose bytes are read along, so that the service knows what the HTTP library does not tell.
//!
//! In: a stream. Out: the same stream, which fails where a head is too large or too slow and where a body's framing breaks; a
//! [`Watch`] that says of each request whether it may be served. It must not change bytes or judge them: `framing` does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::framing::{Framing, HeadBounds, Midst, Seen};
use super::line::Spoken;
use super::parting::{Parting, Stream};
use super::refusal::Refusal;
use super::terms::Terms;
use crate::http::activity::Activity;
use crate::http::passing::writes_pass;

/// The stream.
pub struct Guarded<I: Stream> {
    stream: Parting<I>,
    framing: Framing,
    watch: Arc<Shared>,
    terms: Arc<Terms>,
    activity: Activity,
    head: HeadDeadline,
    client: Client,
    broken: Option<Refusal>,
}

/// Whether more can come from the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Speaking,
    Gone,
}

/// What the stream has seen.
pub struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Heads that have ended; [`u64::MAX`] where nobody counts.
    heads: AtomicU64,
    /// Requests that the library has handed on.
    requests: AtomicU64,
    /// Whether the client is in the midst of a request.
    amid: AtomicBool,
    /// The first request that must not be served, counted from one.
    refused: OnceLock<(u64, Refusal)>,
}

/// Reads along with whoever reads `stream`, on which all that happens is in `activity`.
pub fn guard<I: Stream>(stream: Parting<I>, terms: &Arc<Terms>, activity: &Activity) -> (Guarded<I>, Watch) {
    let shared = Arc::new(Shared::default());
    let watch = Watch(Arc::clone(&shared));
    let framing = Framing::begin(HeadBounds { head: terms.bounds.request_head, uri: terms.bounds.uri });
    let (terms, activity) = (Arc::clone(terms), activity.clone());
    let head = HeadDeadline { bound: terms.bounds.request_head_wait, timer: None };
    (Guarded { stream, framing, watch: shared, terms, activity, head, client: Client::Speaking, broken: None }, watch)
}

impl Watch {
    /// To be called once for each request, in their order. Out: its number, counted from one.
    ///
    /// # Errors
    /// Why this one must not be served: what is wrong with it, or [`Refusal::Boundary`] if its head is not where the bytes
    /// have one.
    pub fn next(&self) -> Result<u64, Refusal> {
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed) + 1;
        match self.0.refused.get() {
            Some((refused, refusal)) if number == *refused => Err(*refusal),
            Some((refused, _)) if number > *refused => Err(Refusal::Boundary),
            _ if number > self.0.heads.load(Ordering::Acquire) => Err(Refusal::Boundary),
            _ => Ok(number),
        }
    }

    /// Requests that the library has handed on.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// What the client has spoken, if all of it has been handed on, so that the library has nothing more to read. `None` where that
    /// is not so, and in HTTP/2.
    pub fn spoken(&self) -> Option<Spoken> {
        let (heads, requests) = (self.0.heads.load(Ordering::Acquire), self.requests());
        let done = heads == requests && !self.0.amid.load(Ordering::Relaxed) && self.0.refused.get().is_none();
        done.then_some(if requests == 0 { Spoken::Nothing } else { Spoken::Http1 })
    }
}

/// When a head that has begun must have ended.
struct HeadDeadline {
    bound: Duration,
    /// Of the head that is being read.
    timer: Option<Pin<Box<Sleep>>>,
}

impl HeadDeadline {
    /// Ready when the head takes too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = Instant::now() + self.bound;
        self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due))).as_mut().poll(cx)
    }
}

impl<I: Stream> Guarded<I> {
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
        let midst = self.framing.midst();
        self.watch.amid.store(midst != Midst::Between, Ordering::Relaxed);
        if midst != Midst::Head {
            self.head.timer = None;
        }
        match read {
            Ok(()) => bytes.len(),
            Err(broken) => {
                self.break_off(broken.refusal);
                broken.good
            }
        }
    }

    /// No more is read. Where it is certain that no other answer is under way, the client is told why.
    fn break_off(&mut self, refusal: Refusal) {
        self.terms.count_refusal(refusal);
        self.broken = Some(refusal);
        let is_of_a_head = matches!(refusal, Refusal::HeadTooLarge | Refusal::UriTooLong | Refusal::HeadTooSlow);
        let all_handed_on = self.watch.requests.load(Ordering::Relaxed) == self.watch.heads.load(Ordering::Relaxed);
        if is_of_a_head && all_handed_on && self.activity.idle_since().is_some() {
            self.stream.refuse(refusal);
        }
    }

    /// Waits for the rest of a head, but not for ever. While a response is under way nobody waits for the next head.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        if self.framing.midst() != Midst::Head || self.activity.idle_since().is_none() {
            return Poll::Pending;
        }
        if self.head.timer.is_none() {
            self.activity.touch();
        }
        ready!(self.head.poll(cx));
        Poll::Ready(Refusal::HeadTooSlow)
    }
}

impl<I: Stream> Drop for Guarded<I> {
    fn drop(&mut self) {
        if self.client == Client::Speaking && self.framing.midst() != Midst::Between {
            self.stream.linger();
        }
    }
}

impl<I: Stream> AsyncRead for Guarded<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.broken.is_none() {
            match Pin::new(&mut self.stream).poll_read(cx, buffer) {
                Poll::Ready(read) => {
                    if read.is_err() || buffer.filled().len() == before {
                        self.client = Client::Gone;
                    }
                    read?;
                    let good = self.look(&buffer.filled()[before..]);
                    buffer.set_filled(before + good);
                }
                Poll::Pending => {
                    let refusal = ready!(self.poll_head(cx));
                    self.break_off(refusal);
                }
            }
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

writes_pass!(Guarded<I: Stream>);
