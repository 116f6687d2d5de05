//! The plan as the page sees it: something that fills slots.
//!
//! In: slots, as the page finds them. Out: what is laid in, with the nonce in its places; counts and the trace of what
//! became of them. It must not let a fragment's failure reach the page.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant as Moment;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::explain::filled_told;
use super::failure::Failure;
use super::late::Late;
use super::layout::selector;
use super::slot::{Came, What};
use super::{Plan, Prepared};
use crate::content::{self, Filled, How};
use crate::exchange::explanation::FilledExplained;
use crate::exchange::observers::Observers;
use crate::exchange::trace::{Made, SlotTrace, TraceSink};
use crate::limits::STITCH_STORED_BYTES;
use crate::page::{Compressed, Context, Fill, Filling, Fills, Outcome, Settled, Slot, Target};
use crate::revision::Injection;
use crate::rule::fuse;
use crate::scope::language::{AttributeKind, Escape, Piece};
use crate::telemetry::{FailureLabels, Metrics, Name, SlotLabels};

/// Fills the slots of one page.
#[derive(Debug)]
pub struct PageFills {
    plan: Plan,
    /// `None`: nobody will see the page.
    metrics: Option<Arc<Metrics>>,
    trace: Option<TraceSink>,
    /// By marker: elements found in this page. Empty where nobody is served.
    found: Vec<u64>,
    /// By the slot's number, where somebody listens: what is known of it.
    opened: Vec<(Context, Known, Moment)>,
    /// By the slot's number: what became of those that were waited for.
    waited: BTreeMap<usize, Arc<OnceLock<Known>>>,
    /// By the slot's number: why the content of those failed that were not waited for.
    failed: BTreeMap<usize, Failure>,
    /// By the layout's rule index: how the rule's part of this page came out.
    came_out: BTreeMap<usize, fuse::Outcome>,
}

/// What is told of how a slot's content came about.
#[derive(Clone, Debug)]
struct Known {
    made: Made,
    /// Why the origin's content stays.
    reason: Option<Arc<str>>,
    how: Became,
    failure: Option<Failure>,
    /// All of it, where somebody wants it told.
    filled: Option<Arc<FilledExplained>>,
}

/// What became of a slot, as far as its content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// Its rule or its own condition says no.
    Unwanted,
    Judged,
    /// It was late and due.
    Late,
}

impl PageFills {
    /// Fills by `plan`; every settled slot is told to `observers`.
    pub fn new(plan: Plan, Observers { metrics, trace, .. }: Observers) -> Self {
        let served = !trace.as_ref().is_some_and(TraceSink::explains);
        let found = if served { vec![0; plan.layout.slots.len()] } else { Vec::new() };
        let (waited, failed, came_out) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { plan, metrics: Some(metrics), trace, found, opened: Vec::new(), waited, failed, came_out }
    }

    /// Fills by `plan` a page of which only the head is sent: nobody is told.
    pub fn unseen(plan: Plan) -> Self {
        let found = Vec::new();
        let (waited, failed, came_out) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { plan, metrics: None, trace: None, found, opened: Vec::new(), waited, failed, came_out }
    }

    fn fill(&mut self, slot: &Slot) -> Filling {
        let target = &self.plan.layout.markers.list()[slot.marker].target;
        let html = matches!(target, Target::Place(_));
        let fits = slot.context == ahead(target) || self.plan.injection(slot.marker).content.is_none();
        let at_element = match &self.plan.slots[slot.marker] {
            Prepared::Waiting(_) => true,
            Prepared::Idle | Prepared::Came(Came { what: What::Unwanted, .. }) => false,
            Prepared::Came(_) | Prepared::Late(_) => !fits,
        };
        // What was escaped for text between tags is filled anew for the inside of a script or a title.
        let fresh = at_element.then(|| self.plan.fill_at_element(slot, escape_of(slot.context)));
        let nonce = self.plan.nonce.text().cloned();
        let told = self.told(slot.marker);
        let lay = Laying { nonce, html, until: self.plan.deadline(slot.marker) };
        let (filling, known) = match fresh.as_ref().unwrap_or(&self.plan.slots[slot.marker]) {
            Prepared::Idle | Prepared::Waiting(_) => (Filling::Now(Fill::Keep), Known::unwanted()),
            Prepared::Came(came) => (Filling::Now(lay.shown(came)), Known::of(came, told.as_ref())),
            Prepared::Late(late) => match late.here() {
                Some(came) => (Filling::Now(lay.shown(&came)), Known::of(&came, told.as_ref())),
                None => {
                    let late = late.clone();
                    (self.waiting(slot, late, lay), Known::unwanted())
                }
            },
        };
        if let Some(failure) = &known.failure {
            self.failed.insert(slot.number, failure.clone());
        }
        if self.trace.is_some() {
            self.opened.push((slot.context, known, Moment::now()));
        }
        filling
    }

    /// Counts how a slot's content came out.
    fn note(&mut self, marker: usize, failure: Option<Failure>, metrics: &Metrics) {
        let outcome = if failure.is_some() { fuse::Outcome::Failed } else { fuse::Outcome::Fine };
        let so_far = self.came_out.entry(self.plan.layout.slots[marker].rule).or_insert(outcome);
        let Some(Failure { reason, source, function }) = failure else { return };
        *so_far = fuse::Outcome::Failed;
        let name = |name: Option<Arc<str>>| Name(name.unwrap_or_default());
        let rule = Name(self.plan.rule_name(marker).clone());
        let labels = FailureLabels { rule, source: name(source), function: name(function), reason };
        metrics.failures.get_or_create(&labels).inc();
    }

    /// Has a slot wait for its content until its deadline; what became of it will be known then.
    fn waiting(&mut self, slot: &Slot, late: Late<Came>, lay: Laying) -> Filling {
        let known = self.waited.entry(slot.number).or_default().clone();
        let told = self.told(slot.marker);
        let waited = async move {
            let (fill, came) = match timeout_at(lay.until, late.wait()).await {
                Ok(Some(came)) => (lay.shown(&came), Known::of(&came, told.as_ref())),
                Ok(None) => (Fill::Keep, Known::panicked()),
                Err(_) => (Fill::Keep, Known::late()),
            };
            known.get_or_init(|| came);
            fill
        };
        Filling::Later(waited.boxed())
    }

    /// The content's name, where somebody wants told how it came about.
    fn told(&self, marker: usize) -> Option<Arc<str>> {
        let explains = self.trace.as_ref().is_some_and(TraceSink::explains);
        explains.then(|| content_name(self.plan.injection(marker)).clone())
    }
}

impl Fills for PageFills {
    fn open(&mut self, slot: &Slot) -> Filling {
        if self.plan.layout.markers.esi() == Some(slot.marker) {
            let includes = self.plan.includes.as_ref().filter(|_| self.metrics.is_some());
            let filling = includes.map_or(Filling::Now(Fill::Keep), |includes| includes.open(slot));
            if self.trace.is_some() {
                self.opened.push((slot.context, Known::unwanted(), Moment::now()));
            }
            return filling;
        }
        if let Some(found) = self.found.get_mut(slot.marker) {
            *found += 1;
        }
        // Whatever fails here costs one fragment, never the page.
        let filling = catch_unwind(AssertUnwindSafe(|| self.fill(slot)));
        filling.unwrap_or_else(|_| {
            tracing::error!(injection = &*self.plan.injection(slot.marker).name, "filling a slot panicked");
            Filling::Now(Fill::Keep)
        })
    }

    fn settled(&mut self, settled: Settled) {
        let Some(metrics) = self.metrics.clone() else { return };
        if self.plan.layout.markers.esi() == Some(settled.marker) {
            return;
        }
        if matches!(self.plan.slots[settled.marker], Prepared::Idle | Prepared::Came(Came { what: What::Unwanted, .. }))
        {
            return;
        }
        let waited = self.waited.remove(&settled.number).and_then(|known| known.get().cloned());
        let word = match waited.as_ref().map(|known| known.how) {
            Some(Became::Unwanted) => return,
            Some(Became::Late) => "late",
            Some(Became::Judged) | None => settled.outcome.word(),
        };
        let failure = match &waited {
            Some(known) => known.failure.clone(),
            None => self.failed.remove(&settled.number),
        };
        let cut = (settled.outcome == Outcome::Cut).then(|| Failure::plain("cut"));
        self.note(settled.marker, failure.or(cut), &metrics);
        let rule = self.plan.rule_name(settled.marker).clone();
        metrics.slots.get_or_create(&SlotLabels { rule: Name(rule.clone()), outcome: word }).inc();
        let injection = self.plan.injection(settled.marker);
        if let Some(trace) = &self.trace
            && let Some((context, known, opened)) = self.opened.get(settled.number)
        {
            let known = waited.as_ref().unwrap_or(known);
            trace.slot(SlotTrace {
                rule,
                injection: injection.name.clone(),
                select: selector(&injection.marker),
                target: injection.marker.target.clone(),
                context: *context,
                content: content_name(injection).clone(),
                outcome: settled.outcome,
                reason: known.reason.clone(),
                made: known.made,
                filled: known.filled.clone(),
                opened: *opened,
                settled: Moment::now(),
                source: settled.source,
                output: settled.output,
            });
        }
    }
}

impl Known {
    /// `told`: the content's name, where all of it is wanted.
    fn of(came: &Came, told: Option<&Arc<str>>) -> Self {
        match &came.what {
            What::Unwanted => Self::unwanted(),
            What::Bare => Self::fixed(None, Became::Judged),
            What::Filled(filled) => Self {
                made: made(filled),
                reason: reason(filled),
                how: Became::Judged,
                failure: Failure::of(filled),
                filled: told.map(|content| Arc::new(filled_told(content, filled))),
            },
        }
    }

    fn fixed(reason: Option<&'static str>, how: Became) -> Self {
        let failure = (how != Became::Unwanted).then_some(reason).flatten().map(Failure::plain);
        Self { made: Made::Fixed, reason: reason.map(Arc::from), how, failure, filled: None }
    }

    fn unwanted() -> Self {
        Self::fixed(None, Became::Unwanted)
    }

    fn late() -> Self {
        Self::fixed(Some("late"), Became::Late)
    }

    fn panicked() -> Self {
        Self::fixed(Some("panicked"), Became::Judged)
    }
}

/// With the page it is known how its rules came out, and ends the look-out for its selectors. A page that broke off counts as well: many would have to before a match
/// is missed.
impl Drop for PageFills {
    fn drop(&mut self) {
        for (rule, outcome) in std::mem::take(&mut self.came_out) {
            self.plan.came_out(rule, outcome);
        }
        if self.found.is_empty() {
            return;
        }
        self.plan.layout.note_page(&self.found);
    }
}

fn content_name(injection: &Injection) -> &Arc<str> {
    injection.content.as_ref().map_or(&injection.name, |content| &content.name)
}

/// How content is laid into one slot.
struct Laying {
    nonce: Option<Arc<str>>,
    /// Whether it stands between tags.
    html: bool,
    /// When it is waited for no longer.
    until: Instant,
}

impl Laying {
    fn shown(&self, came: &Came) -> Fill {
        match &came.what {
            What::Unwanted => Fill::Keep,
            What::Bare => Fill::Show(Vec::new()),
            What::Filled(filled) => {
                kept_compressed(filled).filter(|_| self.html).unwrap_or_else(|| self.fill_of(filled))
            }
        }
    }

    fn fill_of(&self, filled: &Filled) -> Fill {
        let pieces = match &filled.outcome {
            content::Outcome::Show { pieces, .. } => pieces,
            content::Outcome::Stream(flow) => return Fill::Flow(flow.clone().until(self.until)),
            content::Outcome::Nothing(_) => return Fill::Keep,
        };
        let bytes = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Nonce => {
                self.nonce.as_ref().map_or_else(Bytes::new, |nonce| Bytes::copy_from_slice(nonce.as_bytes()))
            }
        };
        Fill::Show(pieces.iter().map(bytes).collect())
    }
}

/// Content that is kept, with its compressed forms beside it.
fn kept_compressed(filled: &Filled) -> Option<Fill> {
    let content::Outcome::Show { pieces, beside: Some(beside), .. } = &filled.outcome else { return None };
    match &pieces[..] {
        [Piece::Text(text)] if text.len() > STITCH_STORED_BYTES => {
            beside.get_or_make(|| Compressed::new(text.clone())).map(Fill::Compressed)
        }
        _ => None,
    }
}

/// Content that is the same for every response; `html`: it stands between tags. `None` if it has a nonce in it, or is none.
pub(super) fn kept_fill(filled: &Filled, html: bool) -> Option<Fill> {
    let content::Outcome::Show { pieces, .. } = &filled.outcome else { return None };
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Nonce => None,
    };
    let plain = pieces.iter().map(text).collect::<Option<Vec<_>>>()?;
    Some(kept_compressed(filled).filter(|_| html).unwrap_or(Fill::Show(plain)))
}

fn made(filled: &Filled) -> Made {
    match &filled.outcome {
        content::Outcome::Show { how: How::Hit, .. } => Made::Found,
        content::Outcome::Show { how: How::Rendered | How::Fetched, .. } | content::Outcome::Stream(_) => {
            Made::Rendered(filled.took)
        }
        _ => Made::Fixed,
    }
}

/// Why the origin's content stays, in words.
fn reason(filled: &Filled) -> Option<Arc<str>> {
    match &filled.outcome {
        content::Outcome::Nothing(nothing) => Some(nothing.to_string().into()),
        content::Outcome::Show { .. } | content::Outcome::Stream(_) => None,
    }
}

fn escape_of(context: Context) -> Escape {
    match context {
        Context::Html => Escape::Html,
        Context::Attribute => Escape::Attribute(AttributeKind::Plain),
        Context::RawText => Escape::RawText,
        Context::EscapableText => Escape::EscapableText,
    }
}

/// The context for which content is filled ahead of its element.
pub(super) fn ahead(target: &Target) -> Context {
    match target {
        Target::Attribute(_) => Context::Attribute,
        Target::Place(_) | Target::Class { .. } => Context::Html,
    }
}
