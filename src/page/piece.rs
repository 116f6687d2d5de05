//! Pieces: a page as a list of bytes with slots between them.
//!
//! The list is neutral. It says where slots are, not what goes into them, so it can be kept and walked again for
//! another visitor without parsing the page. It must not know who asks.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::Slot;
use super::attribute::{Number, Value};
use super::escape::Holder;
use super::extract::Extracted;

/// One piece. The bytes of all pieces, in order, are the page as the origin made it.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// The origin's bytes, in no slot or in those opened before and not yet closed.
    Bytes(Bytes),
    /// A slot of its own: something may be laid in here.
    Insert(Number),
    /// The origin's bytes from here to the slot's `Close` may be exchanged.
    Open(Number),
    Close(Number, Closing),
    /// The value of an attribute, which may be exchanged.
    Value(Box<Value>),
    /// The page's own nonce in a `nonce` attribute, as it is written there. Found only where a page is compiled to be kept.
    Nonce(Bytes),
    /// A slot whose place does not exist.
    Nowhere(Number, Absence),
}

impl Piece {
    /// The origin's bytes in this piece.
    pub fn origin(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) | Self::Nonce(bytes) => Some(bytes),
            Self::Value(value) => Some(&value.original),
            Self::Insert(_) | Self::Open(_) | Self::Close(..) | Self::Nowhere(..) => None,
        }
    }

    /// The slots that stand at this piece.
    pub fn slots(&self) -> SmallVec<[Number; 4]> {
        match self {
            Self::Bytes(_) | Self::Nonce(_) | Self::Close(..) => SmallVec::new(),
            Self::Insert(number) | Self::Open(number) | Self::Nowhere(number, _) => smallvec![*number],
            Self::Value(value) => value.setters.iter().chain(&value.edits).copied().collect(),
        }
    }
}

/// How an element that a slot spans came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// By its own end tag, or it is void: it is known what belongs to it.
    Own,
    /// By another's end tag or the end of the page: what belongs to it is a guess.
    Implied,
}

/// Why a slot has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The element has no inside.
    Void,
    /// Rewriting broke off, or the page broke off within a tag, before the place was reached.
    BrokenOff,
}

/// A slot with what must be known to lay something in safely.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub slot: Slot,
    pub holder: Holder,
}

/// What compiling made of the bytes so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub pieces: Vec<Piece>,
    /// The slots that those pieces mention for the first time or will mention later, by ascending number.
    pub found: Vec<Found>,
    /// With the last: what was read from the page.
    pub extracted: Option<Arc<Extracted>>,
}
