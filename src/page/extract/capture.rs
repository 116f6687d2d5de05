//! The bytes inside an element, as they go by.
//!
//! In: where the element begins and ends, and the page's bytes. Out: what stood between, up to a bound. It must not hold more.

use std::ops::Range;

use crate::page::source::Source;

/// What is being captured, and for what.
#[derive(Debug)]
pub(super) struct Capture<T> {
    /// Offset of the element's start tag.
    pub element: u64,
    /// Offset of the first byte that was not taken yet.
    at: u64,
    most: usize,
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub is_cut: bool,
    pub target: T,
}

impl<T> Capture<T> {
    /// Captures what comes behind a start tag, at most so many bytes.
    pub fn behind(tag: &Range<u64>, most: usize, target: T) -> Self {
        Self { element: tag.start, at: tag.end, most, bytes: Vec::new(), is_cut: false, target }
    }

    /// Takes the bytes before `to`, which must be in the window still.
    pub fn take_until(&mut self, to: u64, source: &Source) {
        if to <= self.at {
            return;
        }
        let room = (self.most - self.bytes.len()) as u64;
        let end = to.min(self.at + room);
        self.is_cut |= end < to;
        if self.at < end {
            self.bytes.extend_from_slice(&source.slice(self.at..end));
        }
        self.at = to;
    }
}
