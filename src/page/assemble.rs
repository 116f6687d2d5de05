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

use super::Fills;
use super::broken::Broken;
use super::charset::Charset;
use super::compile::Compiler;
use super::extract::Extracted;
use super::follow::Follower;
use super::markers::Markers;

/// One page on its way through.
pub struct Assembler<F> {
    compiler: Compiler,
    follower: Follower<F>,
    broken: Option<Broken>,
    ended: bool,
}

impl<F: Fills> Assembler<F> {
    /// An assembler for one page. `charset` must have been settled before ([`Charset::settle`]); the bytes looked at for
    /// that are then written like all others.
    pub fn new(markers: Arc<Markers>, charset: Charset, fills: F) -> Self {
        Self {
            compiler: Compiler::new(Arc::clone(&markers), charset, None),
            follower: Follower::new(markers, charset, None, fills),
            broken: Broken::of_charset(charset),
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
        self.follower.end();
    }

    /// Bytes that were read ahead of what left. Above [`limits::PAGE_AHEAD_BYTES`](crate::limits::PAGE_AHEAD_BYTES) no
    /// input should be written, unless [`Self::wants_input`].
    pub fn queued(&self) -> usize {
        self.follower.queued()
    }

    /// Whether nothing comes out any more before more is written, or the end said.
    pub fn wants_input(&self) -> bool {
        self.follower.wants_input()
    }

    /// Whether the page is complete: the end was said, and everything has come out.
    pub fn is_done(&self) -> bool {
        self.follower.is_done()
    }

    /// The next bytes of the page that leaves. `Pending`: the slot that is due waits for its fill, which will wake the
    /// task. `Ready(None)`: nothing more until more is written; or at all, if [`Self::is_done`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.follower.poll_next(cx)
    }

    /// What was read from the page; `None` before its end, if nothing was looked for, or reading it broke off.
    pub fn extracted(&self) -> Option<&Arc<Extracted>> {
        self.compiler.extracted()
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
        self.follower.fills()
    }

    /// Whoever filled the slots. What has not come out is lost.
    pub fn into_fills(self) -> F {
        self.follower.into_fills()
    }

    fn take_over(&mut self, read: Result<(), RewritingError>) {
        self.follower.take(self.compiler.take_made());
        if let Err(error) = read {
            self.broken = Some(error.into());
        }
    }
}
