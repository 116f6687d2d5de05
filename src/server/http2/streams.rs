//! The streams of HTTP/2 connections, each held to a pace of its own: on one connection a client can take this response and
//! leave that one, with windows that are its own to open (RFC 9113 section 5.2.2).
//!
//! In: streams as the library makes them, bodies on their way out. Out: the same bodies in pieces; the end of a stream whose
//! client does not take what is ready. It must not know what is sent.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, Sleep};

use crate::http::bounds::MinimumRate;
use crate::limits;
use crate::server::refusal::Refusal;
use crate::server::terms::Terms;

tokio::task_local! {
    /// Of the stream that is being served: the library hands on requests and polls bodies within the stream's own task.
    static TAKING: Arc<Taking>;
}

/// Runs each stream, until it has ended or its client takes too little of it.
#[derive(Clone, Debug)]
pub struct Streams {
    terms: Arc<Terms>,
}

impl Streams {
    pub fn new(terms: &Arc<Terms>) -> Self {
        Self { terms: Arc::clone(terms) }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
{
    fn execute(&self, stream: F) {
        let taking = Arc::new(Taking { rate: self.terms.bounds.response_rate, due: Mutex::new(None) });
        let terms = Arc::clone(&self.terms);
        tokio::spawn(TAKING.scope(Arc::clone(&taking), async move {
            if run(stream, taking).await == Ended::TooSlow {
                terms.count_refusal(Refusal::ResponseTooSlow);
            }
        }));
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByItself,
    TooSlow,
}

/// Runs a stream. To drop it is to reset it.
async fn run(stream: impl Future, taking: Arc<Taking>) -> Ended {
    let mut stream = pin!(stream);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::ByItself);
        }
        let Some(due) = taking.due() else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        ready!(timer.as_mut().poll(cx));
        tracing::debug!("a stream was reset: its client takes too little of the response");
        Poll::Ready(Ended::TooSlow)
    })
    .await
}

/// How one stream's client takes the response.
#[derive(Debug)]
struct Taking {
    rate: MinimumRate,
    /// When the piece that was handed over last must have left; `None` while the next one is waited for.
    due: Mutex<Option<Instant>>,
}

impl Taking {
    fn due(&self) -> Option<Instant> {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, due: Option<Instant>) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = due;
    }

    /// The library has asked for more: what it had before has left.
    fn asked(&self) {
        self.set(None);
    }

    /// It has so many bytes more, which may take as long as the slowest client needs for them, and a window more.
    fn given(&self, bytes: usize) {
        let took = (bytes as u64).saturating_mul(1_000).checked_div(self.rate.bytes_per_second);
        self.set(took.map(|millis| Instant::now() + self.rate.window + Duration::from_millis(millis)));
    }
}

/// A response's body as its stream takes it: in pieces, so that no more than one of them is held for a client that opens its
/// window by a byte.
pub struct Pieces<B> {
    body: B,
    /// What is left of a frame.
    rest: Bytes,
    /// `None` where no stream of HTTP/2 takes it.
    taking: Option<Arc<Taking>>,
}

impl<B> Pieces<B> {
    /// To be called in the task of the stream. In that of an HTTP/1.1 connection the body stays as it is.
    pub fn new(body: B) -> Self {
        let taking = TAKING.try_with(Arc::clone).ok();
        if let Some(taking) = &taking {
            // The head waits for no window, the first byte may.
            taking.given(0);
        }
        Self { body, rest: Bytes::new(), taking }
    }
}

impl<B> HttpBody for Pieces<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(taking) = self.taking.clone() else { return Pin::new(&mut self.body).poll_frame(cx) };
        taking.asked();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(other)) => return Poll::Ready(Some(Ok(other))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(limits::STREAM_PIECE_BYTES);
        taking.given(length);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::http::Body;

    const RATE: MinimumRate = MinimumRate { bytes_per_second: 10, window: Duration::from_secs(10) };

    fn taking() -> Arc<Taking> {
        Arc::new(Taking { rate: RATE, due: Mutex::new(None) })
    }

    /// A stream that takes a piece each so many seconds.
    async fn taken(seconds: u64) -> Option<Bytes> {
        let (taking, (told, heard)) = (taking(), tokio::sync::oneshot::channel());
        let stream = async move {
            let mut body = Pieces::new(Body::full("x".repeat(2 * limits::STREAM_PIECE_BYTES + 1)));
            let mut whole = Vec::new();
            while let Some(frame) = body.frame().await {
                whole.extend_from_slice(&frame.unwrap().into_data().unwrap());
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            let _ = told.send(whole.into());
        };
        TAKING.scope(Arc::clone(&taking), run(stream, taking)).await;
        heard.await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_slowly_goes_out_and_what_is_left_does_not() {
        assert_eq!(taken(9).await.unwrap().len(), 2 * limits::STREAM_PIECE_BYTES + 1);
        let started = Instant::now();
        assert_eq!(taken(u64::from(u32::MAX)).await, None);
        let most = RATE.window.as_secs() + limits::STREAM_PIECE_BYTES as u64 / RATE.bytes_per_second;
        assert_eq!(started.elapsed().as_secs(), most);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_slow_itself_is_waited_for() {
        let (taking, started) = (taking(), Instant::now());
        let stream = async {
            let late = futures_util::stream::once(async {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Ok(Bytes::from_static(b"late"))
            });
            Pieces::new(Body::stream(late)).collect().await.unwrap().to_bytes()
        };
        TAKING.scope(Arc::clone(&taking), run(stream, taking)).await;
        assert_eq!(started.elapsed(), Duration::from_secs(3600));
    }

    #[tokio::test]
    async fn elsewhere_a_body_stays_as_it_is() {
        let mut body = Pieces::new(Body::full("x".repeat(2 * limits::STREAM_PIECE_BYTES)));
        assert_eq!(body.size_hint().exact(), Some(2 * limits::STREAM_PIECE_BYTES as u64));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 2 * limits::STREAM_PIECE_BYTES);
        assert!(body.is_end_stream());
    }
}
