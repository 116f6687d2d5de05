//! A page while it is compiled to be kept: all who ask for it meanwhile stream from this.
//!
//! In: the page's bytes, chunk by chunk. Out: a [`Batch`] for each chunk, which any number of [`Follower`](super::Follower)s
//! may walk, and at the end a [`CompiledPage`], or the reason why there is none. It must not know who follows.
//!
//! The exchange is to keep the batches of a page in the making in a list that grows, and to wake whoever waits at its end.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::broken::Broken;
use super::charset::Charset;
use super::compile::Compiler;
use super::compiled::CompiledPage;
use super::extract::Extracted;
use super::markers::Markers;
use super::nonce::Nonce;
use super::piece::{Piece, Pieces};
use crate::limits;

/// What one chunk of a page was compiled to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch(Arc<Pieces>);

/// A compiler that remembers what it made.
pub struct Compiling {
    compiler: Compiler,
    markers: Arc<Markers>,
    charset: Charset,
    nonce: Option<Nonce>,
    batches: Vec<Batch>,
    /// Bytes written so far.
    length: usize,
    broken: Option<Broken>,
}

/// Why a page that went through can't be kept compiled.
#[derive(Debug, Error)]
pub enum NotKept {
    #[error("the rest of it was passed on as it is")]
    Broken(#[source] Broken),
    #[error("it has more than {} bytes", limits::COMPILED_PAGE_BYTES)]
    TooLarge,
    /// It would be handed to every visitor.
    #[error("it carries its nonce outside of `nonce` attributes")]
    NonceElsewhere,
}

impl Compiling {
    /// A compiler for one page. `nonce`: the one that the page's own policy names; whoever follows must be given another.
    pub fn new(markers: Arc<Markers>, charset: Charset, nonce: Option<Nonce>) -> Self {
        Self {
            compiler: Compiler::new(Arc::clone(&markers), charset, nonce.clone()),
            markers,
            charset,
            nonce,
            batches: Vec::new(),
            length: 0,
            broken: Broken::of_charset(charset),
        }
    }

    /// Reads on in the page, at once and without waiting.
    pub fn write(&mut self, bytes: Bytes) -> Batch {
        self.length += bytes.len();
        if let Err(error) = self.compiler.write(bytes) {
            self.broken = Some(error.into());
        }
        self.batch()
    }

    /// The page is over. The last batch, and the page as it can be kept.
    ///
    /// # Errors
    /// [`NotKept`]; the batches are good all the same.
    pub fn end(mut self) -> (Batch, Result<CompiledPage, NotKept>) {
        self.compiler.end();
        let last = self.batch();
        (last, self.into_kept())
    }

    /// Why rewriting broke off, if it did. The page is whole even so.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Whether the page had more matches than slots are allowed; the later ones stayed as the origin made them.
    pub fn is_full(&self) -> bool {
        self.compiler.is_full()
    }

    fn batch(&mut self) -> Batch {
        let batch = Batch(Arc::new(self.compiler.take_made()));
        match self.may_be_kept() {
            true => self.batches.push(batch.clone()),
            false => self.batches = Vec::new(),
        }
        batch
    }

    fn may_be_kept(&self) -> bool {
        self.length <= limits::COMPILED_PAGE_BYTES && self.broken.is_none()
    }

    fn into_kept(self) -> Result<CompiledPage, NotKept> {
        if let Some(broken) = self.broken {
            return Err(NotKept::Broken(broken));
        }
        if self.length > limits::COMPILED_PAGE_BYTES {
            return Err(NotKept::TooLarge);
        }
        let extracted = self.compiler.extracted().cloned();
        let pieces = || self.batches.iter().flat_map(|batch| &batch.0.pieces);
        if let Some(nonce) = &self.nonce
            && leaks(nonce, pieces(), self.length)
        {
            return Err(NotKept::NonceElsewhere);
        }
        let found = self.batches.iter().flat_map(|batch| batch.0.found.iter().cloned()).collect();
        Ok(CompiledPage::new(self.markers, self.charset, self.nonce.clone(), found, pieces(), self.length)
            .telling(extracted))
    }
}

impl Batch {
    /// The page's bytes that are in it, as the origin made them.
    pub fn bytes(&self) -> impl Iterator<Item = &Bytes> {
        self.0.pieces.iter().filter_map(Piece::origin)
    }

    /// With the last batch: what was read from the page; `None` if nothing was looked for, or reading it broke off.
    pub fn extracted(&self) -> Option<&Arc<Extracted>> {
        self.0.extracted.as_ref()
    }

    /// How many bytes of the page are in it.
    pub fn len(&self) -> usize {
        self.bytes().map(Bytes::len).sum()
    }

    /// Whether it brings no byte: what the scanner has not understood yet comes with a later one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn pieces(&self) -> &Pieces {
        &self.0
    }
}

/// Whether the nonce stands anywhere but in the pieces that are made of it.
fn leaks<'p>(nonce: &Nonce, pieces: impl Iterator<Item = &'p Piece>, length: usize) -> bool {
    let mut rest = Vec::with_capacity(length);
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => rest.extend_from_slice(bytes),
            Piece::Value(value) => rest.extend_from_slice(&value.original),
            // A byte that no nonce has: what stands on both sides of a place does not belong together.
            Piece::Nonce(_) => rest.push(b' '),
            Piece::Insert(_) | Piece::Open(_) | Piece::Close(..) | Piece::Nowhere(..) => {}
        }
    }
    nonce.stands_in(&rest)
}
