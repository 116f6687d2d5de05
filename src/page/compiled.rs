//! A page compiled once, kept, and served to anyone: its bytes, with the slots of every rule of its path between them.
//!
//! In: what [`Compiling`](super::Compiling) made. Out: what [`serve`](super::serve) walks; no HTML is parsed again. It is
//! neutral: nothing in it comes from a visitor, so it may be shared; what is assembled from it must not be kept.
//!
//! The exchange is to keep it in an `Arc`, under the key of the origin's response, its version and the revision of the
//! path's selectors, weighed by [`CompiledPage::weight`]; and to call [`CompiledPage::serve`] when the head is due.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Slot;
use super::attribute::{Number, Value};
use super::charset::Charset;
use super::extract::Extracted;
use super::markers::Markers;
use super::nonce::Nonce;
use super::piece::{Closing, Found, Piece};
use super::stitch::Forms;
use crate::limits;

/// A whole page, compiled. `Send + Sync`.
#[derive(Debug)]
pub struct CompiledPage {
    pub(super) markers: Arc<Markers>,
    pub(super) charset: Charset,
    /// The page's own.
    nonce: Option<Nonce>,
    /// The page as the origin made it, in one.
    pub(super) whole: Bytes,
    /// Slices of `whole`, with the slots between them; no two neighbours are bytes.
    pub(super) pieces: Vec<Piece>,
    /// By number.
    pub(super) found: Vec<Found>,
    /// By number: where a slot that spans bytes ends.
    spans: Vec<Option<Spanned>>,
    /// What was read from it.
    extracted: Option<Arc<Extracted>>,
    /// Made as they are asked for.
    pub(super) forms: Arc<Forms>,
}

/// Where a spanning slot ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spanned {
    /// Index of the piece behind its `Close`.
    pub behind: usize,
    /// Offset in the page.
    pub end: usize,
    /// Whether its bytes can't be exchanged: it ends without its own end tag, or is too long.
    pub stays: bool,
}

impl CompiledPage {
    /// `pieces` and `found` are those of the whole page, which has `length` bytes.
    pub(super) fn new<'p>(
        markers: Arc<Markers>,
        charset: Charset,
        nonce: Option<Nonce>,
        found: Vec<Found>,
        pieces: impl Iterator<Item = &'p Piece> + Clone,
        length: usize,
    ) -> Self {
        let mut whole = BytesMut::with_capacity(length);
        pieces.clone().filter_map(Piece::origin).for_each(|bytes| whole.extend_from_slice(bytes));
        let whole = whole.freeze();
        let pieces = joined(&whole, pieces);
        let spans = spans(&pieces, found.len());
        let mut page = Self {
            markers,
            charset,
            nonce,
            whole,
            pieces,
            found,
            spans,
            extracted: None,
            forms: Arc::new(Forms::new(0, 0)),
        };
        page.forms = Arc::new(Forms::new(page.whole.len(), page.beside()));
        page
    }

    /// The nonce that the page was sent with: the one to exchange in its policy. `None`: it carried none.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// The same, with what was read from it.
    pub(super) fn telling(mut self, extracted: Option<Arc<Extracted>>) -> Self {
        self.extracted = extracted;
        self.forms = Arc::new(Forms::new(self.whole.len(), self.beside()));
        self
    }

    /// What was read from it; `None` if nothing was looked for.
    pub fn extracted(&self) -> Option<&Arc<Extracted>> {
        self.extracted.as_ref()
    }

    /// The page's slots, by number.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.found.iter().map(|found| &found.slot)
    }

    /// The page as the origin made it.
    pub fn whole(&self) -> &Bytes {
        &self.whole
    }

    /// Bytes that it takes in memory, with the compressed forms made so far, for the cache that keeps it. It grows when a page
    /// is [prepared](super::Assembled::prepare): put it into the cache again then, so that it is weighed again.
    pub fn weight(&self) -> usize {
        self.whole.len() + self.beside() + self.forms.weight()
    }

    /// Bytes that it takes beside the page and its forms.
    fn beside(&self) -> usize {
        let list = self.pieces.len() * size_of::<Piece>() + self.found.len() * size_of::<Found>();
        let spans = self.spans.len() * size_of::<Option<Spanned>>();
        let values = self.pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count() * size_of::<Value>();
        let elements: usize = self.slots().map(elements_weight).sum();
        let extracted = self.extracted.as_ref().map_or(0, |extracted| extracted.weight());
        size_of::<Self>() + list + spans + values + elements + extracted
    }

    pub(super) fn span(&self, number: Number) -> Option<Spanned> {
        self.spans[number]
    }
}

/// The same pieces as slices of `whole`; bytes that are neighbours become one.
fn joined<'p>(whole: &Bytes, pieces: impl Iterator<Item = &'p Piece>) -> Vec<Piece> {
    let mut made = Vec::new();
    let (mut start, mut at) = (0, 0);
    for piece in pieces {
        let length = piece.origin().map_or(0, Bytes::len);
        if let Piece::Bytes(_) = piece {
            at += length;
            continue;
        }
        if start < at {
            made.push(Piece::Bytes(whole.slice(start..at)));
        }
        made.push(match piece {
            Piece::Nonce(_) => Piece::Nonce(whole.slice(at..at + length)),
            Piece::Value(value) => {
                let original = whole.slice(at..at + length);
                Piece::Value(Box::new(Value { original, ..(**value).clone() }))
            }
            other => other.clone(),
        });
        at += length;
        start = at;
    }
    if start < at {
        made.push(Piece::Bytes(whole.slice(start..at)));
    }
    made.shrink_to_fit();
    made
}

fn spans(pieces: &[Piece], slots: usize) -> Vec<Option<Spanned>> {
    let mut spans = vec![None; slots];
    let mut opened = vec![0; slots];
    let mut at = 0;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Open(number) => opened[*number] = at,
            Piece::Close(number, closing) => {
                let stays = *closing == Closing::Implied || at - opened[*number] > limits::SLOT_HELD_BYTES;
                spans[*number] = Some(Spanned { behind: index + 1, end: at, stays });
            }
            other => at += other.origin().map_or(0, Bytes::len),
        }
    }
    spans
}

/// What a slot remembers of its elements; one that several slots share is counted for each.
fn elements_weight(slot: &Slot) -> usize {
    let elements = slot.element.iter().chain(&slot.each);
    let texts = elements.flat_map(|element| {
        let attributes = element.attributes.iter().flat_map(|(name, value)| [name.len(), value.len(), 48]);
        attributes.chain([element.tag.len(), 64])
    });
    texts.sum()
}
