//! The assembler: what an async body drives. The compiler and the walk joined, with whoever fills the slots.
//!
//! In: the decoded bytes of a page, chunk by chunk. Out: the bytes of the page that leaves. It waits for nothing itself:
//! [`Assembler::poll_next`] says whether a fill or more input is needed. It must not know where either comes from.
//!
//! ```text
//! loop:  poll_next → Ready(Some(bytes))   send them
//!                  → Pending              a fill is due; meanwhile input may be written while `queued` is below
//!                                         `limits::PAGE_AHEAD_BYTES`
//!                  → Ready(None)          `is_done`: the page is complete; else write more input, whatever `queued` says
//!                                         (a slot may hold bytes until its end tag has come), or `end`
//! ```

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lol_html::errors::RewritingError;
use thiserror::Error;

use super::Fills;
use super::charset::Charset;
use super::compile::Compiler;
use super::markers::Markers;
use super::walk::{Standstill, Walk};

/// One page on its way through.
pub struct Assembler<F> {
    compiler: Compiler,
    walk: Walk,
    fills: F,
    broken: Option<Broken>,
    ended: bool,
}

/// Why a page, or the rest of it, went through as it was.
#[derive(Debug, Error)]
pub enum Broken {
    #[error("the page is in {0}, which can't be rewritten")]
    Charset(&'static str),
    #[error("the page needs more memory to be understood than it may take")]
    Memory(#[source] RewritingError),
    #[error("the page could not be understood")]
    Markup(#[source] RewritingError),
}

impl<F: Fills> Assembler<F> {
    /// An assembler for one page. `charset` must have been settled before ([`Charset::settle`]); the bytes looked at for
    /// that are then written like all others.
    pub fn new(markers: Arc<Markers>, charset: Charset, fills: F) -> Self {
        let broken = match charset {
            Charset::Foreign(_) => Some(Broken::Charset(charset.name())),
            Charset::Known(_) | Charset::Unknown => None,
        };
        Self {
            compiler: Compiler::new(Arc::clone(&markers), charset),
            walk: Walk::new(markers, charset),
            fills,
            broken,
            ended: false,
        }
    }

    /// Reads on in the page, at once and without waiting; every slot found is opened before this returns. No more may
    /// be written after [`Self::end`].
    pub fn write(&mut self, bytes: Bytes) {
        debug_assert!(!self.ended, "written after the end");
        let written = self.compiler.write(bytes);
        self.take_over(written);
    }

    /// The page is over. What is left of it can now come out.
    pub fn end(&mut self) {
        self.ended = true;
        self.compiler.end();
        self.take_over(Ok(()));
    }

    /// Bytes that were read ahead of what left. Above [`limits::PAGE_AHEAD_BYTES`](crate::limits::PAGE_AHEAD_BYTES) no
    /// input should be written, unless [`Self::wants_input`].
    pub fn queued(&self) -> usize {
        self.walk.ahead()
    }

    /// Whether nothing comes out any more before more is written, or the end said.
    pub fn wants_input(&self) -> bool {
        !self.ended && self.walk.wants_pieces()
    }

    /// Whether the page is complete: the end was said, and everything has come out.
    pub fn is_done(&self) -> bool {
        self.ended && self.walk.is_empty()
    }

    /// The next bytes of the page that leaves. `Pending`: the slot that is due waits for its fill, which will wake the
    /// task. `Ready(None)`: nothing more until more is written; or at all, if [`Self::is_done`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let standstill = self.walk.go(cx, &mut self.fills);
        match (self.walk.take_ready(), standstill) {
            (Some(bytes), _) => Poll::Ready(Some(bytes)),
            (None, Standstill::Fill) => Poll::Pending,
            (None, Standstill::Input | Standstill::Enough) => Poll::Ready(None),
        }
    }

    /// Why rewriting broke off, if it did. The page is whole even so; slots opened by then are settled.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Whether the page had more matches than slots are allowed; the later ones stayed as the origin made them.
    pub fn is_full(&self) -> bool {
        self.compiler.is_full()
    }

    /// Whoever fills the slots.
    pub fn fills(&self) -> &F {
        &self.fills
    }

    /// Whoever filled the slots. What has not come out is lost.
    pub fn into_fills(self) -> F {
        self.fills
    }

    fn take_over(&mut self, read: Result<(), RewritingError>) {
        let made = self.compiler.take_made();
        for found in &made.found {
            let filling = self.fills.open(&found.slot);
            self.walk.expect(found, filling);
        }
        for piece in made.pieces {
            self.walk.push(piece);
        }
        if let Err(error) = read {
            self.broken = Some(match error {
                RewritingError::MemoryLimitExceeded(_) => Broken::Memory(error),
                error => Broken::Markup(error),
            });
        }
    }
}
