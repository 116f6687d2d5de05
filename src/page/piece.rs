//! Pieces: a page as a list of bytes with slots between them.
//!
//! The list is neutral. It says where slots are, not what goes into them, so it can be kept and walked again for
//! another visitor without parsing the page.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Slot;
use super::escape::Holder;

/// Index of a slot in its page: [`Slot::number`].
pub(super) type Number = usize;

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
    /// A slot whose place does not exist.
    Nowhere(Number, Absence),
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

/// The value of one attribute of one element.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// The bytes that an exchange takes away: the value, with its quotes where they must go too.
    pub original: Bytes,
    pub shape: Shape,
    /// The slots that set the attribute, in order of precedence.
    pub setters: SmallVec<[Number; 2]>,
    /// The slots that add and remove classes, in order of precedence.
    pub edits: SmallVec<[Number; 2]>,
}

/// How an attribute is written in the page, hence what else an exchange must write. A new value always stands between
/// double quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `a="b"`: the quotes stay.
    DoubleQuoted,
    /// `a='b'`: the quotes belong to what is exchanged.
    SingleQuoted,
    /// `a=b`, also `a=` before the end of the tag.
    Unquoted,
    /// `a`
    WithoutValue,
    /// The element lacks this attribute.
    Absent(Arc<str>),
}

impl Value {
    /// `text`, which may stand between double quotes, with what must be written around it in the place of the original.
    pub fn written(&self, text: &[u8]) -> Bytes {
        let mut written = Vec::with_capacity(text.len() + 16);
        match &self.shape {
            Shape::DoubleQuoted => {}
            Shape::SingleQuoted | Shape::Unquoted => written.push(b'"'),
            Shape::WithoutValue => written.extend_from_slice(b"=\""),
            Shape::Absent(name) => written.extend_from_slice(format!(" {name}=\"").as_bytes()),
        }
        written.extend_from_slice(text);
        if self.shape != Shape::DoubleQuoted {
            written.push(b'"');
        }
        written.into()
    }

    /// The origin's value as it would be written between double quotes; empty where there is none.
    pub fn text_between_double_quotes(&self) -> Cow<'_, [u8]> {
        let text: &[u8] = match self.shape {
            Shape::DoubleQuoted | Shape::Unquoted => &self.original,
            Shape::SingleQuoted => &self.original[1..self.original.len() - 1],
            Shape::WithoutValue | Shape::Absent(_) => b"",
        };
        if !text.contains(&b'"') {
            return Cow::Borrowed(text);
        }
        let mut escaped = Vec::with_capacity(text.len() + 16);
        for (count, part) in text.split(|byte| *byte == b'"').enumerate() {
            if count > 0 {
                escaped.extend_from_slice(b"&quot;");
            }
            escaped.extend_from_slice(part);
        }
        Cow::Owned(escaped)
    }
}

/// A slot with what must be known to lay something in safely.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub slot: Slot,
    pub holder: Holder,
}

/// What compiling made of the bytes so far.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub pieces: Vec<Piece>,
    /// The slots that those pieces mention for the first time or will mention later, by ascending number.
    pub found: Vec<Found>,
}
