//! The plan as the page sees it: something that fills slots.
//!
//! In: slots, as the page finds them. Out: what is laid in, with the nonce in its places; counts and the trace of what became of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::{Awaits, Plan, Prepared};
use crate::content::{self, Filled};
use crate::exchange::trace::TraceSink;
use crate::page::{Context, Fill, Filling, Fills, Outcome, Settled, Slot, Target};
use crate::scope::language::{Escape, Piece};
use crate::telemetry::{Metrics, SlotLabels};

/// Fills the slots of one page.
#[derive(Debug)]
pub struct PageFills {
    plan: Plan,
    metrics: Arc<Metrics>,
    trace: Option<TraceSink>,
}

impl PageFills {
    /// Fills by `plan`; every settled slot is counted, and told to `trace` if somebody listens.
    pub fn new(plan: Plan, metrics: Arc<Metrics>, trace: Option<TraceSink>) -> Self {
        Self { plan, metrics, trace }
    }

    fn fill(&mut self, slot: &Slot) -> Fill {
        let escape = escape_of(slot.context);
        let fits = slot.context == ahead(&self.plan.layout.markers.list()[slot.marker].target);
        match &self.plan.slots[slot.marker] {
            Prepared::Idle => Fill::Keep,
            Prepared::Bare => Fill::Show(Vec::new()),
            Prepared::Filled(filled) if fits => self.fill_of(filled),
            // What was escaped for text between tags is filled anew for the inside of a script or a title.
            Prepared::Filled(_) | Prepared::Waiting(Awaits::Nothing | Awaits::Head | Awaits::Element) => {
                match self.plan.fill_at_element(slot, escape) {
                    Prepared::Bare => Fill::Show(Vec::new()),
                    Prepared::Filled(filled) => self.fill_of(&filled),
                    Prepared::Idle | Prepared::Waiting(_) => Fill::Keep,
                }
            }
        }
    }

    fn fill_of(&self, filled: &Filled) -> Fill {
        let content::Outcome::Show { pieces, .. } = &filled.outcome else {
            return Fill::Keep;
        };
        let nonce = || self.plan.nonce.text().map_or_else(Bytes::new, |nonce| Bytes::copy_from_slice(nonce.as_bytes()));
        Fill::Show(
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Nonce => nonce(),
                })
                .collect(),
        )
    }
}

impl Fills for PageFills {
    fn open(&mut self, slot: &Slot) -> Filling {
        // Whatever fails here costs one fragment, never the page.
        let fill = catch_unwind(AssertUnwindSafe(|| self.fill(slot)));
        Filling::Now(fill.unwrap_or_else(|_| {
            tracing::error!(injection = &*self.plan.injection(slot.marker).name, "filling a slot panicked");
            Fill::Keep
        }))
    }

    fn settled(&mut self, settled: Settled) {
        let idle = matches!(self.plan.slots[settled.marker], Prepared::Idle);
        if idle {
            return;
        }
        let rule = self.plan.rule_name(settled.marker).to_string();
        self.metrics.slots.get_or_create(&SlotLabels { rule, outcome: label(settled.outcome) }).inc();
        if let Some(trace) = &self.trace {
            trace.settled(self.plan.injection(settled.marker), self.plan.rule_name(settled.marker), settled);
        }
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

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Shown => "shown",
        Outcome::Kept => "kept",
        Outcome::Unclosed => "unclosed",
        Outcome::Covered => "covered",
        Outcome::Refused => "refused",
    }
}
