//! A compiled page as a known plan lays it out: put together once, for all who answer alike.
//!
//! In: the page, and the plan. Out: the page that leaves, in each form that it was asked for so far, with all that is counted when it
//! does. It holds slices of the page and of contents that are kept, and no visitor's own: a known plan has none. It goes with
//! the page.

use std::mem;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use prometheus_client::metrics::counter::Counter;

use super::wanted::PageKey;
use crate::exchange::plan::known::{Known, KnownSlot};
use crate::exchange::tag;
use crate::http::Body;
use crate::limits::{PAGE_LAYING_BYTES, PAGE_LAYINGS};
use crate::page::{Assembled, CompiledPage, Filling, Fills, Form, NotStitched, Prepared, Serving, Settled, Slot};
use crate::telemetry::{Metrics, Name, SlotLabels};

/// A compiled page on its shelf.
#[derive(Debug)]
pub struct Shelved {
    pub page: CompiledPage,
    /// The newest last.
    layings: ArcSwap<Vec<Arc<Laying>>>,
}

/// One page as one plan lays it out.
#[derive(Debug)]
pub struct Laying {
    /// The plan's number.
    plan: u64,
    pub assembled: Assembled,
    pub tag: HeaderValue,
    plain: Arc<[Bytes]>,
    /// By form, once all of it is prepared.
    stitched: [OnceLock<(Arc<[Bytes]>, usize)>; 2],
    /// Of each slot of the page that ends somehow.
    counters: Vec<Counter>,
    /// By marker: elements found.
    found: Vec<u64>,
}

impl Shelved {
    /// Laid out by nobody yet.
    pub fn new(page: CompiledPage) -> Self {
        Self { page, layings: ArcSwap::default() }
    }

    /// Bytes that it takes, with what was laid out so far: put it on the shelf again when that grows.
    pub fn weight(&self) -> usize {
        self.page.weight() + self.layings.load().iter().map(|laying| laying.weight()).sum::<usize>()
    }

    /// The page as `known` lays it out, if it did before.
    pub fn laying(&self, known: &Known) -> Option<Arc<Laying>> {
        self.layings.load().iter().find(|laying| laying.plan == known.number).cloned()
    }

    /// Keeps it.
    pub fn keep(&self, laying: &Arc<Laying>) {
        self.layings.rcu(|layings| {
            let surplus = (layings.len() + 1).saturating_sub(PAGE_LAYINGS);
            let others = layings.iter().filter(|other| other.plan != laying.plan).skip(surplus);
            others.chain([laying]).cloned().collect::<Vec<_>>()
        });
    }
}

impl Laying {
    /// Lays the page out; `None` if that can't be said for all responses alike.
    pub fn of(key: PageKey, page: &CompiledPage, known: &Known, metrics: &Metrics) -> Option<Arc<Self>> {
        let fits = |slot: &Slot| matches!(known.slots.get(slot.marker), Some(it) if it.fits(slot.context));
        if page.nonce().is_some() || !page.slots().all(fits) {
            return None;
        }
        let fills = KnownFills { known, metrics, counters: Vec::new(), found: vec![0; known.slots.len()] };
        let Serving::Whole(assembled, fills) = page.serve(None, fills) else { return None };
        let KnownFills { counters, found, .. } = fills;
        let (tag, plain) = (tag::of(key, &assembled), assembled.plain().into_iter().collect());
        let laying = Self { plan: known.number, assembled, tag, plain, stitched: Default::default(), counters, found };
        (laying.assembled.laid_in() <= PAGE_LAYING_BYTES).then(|| Arc::new(laying))
    }

    /// Counts that it leaves.
    pub fn tell(&self, known: &Known) {
        for counter in &self.counters {
            counter.inc();
        }
        for slot in &known.slots {
            slot.tell();
        }
        known.note_page(&self.found);
    }

    /// As it is, plain.
    pub fn plain(&self) -> Body {
        Body::shared(self.plain.clone(), self.assembled.len())
    }

    /// In a form, with its length; kept once all of it is prepared.
    ///
    /// # Errors
    /// As for [`Assembled::stitch`].
    pub fn stitched(&self, form: Form) -> Result<(Body, usize, Prepared), NotStitched> {
        let kept = &self.stitched[form as usize];
        if let Some((pieces, length)) = kept.get() {
            return Ok((Body::shared(pieces.clone(), *length), *length, Prepared::Wholly));
        }
        let stitched = self.assembled.stitch(form)?;
        let (pieces, length): (Arc<[Bytes]>, _) = (stitched.pieces.into_iter().collect(), stitched.length);
        if stitched.prepared == Prepared::Wholly {
            let _ = kept.set((pieces.clone(), length));
        }
        Ok((Body::shared(pieces, length), length, stitched.prepared))
    }

    /// Bytes that it takes beside the page and its forms.
    fn weight(&self) -> usize {
        let lists = 3 * self.plain.len() * size_of::<Bytes>() + mem::size_of_val(&self.counters[..]);
        size_of::<Self>() + lists + mem::size_of_val(&self.found[..]) + self.assembled.laid_in()
    }
}

/// Fills slots as a known plan does.
struct KnownFills<'a> {
    known: &'a Known,
    metrics: &'a Metrics,
    counters: Vec<Counter>,
    found: Vec<u64>,
}

impl Fills for KnownFills<'_> {
    fn open(&mut self, slot: &Slot) -> Filling {
        self.found[slot.marker] += 1;
        Filling::Now(self.known.slots[slot.marker].fill())
    }

    fn settled(&mut self, settled: Settled) {
        if let KnownSlot::Wanted { rule, .. } = &self.known.slots[settled.marker] {
            let labels = SlotLabels { rule: Name(rule.clone()), outcome: settled.outcome.word() };
            self.counters.push(self.metrics.slots.get_or_create(&labels).clone());
        }
    }
}
