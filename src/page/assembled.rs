//! A page that leaves, whole: assembled from a compiled one, with fills that were all at hand.
//!
//! In: what stands where: stretches of the page, and what was laid in. Out: its bytes, plain or in a coding, as lists of slices.
//! It must not be kept: what was laid in may be one visitor's own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::stitch::{Compressed, Cut, Form, Forms, NotStitched, Prepared, Seam, Stitched, is_worth};

/// A page that leaves, whole: its parts in order, and how long they are together.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The page as the origin made it.
    whole: Bytes,
    forms: Arc<Forms>,
    parts: Parts,
    length: usize,
}

/// One part of the page that leaves.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A stretch of the page, up to the next part that was laid in, as offsets; never empty.
    Page(Range<usize>),
    /// Content of this one response.
    Plain(Bytes),
    /// The response's nonce, in the place of the page's own.
    Nonce(Bytes),
    /// Content that is kept.
    Compressed(Arc<Compressed>),
}

/// Inline as many as a page with a handful of slots has.
pub(super) type Parts = SmallVec<[Part; 16]>;

impl Assembled {
    pub(super) fn new(whole: Bytes, forms: Arc<Forms>, parts: Parts, length: usize) -> Self {
        Self { whole, forms, parts, length }
    }

    /// Its length in bytes: the `Content-Length` of the plain page.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether not a byte is left of it.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Feeds what tells this response from others of the same compiled page: what was laid in and where, but for the nonce.
    pub fn distinguish(&self, hasher: &mut impl Hasher) {
        for part in &self.parts {
            match part {
                Part::Page(range) => range.hash(hasher),
                Part::Plain(bytes) => bytes.hash(hasher),
                Part::Compressed(compressed) => compressed.plain().hash(hasher),
                Part::Nonce(_) => {}
            }
        }
    }

    /// In which way the page is cut, as a number: responses that are cut alike have the same one.
    pub fn cut(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.stretches().for_each(|stretch| stretch.hash(&mut hasher));
        hasher.finish()
    }

    /// The page, plain: slices of the compiled page and of what was laid in, to be written as one vector. Uncopied.
    pub fn plain(&self) -> SmallVec<[Bytes; 16]> {
        let bytes = |part: &Part| match part {
            Part::Page(range) => self.whole.slice(range.clone()),
            Part::Plain(bytes) | Part::Nonce(bytes) => bytes.clone(),
            Part::Compressed(compressed) => compressed.plain().clone(),
        };
        self.parts.iter().map(bytes).collect()
    }

    /// The page in `form`, put together from what is kept beside the compiled page and beside what was laid in. Content whose own
    /// form is not made yet is stored as it is.
    ///
    /// # Errors
    /// [`NotStitched`]: then the caller compresses [`Self::plain`]. If it is `Unprepared`, the caller also has somebody
    /// call [`Self::prepare`] once, so that the next response like this one is had for nothing.
    pub fn stitch(&self, form: Form) -> Result<Stitched, NotStitched> {
        let shape = self.forms.find(form, self.leads(), self.stretches()).ok_or(NotStitched::Unprepared)?;
        let mut stretches = shape.coded.as_ref().map_err(|why| *why)?.iter();
        let mut prepared = Prepared::Wholly;
        let mut seam = Seam::new(form, self.parts.len(), self.own_bytes(form), self.leads());
        for part in &self.parts {
            match part {
                Part::Page(_) => {
                    let pieces = stretches.next().ok_or(NotStitched::Unprepared)?;
                    pieces.iter().for_each(|(_, coded)| seam.join(coded));
                }
                Part::Compressed(compressed) => match compressed.form(form) {
                    Some(coded) => seam.join(coded),
                    None => {
                        prepared = Prepared::InPart;
                        seam.store(compressed.plain());
                    }
                },
                Part::Plain(plain) | Part::Nonce(plain) => seam.store(plain),
            }
        }
        let stitched = seam.end(self.len(), prepared);
        match (is_worth(stitched.length, shape.whole, self.laid_in()), prepared) {
            (true, _) => Ok(stitched),
            (false, Prepared::InPart) => Err(NotStitched::Unprepared),
            (false, Prepared::Wholly) => Err(NotStitched::Bloated),
        }
    }

    /// Makes what [`Self::stitch`] needs for this response and all that are cut in the same way, and keeps it with the page and with
    /// the contents. It takes the time of some compressions at a high level: call it where that delays nobody. The page's
    /// [weight](super::CompiledPage::weight) grows by it.
    ///
    /// # Errors
    /// [`NotStitched`], which is remembered, so that nobody tries again.
    pub fn prepare(&self, form: Form) -> Result<(), NotStitched> {
        for part in &self.parts {
            if let Part::Compressed(compressed) = part {
                compressed.prepare(form);
            }
        }
        match self.forms.find(form, self.leads(), self.stretches()) {
            Some(shape) => shape.coded.as_ref().map(|_| ()).map_err(|why| *why),
            None => {
                let cut = Cut { stretches: self.stretches().collect(), leads: self.leads() };
                self.forms.make(form, &self.whole, cut)
            }
        }
    }

    fn leads(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Page(_)))
    }

    fn stretches(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        self.parts.iter().filter_map(|part| match part {
            Part::Page(range) => Some(range.clone()),
            Part::Plain(_) | Part::Nonce(_) | Part::Compressed(_) => None,
        })
    }

    /// Bytes of what is this response's own, stored.
    fn own_bytes(&self, form: Form) -> usize {
        let own = |part: &Part| match part {
            Part::Plain(plain) | Part::Nonce(plain) => form.stored_bytes(plain.len()),
            Part::Compressed(compressed) if compressed.form(form).is_none() => {
                form.stored_bytes(compressed.plain().len())
            }
            Part::Page(_) | Part::Compressed(_) => 0,
        };
        self.parts.iter().map(own).sum()
    }

    /// Bytes that were laid in.
    pub fn laid_in(&self) -> usize {
        self.fills().sum()
    }

    /// The lengths of what was laid in.
    fn fills(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|part| match part {
            Part::Page(_) => 0,
            Part::Plain(plain) | Part::Nonce(plain) => plain.len(),
            Part::Compressed(compressed) => compressed.plain().len(),
        })
    }
}
