//! Pages: bytes in, pieces out. The only user of lol_html.
//!
//! In: the decoded bytes of an HTML page, and markers: CSS selectors with a place. Out: the same bytes, with what a
//! [`Fills`] supplies laid in. It must not know rules, content or visitors.
//!
//! The way of a page, file by file:
//!
//! ```text
//! charset → which encoding the page has, settled before anything else        (prescan: the standard's look for <meta>)
//! markers → what to look for, compiled once per revision                     (selector: what can be looked for)
//! scan    → lol_html, reduced to *where* things are: it changes no byte      (source: the bytes themselves, kept aside)
//! esi     → Edge Side Includes: where they stand, and the page as it reads without them
//! extract → what the page tells in its elements, read in the same scan
//! compile → pieces: bytes, and slots between them; neutral, may be kept      (piece, plan, tag)
//! walk    → pieces and fills become the page that leaves                     (queue, waiting, attribute, class, escape, outgoing)
//! flowing → a fill that leaves while it comes, and is closed where it breaks off
//! follow  → one response's walk over pieces made elsewhere
//! assemble → compile and follow joined: what an async body drives
//!
//! compiling → a page compiled as it streams to many, and then kept     (nonce: what may not be the same for two of them)
//! compiled → the page that is kept, and served to anyone
//! lay     → the walk where nothing is waited for               (slots: what both walks know)
//! serve   → the page goes to one visitor, by one walk or the other
//! find    → what selectors find in a whole page, for tools
//! assembled → the page that leaves, whole, plain or              (stitch: in gzip or brotli, and nothing is compressed)
//! ```

mod assemble;
mod assembled;
mod attribute;
mod broken;
mod charset;
mod class;
mod compile;
mod compiled;
mod compiling;
mod escape;
mod esi;
mod extract;
mod find;
mod flowing;
mod follow;
mod lay;
mod markers;
mod nonce;
mod outgoing;
mod piece;
mod plan;
mod prescan;
mod queue;
mod scan;
mod selector;
mod serve;
mod slots;
mod source;
mod stitch;
mod tag;
mod waiting;
mod walk;

pub use assemble::Assembler;
pub use assembled::Assembled;
pub use broken::Broken;
pub use charset::Charset;
pub use compiled::CompiledPage;
pub use compiling::{Batch, Compiling, NotKept};
pub use escape::escape;
pub use extract::{
    Extracted, Extraction, ExtractionError, Extractions, Lookup, PageReader, Reading, Troubles, ValueKind, currency,
    number, plain_number,
};
pub use find::{Findings, FoundElement};
pub use follow::Follower;
pub use markers::{MarkerError, Markers};
pub use nonce::Nonce;
pub use selector::{SelectorError, check_attribute, check_class, check_selector};
pub use serve::Serving;
pub use stitch::{Compressed, Form, NotStitched, Prepared, Stitched};

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::http::flow::Flow;

/// Where an injection lands relative to the element it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Before,
    Prepend,
    Append,
    After,
    Inner,
    Replace,
    Remove,
}

/// What of a selected element is changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Content at a place; for `Remove` the fill says only whether.
    Place(Place),
    /// The value of the attribute of this (lower-case) name; it is added where the element lacks it.
    Attribute(Arc<str>),
    /// Class tokens added and removed; the fill says only whether.
    Class { add: Vec<Arc<str>>, remove: Vec<Arc<str>> },
}

/// Which of a selector's matches count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    All,
    /// The first in the document; with `each`, the first in each enclosing element.
    First,
}

/// One injection as the page sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker {
    pub select: Arc<str>,
    /// Selector of an enclosing element; `select` then counts only below it.
    pub each: Option<Arc<str>>,
    pub which: Which,
    pub target: Target,
    /// Whether the fill wants to see the element and the enclosing one ([`Slot::element`], [`Slot::each`]).
    pub wants_element: bool,
}

/// An element as code may read it: attribute values are entity-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Lower-case.
    pub tag: String,
    /// In source order, names lower-case, the first of a repeated name.
    pub attributes: Vec<(String, String)>,
}

/// How the bytes at a slot are read by a browser, hence how what is printed there must be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Between tags.
    Html,
    /// An attribute's value, without its quotes.
    Attribute,
    /// Inside `script` or `style`: nothing is decoded there.
    RawText,
    /// Inside `title` or `textarea`: entities are decoded, tags are not.
    EscapableText,
}

/// One place found in one page.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Index of the marker in [`Markers`].
    pub marker: usize,
    /// Counts the slots of this page, from 0.
    pub number: usize,
    pub context: Context,
    pub element: Option<Arc<Element>>,
    pub each: Option<Arc<Element>>,
}

/// What goes into a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The origin's content stays.
    Keep,
    /// UTF-8 pieces in order: HTML at a place; for an attribute its value *already escaped* for double quotes.
    /// Empty pieces empty the slot.
    Show(Vec<Bytes>),
    /// The same in one piece, kept with its compressed forms.
    Compressed(Arc<Compressed>),
    /// HTML that is still coming: it leaves as it comes. Its pieces are UTF-8, none of them ends within a character, and the
    /// flow carries its deadline. Where it breaks off before any of it has left, the origin's content stays; later, what has
    /// left is closed, so that it ends within its slot.
    Flow(Flow),
}

/// A fill that is here, or one to wait for once the slot is due. The future ends by itself (it carries its deadline).
pub enum Filling {
    Now(Fill),
    Later(BoxFuture<'static, Fill>),
}

/// What became of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The fill was laid in.
    Shown,
    /// The fill said keep, or the element has no inside to lay anything in (`img`, `<path/>`).
    Kept,
    /// The element's own end tag did not come (implied, end of page, past the limit, or rewriting broke off), so the
    /// origin's bytes stayed.
    Unclosed,
    /// Another slot's content took the place of the bytes that held this one, or a higher rule took the same bytes.
    Covered,
    /// The fill could not be written there safely: it would have ended the raw text element that holds it.
    Refused,
    /// The fill broke off while it was laid in: what had left of it stays, closed.
    Cut,
}

impl Outcome {
    /// The outcome in one word, for labels and people.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Shown => "shown",
            Outcome::Kept => "kept",
            Outcome::Unclosed => "unclosed",
            Outcome::Covered => "covered",
            Outcome::Refused => "refused",
            Outcome::Cut => "cut",
        }
    }
}

/// One settled slot, for metrics and for the proof that nothing else changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub marker: usize,
    pub number: usize,
    pub outcome: Outcome,
    /// The origin's bytes that the slot took away (empty for an insertion), as offsets in the decoded page.
    ///
    /// Over all slots of a page, in the order of the calls, these ranges ascend and never overlap, and so do the
    /// `output` ranges. Cut the first out of the page that came and the second out of the page that left: what remains
    /// is the same, byte for byte. Slots that share one attribute give its range to the one that set it.
    pub source: Range<u64>,
    /// The bytes that stand there now, as offsets in the page that leaves, before its coding.
    pub output: Range<u64>,
}

/// Supplies what goes into slots. Implemented by the exchange.
pub trait Fills: Send {
    /// A slot was found while parsing, perhaps long before it is due: starts what must run for it.
    fn open(&mut self, slot: &Slot) -> Filling;
    /// A slot is done. Called in the order of the page, once per opened slot.
    fn settled(&mut self, settled: Settled);
}
