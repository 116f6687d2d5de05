//! The bytes of one response, while they arrive and afterwards, for any number of readers.
//!
//! In: pieces as the origin sends them. Out: bodies that begin at once, each at its reader's pace. What is to be kept is all
//! held, so nobody waits for anybody. What turned out too big to keep runs through a window that follows the fastest reader:
//! the origin waits for that one, and one who falls behind the window is cut off, so that its client can tell. It must not
//! ask the origin itself.

mod reader;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::http::{Body, BodyError};
use crate::limits::{CACHE_TINY_BYTES, CACHE_WINDOW_BYTES};
use reader::Reader;

/// Bytes that are here or arriving.
#[derive(Debug)]
pub struct Content {
    /// Set once all is here: from then on nobody needs the lock.
    whole: OnceLock<Whole>,
    arriving: Mutex<Arriving>,
    /// Bytes that the head announced.
    announced: Option<u64>,
}

/// A body that is all here.
#[derive(Debug)]
struct Whole {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

#[derive(Debug, Default)]
struct Arriving {
    /// Neighbours without gaps, each with its place.
    pieces: VecDeque<(u64, Bytes)>,
    received: u64,
    keeping: Keeping,
    end: Option<End>,
    readers: Vec<Reading>,
    last_reader: u64,
    /// Of whoever brings the bytes, while there is no room for more.
    bringer: Option<Waker>,
}

/// What becomes of bytes that have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keeping {
    #[default]
    All,
    Window,
}

#[derive(Debug)]
enum End {
    /// Of a body that ran through the window.
    Complete(Option<HeaderMap>),
    Broken,
}

#[derive(Debug)]
struct Reading {
    id: u64,
    position: u64,
    waker: Option<Waker>,
}

/// Why a reader does not get the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutShort {
    #[error("the origin broke off")]
    Origin,
    #[error("the reader fell behind a body that is too large to keep")]
    Behind,
}

impl From<CutShort> for BodyError {
    fn from(cut: CutShort) -> Self {
        Self::Source(Box::new(cut))
    }
}

impl Content {
    /// Of a response whose body is yet to come.
    pub fn arriving(announced: Option<u64>) -> Arc<Self> {
        Arc::new(Self { whole: OnceLock::new(), arriving: Mutex::default(), announced })
    }

    fn lock(&self) -> MutexGuard<'_, Arriving> {
        // Nothing that runs under the lock can panic half-way.
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes there will be, as far as that is known.
    pub fn length(&self) -> Option<u64> {
        self.whole.get().map_or(self.announced, |whole| Some(whole.bytes.len() as u64))
    }

    /// Whether all of it is here.
    pub fn is_whole(&self) -> bool {
        self.whole.get().is_some()
    }

    /// Bytes that are held.
    pub fn held(&self) -> u64 {
        match self.whole.get() {
            Some(whole) => whole.bytes.len() as u64,
            None => self.lock().pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        }
    }

    /// How many read what is arriving.
    pub fn readers(&self) -> usize {
        self.lock().readers.len()
    }

    /// A body of all, or of a part; `None` if it broke off, or its beginning is no longer held.
    pub fn read(self: &Arc<Self>, part: Option<Range<u64>>) -> Option<Body> {
        if let Some(Whole { bytes, trailers: None }) = self.whole.get() {
            return Some(Body::full(match part {
                Some(part) => slice(bytes, part.start, part.end),
                None => bytes.clone(),
            }));
        }
        let (position, until) = part.map_or((0, None), |part| (part.start, Some(part.end)));
        let mut arriving = self.lock();
        // Completed while the lock was waited for, or with trailers: then all of it is there.
        let gone = matches!(arriving.end, Some(End::Broken)) || arriving.at(0).is_err();
        if gone && self.whole.get().is_none() {
            return None;
        }
        arriving.last_reader += 1;
        let id = arriving.last_reader;
        arriving.readers.push(Reading { id, position, waker: None });
        drop(arriving);
        Some(Body::wrap(Reader::new(Arc::clone(self), id, position, until)))
    }

    /// A piece came.
    pub fn push(&self, bytes: Bytes) {
        let mut arriving = self.lock();
        arriving.append(bytes);
        arriving.wake_readers();
    }

    /// From now on only a window is held.
    pub fn keep_no_longer(&self) {
        let mut arriving = self.lock();
        arriving.keeping = Keeping::Window;
        arriving.forget();
    }

    /// Ready when there is room for another piece; `None` when nobody reads any more.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let mut arriving = self.lock();
        if arriving.keeping == Keeping::All {
            return Poll::Ready(Some(()));
        }
        let Some(fastest) = arriving.readers.iter().map(|reading| reading.position).max() else {
            return Poll::Ready(None);
        };
        if arriving.received.saturating_sub(fastest) < CACHE_WINDOW_BYTES {
            return Poll::Ready(Some(()));
        }
        arriving.bringer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// All of it came.
    pub fn complete(&self, trailers: Option<HeaderMap>) {
        let mut arriving = self.lock();
        match arriving.keeping {
            Keeping::All => {
                let pieces = std::mem::take(&mut arriving.pieces);
                let bytes = joined(pieces, arriving.received);
                // Only whoever brings the bytes gets here, once.
                let _ = self.whole.set(Whole { bytes, trailers });
            }
            Keeping::Window => arriving.end = Some(End::Complete(trailers)),
        }
        arriving.wake_readers();
    }

    /// It broke off.
    pub fn break_off(&self) {
        let mut arriving = self.lock();
        arriving.end = Some(End::Broken);
        arriving.wake_readers();
    }
}

impl Arriving {
    /// Appends a piece; tiny ones are joined, because each costs its place in the list and may hold on to a far larger buffer.
    fn append(&mut self, bytes: Bytes) {
        let length = bytes.len() as u64;
        let tiny = |bytes: &Bytes| bytes.len() < CACHE_TINY_BYTES;
        match self.pieces.back_mut() {
            Some((_, last)) if tiny(last) && tiny(&bytes) => {
                let mut both = BytesMut::with_capacity(last.len() + bytes.len());
                both.extend_from_slice(last);
                both.extend_from_slice(&bytes);
                *last = both.freeze();
            }
            _ => self.pieces.push_back((self.received, bytes)),
        }
        self.received += length;
    }

    fn wake_readers(&mut self) {
        self.readers.iter_mut().filter_map(|reading| reading.waker.take()).for_each(Waker::wake);
    }

    /// Lets go of what lies behind the window.
    fn forget(&mut self) {
        if self.keeping == Keeping::All {
            return;
        }
        let fastest = self.readers.iter().map(|reading| reading.position).max().unwrap_or(self.received);
        let slowest = self.readers.iter().map(|reading| reading.position).min().unwrap_or(self.received);
        let from = slowest.max(fastest.saturating_sub(CACHE_WINDOW_BYTES));
        while self.pieces.front().is_some_and(|(start, bytes)| start + bytes.len() as u64 <= from) {
            self.pieces.pop_front();
        }
    }

    /// A reader went on to `position`.
    fn advance(&mut self, id: u64, position: u64) {
        if let Some(reading) = self.readers.iter_mut().find(|reading| reading.id == id) {
            reading.position = position;
        }
        self.forget();
        self.bringer.take().into_iter().for_each(Waker::wake);
    }

    /// The bytes at `position`, as far as they lie in one piece.
    fn at(&self, position: u64) -> Result<Option<Bytes>, CutShort> {
        if position >= self.received {
            return Ok(None);
        }
        let behind = self.pieces.partition_point(|(start, _)| *start <= position);
        let Some((start, bytes)) = behind.checked_sub(1).and_then(|at| self.pieces.get(at)) else {
            return Err(CutShort::Behind);
        };
        let offset = usize::try_from(position - start).unwrap_or(usize::MAX).min(bytes.len());
        Ok(Some(bytes.slice(offset..)).filter(|bytes| !bytes.is_empty()))
    }
}

/// All pieces as one, of exactly their length: slices of larger buffers would hold those.
fn joined(pieces: VecDeque<(u64, Bytes)>, length: u64) -> Bytes {
    let mut joined = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    pieces.into_iter().for_each(|(_, bytes)| joined.extend_from_slice(&bytes));
    joined.into()
}

fn slice(bytes: &Bytes, from: u64, to: u64) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(place(from).min(place(to))..place(to))
}

#[cfg(test)]
mod tests;
