//! Plans that came out before, found again for all of whom code would read the same.
//!
//! In: a finished plan with all that was read for it. Out: what it laid in, for the next who answers alike: no condition is
//! evaluated again and no slot is filled. What hangs on more than answers (a share, a schedule, what a rule matches) is worked
//! out anew for everybody, and names the plan too. It must not keep what is one visitor's own, nor what was not finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use smallvec::SmallVec;

use super::fills;
use super::layout::Layout;
use super::paths::OnPath;
use super::slot::What;
use super::{Plan, Prepared, SlotTiming};
use crate::content::{Filled, How, Nothing, Outcome, Tally};
use crate::context::Context;
use crate::http::annotations::TimingLine;
use crate::limits;
use crate::page::{Context as Place, Fill, Markers, Target};
use crate::scope::ledger::{Bounds, Fingerprint, Ledger, Read};
use crate::scope::recall::{Recall, Recalled};
use crate::scope::{Question, Scope};

/// The plans that are known. They are named by revisions, so that those of an old one are never found, and age out.
#[derive(Debug)]
pub struct KnownPlans(Recall<Arc<Known>>);

/// What came out of a plan.
#[derive(Debug)]
pub struct Known {
    /// Of no other.
    pub number: u64,
    layout: Arc<Layout>,
    /// The names of the rules that apply, highest first.
    pub applied: Arc<[Arc<str>]>,
    /// By marker.
    pub slots: Box<[KnownSlot]>,
    /// What `Server-Timing` says of the slots. They take no time.
    pub timing: Option<HeaderValue>,
    /// Whether any rule that applies lays something in, so that the page must be rewritten.
    lays_in: bool,
}

/// What goes into one slot.
#[derive(Debug)]
pub enum KnownSlot {
    /// Nothing: its rule or its own condition says no.
    Unwanted,
    Wanted {
        fill: Fill,
        /// The rule's name.
        rule: Arc<str>,
        /// For which place its content is escaped; `None` if there is none.
        escaped_for: Option<Place>,
        count: Option<Count>,
    },
}

/// What is counted when the content is found again.
#[derive(Clone, Debug)]
pub struct Count {
    pub tally: Arc<Tally>,
    pub blank: bool,
}

/// A known plan that one exchange has met.
#[derive(Clone, Debug)]
pub struct Met {
    pub known: Arc<Known>,
    /// What it rests on, for this exchange.
    pub bounds: Bounds,
}

/// Which rules can apply as far as no condition says so, and what that rests on.
struct Standing {
    rules: SmallVec<[bool; 16]>,
    bounds: Bounds,
}

impl Default for KnownPlans {
    fn default() -> Self {
        Self(Recall::new(limits::KNOWN_PLANS_BYTES, |known: &Arc<Known>| known.weight()))
    }
}

impl KnownSlot {
    /// What is laid in.
    pub fn fill(&self) -> Fill {
        match self {
            Self::Unwanted => Fill::Keep,
            Self::Wanted { fill, .. } => fill.clone(),
        }
    }

    /// Whether it may stand in such a place.
    pub fn fits(&self, place: Place) -> bool {
        match self {
            Self::Unwanted | Self::Wanted { escaped_for: None, .. } => true,
            Self::Wanted { escaped_for: Some(foreseen), .. } => *foreseen == place,
        }
    }

    /// Counts that its content was found again.
    pub fn tell(&self) {
        if let Self::Wanted { count: Some(Count { tally, blank }), .. } = self {
            tally.hit();
            if *blank {
                tally.blank();
            }
        }
    }
}

impl Met {
    /// Whether the page must be rewritten.
    pub fn lays_in(&self) -> bool {
        self.known.lays_in
    }

    /// Whether the page may be another one than the origin's: now, for another visitor, or later.
    pub fn may_differ(&self) -> bool {
        self.known.lays_in || self.bounds != Bounds::default()
    }
}

impl KnownPlans {
    /// The plan that would come out, if one like it did before.
    pub fn meet(&self, context: &Context, path: &OnPath, scope: &Scope) -> Option<Met> {
        if !path.lays_in_ahead || !context.supposed.is_nothing() {
            return None;
        }
        let Standing { rules, mut bounds } = Standing::of(context, path);
        match self.0.find(root(path, &rules), scope, |_, answer| bounds.narrow(&answer)) {
            Recalled::Hit(known) => Some(Met { known, bounds }),
            Recalled::Missing(_) | Recalled::Never | Recalled::Awaited(_) => None,
        }
    }

    /// Keeps what came out of a plan, if that is all there will be.
    pub fn keep(&self, context: &Context, path: &OnPath, plan: &Plan) {
        if !path.lays_in_ahead || !context.supposed.is_nothing() {
            return;
        }
        let Some(ledger) = plan.all_read() else { return };
        let Some(slots) = plan.known_slots() else { return };
        let root = root(path, &Standing::of(context, path).rules);
        // What follows from the path alone is in its name.
        let reads = ledger.reads().iter().filter(|read| !is_of_path(&read.question));
        let shared: Vec<Read> = reads.cloned().map(withheld_if_own).collect();
        let known = ledger.bounds().storable.then(|| Arc::new(Known::of(plan, slots)));
        self.0.keep(root, shared.iter(), known);
    }
}

fn root(path: &OnPath, standing: &[bool]) -> Fingerprint {
    Fingerprint::of((path.name, standing))
}

fn is_of_path(question: &Question) -> bool {
    question.path().first().is_some_and(|name| **name == *"params")
}

/// What shows who asks would be kept for each visitor; so it is not kept.
fn withheld_if_own(mut read: Read) -> Read {
    let path = read.question.path();
    let is_id = matches!(&path[..], [visitor, id, ..] if **visitor == *"visitor" && **id == *"id");
    read.answer.storable &= !is_id;
    read
}

impl Standing {
    fn of(context: &Context, path: &OnPath) -> Self {
        let asking = context.asking();
        let mut bounds = Bounds::default();
        let stands = |number: usize| context.revision.book.rule(number).stands(&asking);
        let rules = path.rules.iter().map(|rule| {
            let verdict = stands(rule.number);
            bounds.merge(Bounds { until: verdict.until, of_visitor: verdict.of_visitor, storable: true });
            verdict.outcome.is_ok()
        });
        Self { rules: rules.collect(), bounds }
    }
}

impl Known {
    fn of(plan: &Plan, slots: Box<[KnownSlot]>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let mut line = TimingLine::default();
        plan.tell_timings(|slot| line.add(&SlotTiming { took: None, ..slot }.timing()));
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            layout: plan.layout.clone(),
            applied: plan.applied().cloned().collect(),
            slots,
            timing: line.value(),
            lays_in: plan.applies(),
        }
    }

    /// The markers of the page.
    pub fn markers(&self) -> Arc<Markers> {
        self.layout.markers.clone()
    }

    /// Of the markers of the page.
    pub fn digest(&self) -> Fingerprint {
        self.layout.digest
    }

    /// Notes what was found in a page, by marker.
    pub fn note_page(&self, found: &[u64]) {
        self.layout.note_page(found);
    }

    fn weight(&self) -> usize {
        let slot = |slot: &KnownSlot| match slot {
            KnownSlot::Wanted { fill: Fill::Show(pieces), .. } => pieces.iter().map(bytes::Bytes::len).sum(),
            KnownSlot::Wanted { fill: Fill::Compressed(compressed), .. } => 2 * compressed.plain().len(),
            KnownSlot::Wanted { fill: Fill::Keep | Fill::Flow(_), .. } | KnownSlot::Unwanted => 0,
        };
        let slots: usize = self.slots.iter().map(|it| slot(it) + size_of::<KnownSlot>()).sum();
        let names = self.applied.len() * size_of::<Arc<str>>();
        size_of::<Self>() + slots + names + self.timing.as_ref().map_or(0, HeaderValue::len)
    }
}

impl Plan {
    /// All that was read for it, in order; `None` while anything is open.
    fn all_read(&self) -> Option<Ledger> {
        let mut all = Ledger::new();
        for rule in &self.rules {
            all.merge(rule.ledger()?.clone());
        }
        for slot in &self.slots {
            match slot {
                Prepared::Idle => {}
                Prepared::Came(came) => {
                    all.merge(came.condition.clone());
                    if let What::Filled(filled) = &came.what {
                        all.merge(filled.ledger.clone());
                    }
                }
                Prepared::Waiting(_) | Prepared::Late(_) => return None,
            }
        }
        all.missing().is_empty().then_some(all)
    }

    /// What goes into each slot; `None` where that is not the same another time.
    fn known_slots(&self) -> Option<Box<[KnownSlot]>> {
        let slots = self.slots.iter().enumerate();
        slots
            .map(|(marker, slot)| match slot {
                Prepared::Idle => Some(KnownSlot::Unwanted),
                Prepared::Came(came) => match &came.what {
                    What::Unwanted => Some(KnownSlot::Unwanted),
                    What::Bare => Some(self.known_slot(marker, Fill::Show(Vec::new()), None, None)),
                    What::Filled(filled) => self.known_content(marker, filled),
                },
                Prepared::Waiting(_) | Prepared::Late(_) => None,
            })
            .collect()
    }

    /// Content that was there already, or is fixed: what was made for this exchange is found by the next.
    fn known_content(&self, marker: usize, filled: &Filled) -> Option<KnownSlot> {
        let injection = self.injection(marker);
        let content = injection.content.as_ref()?;
        let fill = || fills::kept_fill(filled, matches!(injection.marker.target, Target::Place(_)));
        let tally = || self.context.revision.library.tally_of(content);
        let (fill, count) = match (&filled.outcome, &filled.detour) {
            (Outcome::Show { how: How::Fixed, .. }, None) => (fill()?, None),
            (Outcome::Show { how: How::Hit, .. }, None) => (fill()?, Some(Count { tally: tally()?, blank: false })),
            (Outcome::Nothing(Nothing::Blank), Some(detour)) if detour.tried.len() == 1 => {
                (Fill::Keep, Some(Count { tally: tally()?, blank: true }))
            }
            _ => return None,
        };
        Some(self.known_slot(marker, fill, Some(fills::ahead(&injection.marker.target)), count))
    }

    fn known_slot(&self, marker: usize, fill: Fill, escaped_for: Option<Place>, count: Option<Count>) -> KnownSlot {
        KnownSlot::Wanted { fill, rule: self.rule_name(marker).clone(), escaped_for, count }
    }
}
