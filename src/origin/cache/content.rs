//! The bytes of one response, while they arrive and afterwards, for any number of readers.
//!
//! In: pieces as the origin sends them. Out: bodies that begin at once, each at its reader's pace. What is to be kept is all
//! held, so nobody waits for anybody. What turned out too big to keep runs through a window behind and ahead of its readers;
//! when the fastest has to wait for others is told to whoever brings the bytes, who may leave those behind. One who was left
//! behind is cut off, so that its client can tell. It must not ask the origin itself, nor know what time it is.

mod arriving;
mod reader;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

use super::allowance::Share;
use crate::http::{Body, BodyError};
use arriving::{Arriving, End, Keeping};
use reader::Reader;

pub use arriving::Room;

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
    /// Of a response whose body is yet to come, and will take its bytes from `share`.
    pub fn arriving(announced: Option<u64>, share: Share) -> Arc<Self> {
        Arc::new(Self { whole: OnceLock::new(), arriving: Mutex::new(Arriving::new(share)), announced })
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
            None => self.lock().held(),
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
        let id = arriving.join(position);
        drop(arriving);
        Some(Body::wrap(Reader::new(Arc::clone(self), id, position, until)))
    }

    /// Whether there is room for so many bytes more of what is to be kept; they are taken then.
    pub fn reserve(&self, bytes: usize) -> bool {
        self.lock().share.as_mut().is_some_and(|share| share.grow(bytes as u64))
    }

    /// A piece came.
    pub fn push(&self, bytes: Bytes) {
        let mut arriving = self.lock();
        arriving.append(bytes);
        arriving.wake_readers();
    }

    /// From now on only a window is held.
    pub fn keep_no_longer(&self) {
        self.lock().keep_no_longer();
    }

    /// Ready when another piece may come, or the fastest reader waits for others; `None` when nobody reads any more.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<Room>> {
        self.lock().poll_room(cx)
    }

    /// Those who keep the fastest reader waiting get no more.
    pub fn leave_behind(&self) {
        self.lock().leave_behind();
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
