//! The plan as the page sees it: something that fills slots.
//!
//! In: slots, as the page finds them. Out: what is laid in, with the nonce in its places; counts and the trace of what
//! became of them. It must not let a fragment's failure reach the page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::explain::filled_told;
use super::lookout::News;
use super::{Plan, Prepared};
use crate::content::{self, Filled, How};
use crate::exchange::account::Observers;
use crate::exchange::explanation::FilledExplained;
use crate::exchange::trace::{Made, SlotTrace, TraceSink};
use crate::limits::STITCH_STORED_BYTES;
use crate::page::{Compressed, Context, Fill, Filling, Fills, Marker, Settled, Slot, Target};
use crate::revision::Injection;
use crate::scope::language::{Escape, Piece};
use crate::telemetry::{Metrics, Name, SlotLabels};

/// Fills the slots of one page.
#[derive(Debug)]
pub struct PageFills {
    plan: Plan,
    /// `None`: nobody will see the page.
    metrics: Option<Arc<Metrics>>,
    tracing: Option<Tracing>,
    /// By marker: elements found in this page. Empty where nobody is served.
    found: Vec<u64>,
}

/// What somebody who listens is told when a slot settles.
#[derive(Debug)]
struct Tracing {
    sink: TraceSink,
    /// By the slot's number.
    opened: Vec<Opened>,
}

/// What is known of a slot when it opens.
#[derive(Debug)]
struct Opened {
    context: Context,
    made: Made,
    reason: Option<Arc<str>>,
    filled: Option<FilledExplained>,
}

impl PageFills {
    /// Fills by `plan`; every settled slot is told to `observers`.
    pub fn new(plan: Plan, Observers { metrics, trace }: Observers) -> Self {
        let served = !trace.as_ref().is_some_and(TraceSink::explains);
        let found = if served { vec![0; plan.layout.slots.len()] } else { Vec::new() };
        let tracing = trace.map(|sink| Tracing { sink, opened: Vec::new() });
        Self { plan, metrics: Some(metrics), tracing, found }
    }

    /// Fills by `plan` a page of which only the head is sent: nobody is told.
    pub fn unseen(plan: Plan) -> Self {
        Self { plan, metrics: None, tracing: None, found: Vec::new() }
    }

    fn fill(&mut self, slot: &Slot) -> Fill {
        let fits = slot.context == ahead(&self.plan.layout.markers.list()[slot.marker].target);
        let at_element = match &self.plan.slots[slot.marker] {
            Prepared::Filled(_) => !fits,
            Prepared::Waiting(_) => true,
            Prepared::Idle | Prepared::Bare => false,
        };
        // What was escaped for text between tags is filled anew for the inside of a script or a title.
        let fresh = at_element.then(|| self.plan.fill_at_element(slot, escape_of(slot.context)));
        let prepared = fresh.as_ref().unwrap_or(&self.plan.slots[slot.marker]);
        if let Some(tracing) = &mut self.tracing {
            let explained = fresh.as_ref().filter(|_| tracing.sink.explains());
            tracing.opened.push(Opened {
                context: slot.context,
                made: made(prepared),
                reason: reason(prepared),
                filled: explained.and_then(|fresh| filled_told(self.plan.injection(slot.marker), fresh)),
            });
        }
        match prepared {
            Prepared::Idle | Prepared::Waiting(_) => Fill::Keep,
            Prepared::Bare => Fill::Show(Vec::new()),
            Prepared::Filled(filled) => {
                let nonce = self.plan.nonce.text();
                let html = matches!(self.plan.layout.markers.list()[slot.marker].target, Target::Place(_));
                kept_compressed(filled).filter(|_| html).unwrap_or_else(|| fill_of(filled, nonce))
            }
        }
    }
}

impl Fills for PageFills {
    fn open(&mut self, slot: &Slot) -> Filling {
        if let Some(found) = self.found.get_mut(slot.marker) {
            *found += 1;
        }
        // Whatever fails here costs one fragment, never the page.
        let fill = catch_unwind(AssertUnwindSafe(|| self.fill(slot)));
        Filling::Now(fill.unwrap_or_else(|_| {
            tracing::error!(injection = &*self.plan.injection(slot.marker).name, "filling a slot panicked");
            Fill::Keep
        }))
    }

    fn settled(&mut self, settled: Settled) {
        let Some(metrics) = &self.metrics else { return };
        if matches!(self.plan.slots[settled.marker], Prepared::Idle) {
            return;
        }
        let rule = self.plan.rule_name(settled.marker).clone();
        let labels = SlotLabels { rule: Name(rule.clone()), outcome: settled.outcome.word() };
        metrics.slots.get_or_create(&labels).inc();
        let injection = self.plan.injection(settled.marker);
        if let Some(tracing) = &mut self.tracing
            && let Some(opened) = tracing.opened.get_mut(settled.number)
        {
            tracing.sink.slot(SlotTrace {
                rule,
                injection: injection.name.clone(),
                select: selector(&injection.marker),
                target: injection.marker.target.clone(),
                context: opened.context,
                content: injection.content.as_ref().map_or(&injection.name, |content| &content.name).clone(),
                outcome: settled.outcome,
                reason: opened.reason.clone(),
                made: opened.made,
                filled: opened.filled.take(),
                source: settled.source,
                output: settled.output,
            });
        }
    }
}

/// With the page ends the look-out for its selectors. A page that broke off counts as well: many would have to before a match
/// is missed.
impl Drop for PageFills {
    fn drop(&mut self) {
        for (marker, news) in self.plan.layout.lookout.page(&self.found) {
            let Injection { name, marker, .. } = self.plan.injection(marker);
            let select = &*selector(marker);
            match news {
                News::Stopped => {
                    tracing::warn!(injection = &**name, select, "a selector that used to match finds nothing any more");
                }
                News::Back => tracing::info!(injection = &**name, select, "a selector matches again"),
            }
        }
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

fn fill_of(filled: &Filled, nonce: Option<&Arc<str>>) -> Fill {
    let content::Outcome::Show { pieces, .. } = &filled.outcome else {
        return Fill::Keep;
    };
    let bytes = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Nonce => nonce.map_or_else(Bytes::new, |nonce| Bytes::copy_from_slice(nonce.as_bytes())),
    };
    Fill::Show(pieces.iter().map(bytes).collect())
}

fn made(prepared: &Prepared) -> Made {
    match prepared {
        Prepared::Filled(Filled { outcome: content::Outcome::Show { how: How::Hit, .. }, .. }) => Made::Found,
        Prepared::Filled(Filled { outcome: content::Outcome::Show { how: How::Rendered, .. }, took, .. }) => {
            Made::Rendered(*took)
        }
        _ => Made::Fixed,
    }
}

/// Why the origin's content stays, in words.
fn reason(prepared: &Prepared) -> Option<Arc<str>> {
    match prepared {
        Prepared::Filled(Filled { outcome: content::Outcome::Nothing(nothing), .. }) => {
            Some(nothing.to_string().into())
        }
        _ => None,
    }
}

/// The author's selector, with that of `each` before it.
pub(super) fn selector(marker: &Marker) -> Arc<str> {
    match &marker.each {
        Some(each) => format!("{each} {}", marker.select).into(),
        None => marker.select.clone(),
    }
}

fn escape_of(context: Context) -> Escape {
    match context {
        Context::Html => Escape::Html,
        Context::Attribute => Escape::Attribute,
        Context::RawText => Escape::RawText,
        Context::EscapableText => Escape::EscapableText,
    }
}

/// The context for which content is filled ahead of its element.
fn ahead(target: &Target) -> Context {
    match target {
        Target::Attribute(_) => Context::Attribute,
        Target::Place(_) | Target::Class { .. } => Context::Html,
    }
}
