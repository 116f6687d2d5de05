//! The compressed forms of one compiled page.
//!
//! In: the stretches of the page that stand between what was laid in. Out: their compressed forms, kept for every response that
//! is cut in the same way, which is every visitor of one segment: slots that are not filled cut nothing, so a page with a
//! hundred slots of which three are filled is four pieces. It must not know what is laid in, but for its length.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::brotli::Standing;
use super::{Coded, Form, NotStitched, brotli, gzip, is_worth};
use crate::limits;

/// All compressed forms of one page.
#[derive(Debug)]
pub struct Forms {
    /// By form.
    kept: [Kept; 2],
    /// Bytes of all of them.
    bytes: AtomicUsize,
    /// Bytes that they may take.
    most: usize,
    /// Held while forms are made, so that what is counted is what is kept.
    making: Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    shapes: ArcSwap<Vec<Arc<Shape>>>,
    /// Bytes of the page compressed in one.
    whole: OnceLock<Option<usize>>,
}

/// The stretches of one way in which the page is cut.
#[derive(Debug)]
pub struct Shape {
    cut: Cut,
    /// The form of each stretch, or why there are none.
    pub coded: Result<Vec<Pieces>, NotStitched>,
    /// Bytes of the page compressed in one.
    pub whole: usize,
}

/// The form of a stretch: one piece, or several that were made for other shapes.
pub type Pieces = SmallVec<[(Range<usize>, Coded); 1]>;

/// How a page is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Offsets in the page, ascending.
    pub stretches: Vec<Range<usize>>,
    /// Whether the first of them is the first part of the response.
    pub leads: bool,
}

impl Shape {
    /// Whether it is for a page that is cut so.
    fn fits(&self, leads: bool, mut stretches: impl Iterator<Item = Range<usize>>) -> bool {
        let mine = self.cut.stretches.iter();
        self.cut.leads == leads && mine.cloned().all(|own| stretches.next() == Some(own)) && stretches.next().is_none()
    }
}

impl Forms {
    /// Of a page of so many bytes, which takes `beside` bytes besides.
    pub fn new(page: usize, beside: usize) -> Self {
        let share = page * limits::COMPILED_FORMS_PERCENT / 100;
        let most = page.saturating_sub(beside).max(share).max(limits::COMPILED_FORMS_BYTES);
        Self { kept: Default::default(), bytes: AtomicUsize::new(0), most, making: Mutex::new(()) }
    }

    /// The shape of a page that is cut so, if it has been made.
    pub fn find(
        &self,
        form: Form,
        leads: bool,
        stretches: impl Iterator<Item = Range<usize>> + Clone,
    ) -> Option<Arc<Shape>> {
        let shapes = self.kept[form as usize].shapes.load();
        shapes.iter().find(|shape| shape.fits(leads, stretches.clone())).cloned()
    }

    /// Makes the shape of a page that is cut so, and keeps it, also if it can't be used.
    pub fn make(&self, form: Form, page: &Bytes, cut: Cut) -> Result<(), NotStitched> {
        // Nothing is half-made if a compressor panics.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &self.kept[form as usize];
        let whole = kept.whole.get_or_init(|| whole_bytes(form, page)).ok_or(NotStitched::Failed)?;
        let known = kept.known();
        let coded = match self.exactly(form, page, &cut, &known, whole) {
            Err(NotStitched::NoRoom) => tiled(&cut, &known, whole),
            other => other,
        };
        let said = coded.as_ref().map(|_| ()).map_err(|why| *why);
        kept.add(Arc::new(Shape { cut, coded, whole }));
        self.bytes.store(self.kept.iter().map(Kept::bytes).sum(), Ordering::Relaxed);
        said
    }

    /// The form of each stretch in one piece; those that no other shape has are made.
    fn exactly(
        &self,
        form: Form,
        page: &Bytes,
        cut: &Cut,
        known: &[Known],
        whole: usize,
    ) -> Result<Vec<Pieces>, NotStitched> {
        let mut added = 0;
        let mut coded = |(index, stretch): (usize, &Range<usize>)| -> Pieces {
            let leads = cut.leads && index == 0;
            let same = known.iter().find(|known| known.leads == leads && known.stretch == *stretch);
            let coded = same.map(|same| same.coded.clone()).unwrap_or_else(|| {
                let coded = Coded::of_stretch(&page[stretch.clone()], form, leads);
                added += coded.bytes.len();
                coded
            });
            smallvec![(stretch.clone(), coded)]
        };
        let coded = cut.stretches.iter().enumerate().map(&mut coded).collect();
        let room = self.most.saturating_sub(self.weight());
        fits(coded, whole).and_then(|coded| if added <= room { Ok(coded) } else { Err(NotStitched::NoRoom) })
    }

    /// Bytes that the forms take.
    pub fn weight(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Kept {
    /// All pieces that shapes have.
    fn known(&self) -> Vec<Known> {
        let shapes = self.shapes.load();
        let made = shapes.iter().filter_map(|shape| Some((shape.cut.leads, shape.coded.as_ref().ok()?)));
        let pieces = made.flat_map(|(leads, coded)| {
            let pieces = coded.iter().flatten().enumerate();
            pieces.map(move |(index, (stretch, coded))| Known {
                stretch: stretch.clone(),
                leads: leads && index == 0,
                coded: coded.clone(),
            })
        });
        pieces.collect()
    }

    /// Bytes of all pieces, each counted once however many shapes have it.
    fn bytes(&self) -> usize {
        let mut counted: Vec<(Range<usize>, bool)> = Vec::new();
        let mut bytes = 0;
        for known in self.known() {
            let piece = (known.stretch, known.leads);
            if !counted.contains(&piece) {
                bytes += known.coded.bytes.len();
                counted.push(piece);
            }
        }
        bytes
    }

    fn add(&self, shape: Arc<Shape>) {
        self.shapes.rcu(|shapes| {
            let known = shapes.iter().any(|known| known.cut == shape.cut);
            let mut shapes = (**shapes).clone();
            if !known {
                // The oldest goes: rules may have changed what is filled.
                let surplus = (shapes.len() + 1).saturating_sub(limits::PAGE_SHAPES);
                shapes.drain(..surplus);
                shapes.push(Arc::clone(&shape));
            }
            shapes
        });
    }
}

/// A piece that a shape has.
struct Known {
    stretch: Range<usize>,
    leads: bool,
    coded: Coded,
}

/// Each stretch out of pieces that are there already, the longest first.
fn tiled(cut: &Cut, known: &[Known], whole: usize) -> Result<Vec<Pieces>, NotStitched> {
    let mut tiles = Vec::with_capacity(cut.stretches.len());
    for (index, stretch) in cut.stretches.iter().enumerate() {
        let mut at = stretch.start;
        let mut pieces = Pieces::new();
        while at < stretch.end {
            let leads = cut.leads && index == 0 && pieces.is_empty();
            let here =
                |known: &&Known| known.leads == leads && known.stretch.start == at && known.stretch.end <= stretch.end;
            let longest = known.iter().filter(here).max_by_key(|known| known.stretch.end).ok_or(NotStitched::NoRoom)?;
            at = longest.stretch.end;
            pieces.push((longest.stretch.clone(), longest.coded.clone()));
        }
        tiles.push(pieces);
    }
    fits(tiles, whole)
}

fn fits(coded: Vec<Pieces>, whole: usize) -> Result<Vec<Pieces>, NotStitched> {
    let total: usize = coded.iter().flatten().map(|(_, coded)| coded.bytes.len()).sum();
    is_worth(total, whole, 0).then_some(coded).ok_or(NotStitched::Bloated)
}

impl Coded {
    /// A stretch of a page; if it leads, with what stands before all pieces.
    fn of_stretch(plain: &[u8], form: Form, leads: bool) -> Self {
        let pressed = match (form, leads) {
            (_, false) => return Self::of(plain, form, Standing::Anywhere),
            (Form::Gzip, true) => None,
            (Form::Brotli, true) => brotli::compress(plain, Standing::First),
        };
        let sum = gzip::Checksum::of(plain);
        let bytes = pressed.unwrap_or_else(|| {
            let behind = Self::of(plain, form, Standing::Anywhere);
            [form.header(), &*behind.bytes].concat()
        });
        Self { bytes: bytes.into(), sum }
    }
}

fn whole_bytes(form: Form, page: &[u8]) -> Option<usize> {
    match form {
        Form::Gzip => gzip::compress(page, &[]).map(|pressed| pressed.len() + gzip::HEADER.len() + gzip::END_BYTES),
        Form::Brotli => brotli::whole_bytes(page),
    }
}
