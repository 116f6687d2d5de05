//! The state of a body that is arriving: what is held of it, and who reads where.
//!
//! In: pieces, and readers as they go on. Out: bytes by their place, and whether there is room for more. It must not wait.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::CutShort;
use crate::limits::{CACHE_TINY_BYTES, CACHE_WINDOW_BYTES};
use crate::origin::cache::allowance::Share;

#[derive(Debug)]
pub struct Arriving {
    /// Neighbours without gaps, each with its place.
    pub pieces: VecDeque<(u64, Bytes)>,
    pub received: u64,
    pub keeping: Keeping,
    pub end: Option<End>,
    pub readers: Vec<Reading>,
    last_reader: u64,
    /// What is held counts in it until no more than a window is.
    pub share: Option<Share>,
    /// Of whoever brings the bytes, while there is no room for more.
    bringer: Option<Waker>,
}

/// What becomes of bytes that have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    #[default]
    All,
    Window,
}

#[derive(Debug)]
pub enum End {
    /// Of a body that ran through the window.
    Complete(Option<HeaderMap>),
    Broken,
}

#[derive(Debug)]
pub struct Reading {
    pub id: u64,
    pub position: u64,
    pub waker: Option<Waker>,
}

/// For whom another piece may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    ForAll,
    /// It has taken all there is, and somebody else is a window behind.
    ForTheFastest,
}

impl Arriving {
    /// Nothing came yet.
    pub fn new(share: Share) -> Self {
        Self {
            pieces: VecDeque::new(),
            received: 0,
            keeping: Keeping::All,
            end: None,
            readers: Vec::new(),
            last_reader: 0,
            share: Some(share),
            bringer: None,
        }
    }

    /// Bytes that are held.
    pub fn held(&self) -> u64 {
        self.received - self.first()
    }

    /// The place of the first byte that is held.
    fn first(&self) -> u64 {
        self.pieces.front().map_or(self.received, |(start, _)| *start)
    }

    /// Another reader, by the id that it gets.
    pub fn join(&mut self, position: u64) -> u64 {
        self.last_reader += 1;
        self.readers.push(Reading { id: self.last_reader, position, waker: None });
        self.last_reader
    }

    /// A reader has gone.
    pub fn leave(&mut self, id: u64) {
        self.readers.retain(|reading| reading.id != id);
        self.forget();
        self.wake_bringer();
    }

    /// The places of those who are slowest and fastest, but for those who were left behind.
    fn ends(&self) -> Option<(u64, u64)> {
        let first = self.first();
        let positions = self.readers.iter().map(|reading| reading.position.min(self.received));
        let read_on = positions.filter(|position| *position >= first);
        read_on.fold(None, |ends, at| {
            Some(ends.map_or((at, at), |(slowest, fastest): (u64, u64)| (slowest.min(at), fastest.max(at))))
        })
    }

    /// See [`super::Content::poll_room`].
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Option<Room>> {
        if self.keeping == Keeping::All {
            return Poll::Ready(Some(Room::ForAll));
        }
        let Some((slowest, fastest)) = self.ends() else { return Poll::Ready(None) };
        if self.received - slowest < CACHE_WINDOW_BYTES {
            return Poll::Ready(Some(Room::ForAll));
        }
        self.bringer = Some(cx.waker().clone());
        if fastest == self.received { Poll::Ready(Some(Room::ForTheFastest)) } else { Poll::Pending }
    }

    pub fn wake_readers(&mut self) {
        self.readers.iter_mut().filter_map(|reading| reading.waker.take()).for_each(Waker::wake);
    }

    fn wake_bringer(&mut self) {
        self.bringer.take().into_iter().for_each(Waker::wake);
    }

    /// From now on what all have read is let go.
    pub fn keep_no_longer(&mut self) {
        self.keeping = Keeping::Window;
        self.forget();
    }

    /// Lets go of what all who read on have read.
    fn forget(&mut self) {
        if self.keeping == Keeping::Window {
            let slowest = self.ends().map_or(self.received, |(slowest, _)| slowest);
            self.let_go(slowest);
        }
    }

    /// Lets go of what lies a window behind the fastest reader.
    pub fn leave_behind(&mut self) {
        let fastest = self.ends().map_or(self.received, |(_, fastest)| fastest);
        // Less than the window in which `poll_room` calls a reader slow, so that whoever was waited for is not any more.
        self.let_go((fastest + 1).saturating_sub(CACHE_WINDOW_BYTES));
    }

    fn let_go(&mut self, until: u64) {
        while self.pieces.front().is_some_and(|(start, bytes)| start + bytes.len() as u64 <= until) {
            self.pieces.pop_front();
        }
        if self.held() <= CACHE_WINDOW_BYTES {
            self.share = None;
        }
    }

    /// Appends a piece; tiny ones are joined, because each costs its place in the list and may hold on to a far larger buffer.
    pub fn append(&mut self, bytes: Bytes) {
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

    /// A reader went on to `position`.
    pub fn advance(&mut self, id: u64, position: u64) {
        if let Some(reading) = self.readers.iter_mut().find(|reading| reading.id == id) {
            reading.position = position;
        }
        self.forget();
        self.wake_bringer();
    }

    /// The bytes at `position`, as far as they lie in one piece.
    pub fn at(&self, position: u64) -> Result<Option<Bytes>, CutShort> {
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
