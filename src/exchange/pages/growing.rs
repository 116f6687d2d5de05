//! A page while it is compiled: all who wait for it read it from here, each at their own pace.
//!
//! In: batches, from whoever compiles. Out: the same batches for every seat, from the first to the last. While the page may be
//! kept all of it is held, so nobody waits for anybody. What turned out too large to keep runs through a window behind the fastest
//! seat; one who falls behind that is cut off, so that its client can tell. It must not compile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::HeaderMap;

use crate::http::BodyError;
use crate::limits::COMPILED_PAGE_BYTES;
use crate::page::{Batch, Charset, Markers};

/// A page in the making.
#[derive(Debug)]
pub struct Growing {
    pub markers: Arc<Markers>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Known before the first batch.
    charset: Option<Charset>,
    batches: VecDeque<Batch>,
    /// The number of the first batch that is held.
    first: usize,
    /// Bytes that are held.
    held: usize,
    keeping: Keeping,
    end: Option<End>,
    sitting: Vec<Sitting>,
    last_seat: u64,
    /// Of whoever compiles, while it waits for the fastest.
    maker: Option<Waker>,
}

/// What becomes of batches that have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keeping {
    #[default]
    All,
    Window,
}

#[derive(Clone, Debug)]
enum End {
    Whole(Option<HeaderMap>),
    Broken,
}

#[derive(Debug)]
struct Sitting {
    id: u64,
    /// The number of its next batch.
    next: usize,
    waker: Option<Waker>,
}

/// What comes next at a seat.
#[derive(Debug)]
pub enum Next {
    /// First of all: the charset in which the page is.
    Charset(Charset),
    Batch(Batch),
    /// Last of all: the origin's trailers.
    End(Option<HeaderMap>),
}

/// Why a seat does not get the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutOff {
    #[error("the origin broke off, or the page could not be read on")]
    Broken,
    #[error("the reader fell behind a page that is too large to keep")]
    Behind,
}

impl From<CutOff> for BodyError {
    fn from(cut: CutOff) -> Self {
        Self::Source(Box::new(cut))
    }
}

impl Growing {
    /// A page that has not begun.
    pub fn new(markers: Arc<Markers>) -> Arc<Self> {
        Arc::new(Self { markers, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat at the beginning; `None` if that is no longer held, or the page broke off.
    pub fn seat(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.lock();
        if state.first > 0 || matches!(state.end, Some(End::Broken)) {
            return None;
        }
        state.last_seat += 1;
        let id = state.last_seat;
        state.sitting.push(Sitting { id, next: 0, waker: None });
        Some(Seat { growing: Arc::clone(self), id, begun: Begun::NotYet })
    }

    /// The charset is settled.
    pub fn begin(&self, charset: Charset) {
        let mut state = self.lock();
        state.charset = Some(charset);
        state.wake();
    }

    /// More of the page.
    pub fn push(&self, batch: Batch) {
        let mut state = self.lock();
        state.held += batch.len();
        state.batches.push_back(batch);
        state.forget();
        state.wake();
    }

    /// From now on only a window is held.
    pub fn keep_no_longer(&self) {
        let mut state = self.lock();
        state.keeping = Keeping::Window;
        state.forget();
    }

    /// Ready when there is room for more: always, while all is held; later when the fastest has read all. `None`: nobody reads.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let mut state = self.lock();
        if state.keeping == Keeping::All {
            return Poll::Ready(Some(()));
        }
        let Some(fastest) = state.fastest() else { return Poll::Ready(None) };
        if fastest >= state.first + state.batches.len() {
            return Poll::Ready(Some(()));
        }
        state.maker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// How many read it.
    pub fn seats(&self) -> usize {
        self.lock().sitting.len()
    }

    /// All of it is here.
    pub fn complete(&self, trailers: Option<HeaderMap>) {
        self.end_with(End::Whole(trailers));
    }

    /// It breaks off here, unless it is complete.
    pub fn break_off(&self) {
        self.end_with(End::Broken);
    }

    fn end_with(&self, end: End) {
        let mut state = self.lock();
        state.end.get_or_insert(end);
        state.wake();
    }
}

impl State {
    fn wake(&mut self) {
        self.sitting.iter_mut().filter_map(|sitting| sitting.waker.take()).for_each(Waker::wake);
    }

    fn fastest(&self) -> Option<usize> {
        self.sitting.iter().map(|sitting| sitting.next).max()
    }

    /// Lets go of what everybody has read, and of what lies too far behind the fastest.
    fn forget(&mut self) {
        if self.keeping == Keeping::All {
            return;
        }
        let slowest = self.sitting.iter().map(|sitting| sitting.next).min().unwrap_or(usize::MAX);
        while self.first < slowest || self.held > COMPILED_PAGE_BYTES {
            let Some(batch) = self.batches.pop_front() else { return };
            self.held -= batch.len();
            self.first += 1;
        }
    }
}

/// One reader's place. Dropping it gives it up.
#[derive(Debug)]
pub struct Seat {
    growing: Arc<Growing>,
    id: u64,
    begun: Begun,
}

/// Whether a seat has been told the charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    NotYet,
    Yes,
}

impl Seat {
    /// What is looked for in the page.
    pub fn markers(&self) -> Arc<Markers> {
        self.growing.markers.clone()
    }

    /// What comes next.
    ///
    /// # Errors
    /// [`CutOff`]: nothing comes any more.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, CutOff>> {
        let mut guard = self.growing.lock();
        let state = &mut *guard;
        if let (Begun::NotYet, Some(charset)) = (self.begun, state.charset) {
            self.begun = Begun::Yes;
            return Poll::Ready(Ok(Next::Charset(charset)));
        }
        let Some(own) = state.sitting.iter_mut().find(|sitting| sitting.id == self.id) else {
            return Poll::Ready(Err(CutOff::Broken));
        };
        let Some(at) = own.next.checked_sub(state.first) else { return Poll::Ready(Err(CutOff::Behind)) };
        if let Some(batch) = state.batches.get(at).cloned() {
            own.next += 1;
            state.forget();
            state.maker.take().into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(Next::Batch(batch)));
        }
        match &state.end {
            Some(End::Whole(trailers)) => Poll::Ready(Ok(Next::End(trailers.clone()))),
            Some(End::Broken) => Poll::Ready(Err(CutOff::Broken)),
            None => {
                own.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.growing.lock();
        state.sitting.retain(|sitting| sitting.id != self.id);
        state.forget();
        state.maker.take().into_iter().for_each(Waker::wake);
    }
}
