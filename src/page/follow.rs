//! One response's way through a page that is compiled elsewhere.
//!
//! In: what a compiler makes, batch by batch, and whoever fills the slots. Out: the bytes of the page that leaves. Many may
//! follow one compiler, each at its own pace and with its own fills. It must not know where the page comes from.
//!
//! It is driven as an [`Assembler`](super::Assembler) is: [`Follower::poll_next`] says whether a fill or more of the page
//! is needed.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::Fills;
use super::charset::Charset;
use super::compiling::Batch;
use super::markers::Markers;
use super::nonce::Nonce;
use super::piece::Pieces;
use super::slots::PageSlots;
use super::walk::{Standstill, Walk};

/// The walk of one response.
pub struct Follower<F> {
    walk: Walk,
    fills: F,
    ended: bool,
}

impl<F: Fills> Follower<F> {
    /// A follower of a page that is being compiled with these markers in this charset. `nonce`: what stands in the place of
    /// the page's own, in this response and in its policy; `None` leaves it.
    pub fn new(markers: Arc<Markers>, charset: Charset, nonce: Option<Nonce>, fills: F) -> Self {
        Self::with(PageSlots::new(markers, charset), nonce, fills)
    }

    pub(super) fn with(slots: PageSlots, nonce: Option<Nonce>, fills: F) -> Self {
        Self { walk: Walk::new(slots, nonce), fills, ended: false }
    }

    /// The page goes on. Every slot in it is opened before this returns.
    pub fn follow(&mut self, batch: &Batch) {
        self.take(batch.pieces().clone());
    }

    /// The page is over. What is left of it can now come out.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Bytes that were read ahead of what left. Above [`limits::PAGE_AHEAD_BYTES`](crate::limits::PAGE_AHEAD_BYTES) no
    /// more should be followed, unless [`Self::wants_input`].
    pub fn queued(&self) -> usize {
        self.walk.ahead()
    }

    /// Whether nothing comes out any more before more is followed, or the end said.
    pub fn wants_input(&self) -> bool {
        !self.ended && self.walk.wants_pieces()
    }

    /// Whether the page is complete: the end was said, and everything has come out.
    pub fn is_done(&self) -> bool {
        self.ended && self.walk.is_empty()
    }

    /// The next bytes of the page that leaves. `Pending`: the slot that is due waits for its fill, which will wake the
    /// task. `Ready(None)`: nothing more until more is followed; or at all, if [`Self::is_done`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let standstill = self.walk.go(cx, &mut self.fills);
        match (self.walk.take_ready(), standstill) {
            (Some(bytes), _) => Poll::Ready(Some(bytes)),
            (None, Standstill::Fill) => Poll::Pending,
            (None, Standstill::Input | Standstill::Enough) => Poll::Ready(None),
        }
    }

    /// Whoever fills the slots.
    pub fn fills(&self) -> &F {
        &self.fills
    }

    /// Whoever filled the slots. What has not come out is lost.
    pub fn into_fills(self) -> F {
        self.fills
    }

    /// Opens the slots, and queues the pieces.
    pub(super) fn take(&mut self, made: Pieces) {
        for found in &made.found {
            let filling = self.fills.open(&found.slot);
            self.walk.expect(found, filling);
        }
        self.push(made.pieces);
    }

    /// Queues pieces whose slots are opened.
    pub(super) fn push(&mut self, pieces: impl IntoIterator<Item = super::piece::Piece>) {
        pieces.into_iter().for_each(|piece| self.walk.push(piece));
    }
}
