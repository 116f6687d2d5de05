//! Bytes that come bit by bit, for any number of readers, each at its own pace.
//!
//! In: pieces, from whoever has them, and their end. Out: the same pieces for every reader, from the first to the last. All of it is
//! held while anybody may read it, so whoever writes bounds how much that is. It must not know what the bytes are.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes on their way. Cheap to clone; all clones are the same bytes.
#[derive(Clone)]
pub struct Flow {
    shared: Arc<Shared>,
    /// When its readers wait no longer.
    until: Option<Instant>,
}

/// The end at which bytes come in. Dropped before [`Inflow::end`], the flow has broken off.
#[derive(Debug)]
pub struct Inflow(Arc<Shared>);

/// One reader of a flow.
#[derive(Debug)]
pub struct FlowReader {
    flow: Flow,
    /// The piece to read next.
    at: usize,
    wait: Option<Pin<Box<Sleep>>>,
}

/// Why a flow ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutOff {
    #[error("it broke off")]
    Broken,
    #[error("it was not whole in time")]
    Late,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pieces: Vec<Bytes>,
    end: Option<End>,
    readers: Vec<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever reads.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let readers = {
            let mut state = self.lock();
            change(&mut state);
            std::mem::take(&mut state.readers)
        };
        readers.into_iter().for_each(Waker::wake);
    }
}

impl Flow {
    /// A flow that has not begun, and where it comes in.
    pub fn new() -> (Inflow, Self) {
        let shared = Arc::<Shared>::default();
        (Inflow(shared.clone()), Self { shared, until: None })
    }

    /// A flow that is here, whole.
    pub fn whole_of(bytes: Bytes) -> Self {
        let (inflow, flow) = Self::new();
        inflow.push(bytes);
        inflow.end();
        flow
    }

    /// The same flow, whose readers are told [`CutOff::Late`] where they would have to wait past `deadline`.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self { until: Some(deadline), ..self }
    }

    /// All of it, if all of it is here.
    pub fn whole(&self) -> Option<Vec<Bytes>> {
        let state = self.shared.lock();
        (state.end == Some(End::Whole)).then(|| state.pieces.clone())
    }

    /// A reader that stands at its beginning.
    pub fn reader(&self) -> FlowReader {
        FlowReader { flow: self.clone(), at: 0, wait: None }
    }
}

impl Inflow {
    /// The flow goes on.
    pub fn push(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.0.change(|state| state.pieces.push(bytes));
        }
    }

    /// The flow is whole.
    pub fn end(self) {
        self.0.change(|state| state.end = Some(End::Whole));
    }
}

impl Drop for Inflow {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.end.get_or_insert(End::Broken);
        });
    }
}

impl FlowReader {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`CutOff`], in the place of all that may still come.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        {
            let mut state = self.flow.shared.lock();
            if let Some(piece) = state.pieces.get(self.at) {
                self.at += 1;
                return Poll::Ready(Some(Ok(piece.clone())));
            }
            match state.end {
                Some(End::Whole) => return Poll::Ready(None),
                Some(End::Broken) => return Poll::Ready(Some(Err(CutOff::Broken))),
                None if !state.readers.iter().any(|waker| waker.will_wake(cx.waker())) => {
                    state.readers.push(cx.waker().clone());
                }
                None => {}
            }
        }
        let Some(until) = self.flow.until else { return Poll::Pending };
        ready!(self.wait.get_or_insert_with(|| Box::pin(sleep_until(until))).as_mut().poll(cx));
        Poll::Ready(Some(Err(CutOff::Late)))
    }
}

impl PartialEq for Flow {
    /// Whether both are the same bytes, for as long.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared) && self.until == other.until
    }
}

impl Eq for Flow {}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Flow").field("pieces", &state.pieces.len()).field("end", &state.end).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    async fn read(mut reader: FlowReader) -> (String, Option<CutOff>) {
        let mut text = String::new();
        loop {
            match poll_fn(|cx| reader.poll_next(cx)).await {
                Some(Ok(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Some(Err(cut)) => return (text, Some(cut)),
                None => return (text, None),
            }
        }
    }

    #[tokio::test]
    async fn all_readers_get_all_of_it_whenever_they_begin() {
        let (inflow, flow) = Flow::new();
        let early = tokio::spawn(read(flow.reader()));
        tokio::task::yield_now().await;
        inflow.push("ab".into());
        let middle = tokio::spawn(read(flow.reader()));
        tokio::task::yield_now().await;
        inflow.push("c".into());
        assert_eq!(flow.whole(), None);
        inflow.end();
        assert_eq!(flow.whole().unwrap().concat(), b"abc");
        for reading in [early, middle, tokio::spawn(read(flow.reader()))] {
            assert_eq!(reading.await.unwrap(), ("abc".to_owned(), None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flow_breaks_off_with_its_writer_and_is_late_past_its_deadline() {
        let (inflow, flow) = Flow::new();
        inflow.push("a".into());
        let deadline = Instant::now() + Duration::from_millis(300);
        assert_eq!(read(flow.clone().until(deadline).reader()).await, ("a".to_owned(), Some(CutOff::Late)));
        assert!(Instant::now() >= deadline);
        drop(inflow);
        assert_eq!(read(flow.until(deadline).reader()).await, ("a".to_owned(), Some(CutOff::Broken)));
    }
}
