//! Which slots a page has for this visitor, and what goes into them. The one room that sees both rules and pages.
//!
//! In: the context of an exchange, later the nonce of the page's head, later its elements. Out: fills for the page, and what the response rests on.
//! It must not touch headers or bodies.

pub mod decided;
mod element;
mod explain;
mod failure;
pub mod fills;
mod fuses;
mod late;
mod layout;
mod lookout;
mod nonce;
mod slot;

use std::sync::Arc;
use std::time::Duration;

pub use fuses::{Fuses, Gate};
use futures_util::future::join_all;
pub use layout::Layouts;
use tokio::time::{Instant, timeout_at};

use super::includes::Includes;
use crate::context::Context;
use crate::limits::SLOT_DEADLINE;
use crate::page::{Markers, Slot, Target};
use crate::revision::{Esi, Injection};
use crate::rule::fuse::Outcome;
use crate::scope::language::{AttributeKind, Escape};
use crate::scope::ledger::{Bounds, Fingerprint, Ledger};
use crate::scope::{Question, Scope};
use decided::Decided;
use element::ElementFacts;
use late::Late;
use layout::{Awaits, Layout};
use nonce::NonceFacts;
use slot::{Came, Filling, What};

/// What one exchange lays into its page.
#[derive(Debug)]
pub struct Plan {
    context: Arc<Context>,
    layout: Arc<Layout>,
    /// By the layout's rule index, highest first.
    rules: Vec<Decided>,
    /// By the marker's index.
    slots: Vec<Prepared>,
    nonce: Arc<NonceFacts>,
    bounds: Bounds,
    gate: Gate,
    /// Where includes are honoured: who brings them.
    includes: Option<Includes>,
}

/// How far a slot is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all slots are `Came`, and a box for each would cost every page")]
enum Prepared {
    /// Nothing is laid in: its rule says no.
    Idle,
    Waiting(Awaits),
    Came(Came),
    /// It is filled by a task of its own, which is waited for where the slot is due.
    Late(Late<Came>),
}

/// How long a slot's content took, and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct SlotTiming<'a> {
    pub name: &'a str,
    pub took: Option<Duration>,
    pub how: &'static str,
    /// What its code read.
    pub ledger: Option<&'a Ledger>,
}

impl Plan {
    /// Decides the rules of the request's path; `None` if it has none, and then nobody looked at the visitor.
    pub fn decide(context: &Arc<Context>, layouts: &Layouts, gate: Gate) -> Option<Self> {
        let numbers = context.revision.book.on_path(&context.site.name, &context.request, &context.supposed);
        Self::of(context, layouts, gate, &numbers)
    }

    /// No rules, only what the page itself includes; `None` where that is not honoured.
    pub fn without_rules(context: &Arc<Context>, layouts: &Layouts, gate: Gate) -> Option<Self> {
        Self::of(context, layouts, gate, &[])
    }

    fn of(context: &Arc<Context>, layouts: &Layouts, gate: Gate, numbers: &[usize]) -> Option<Self> {
        let esi = context.site.esi(context.request.path());
        if numbers.is_empty() && esi == Esi::Ignored {
            return None;
        }
        let layout = layouts.of(&context.revision, numbers, esi)?;
        let nonce = Arc::new(NonceFacts::default());
        let scope = context.scope().with("csp", nonce.clone());
        let rules: Vec<_> = numbers.iter().map(|number| Decided::of(context, *number, &scope, &gate)).collect();
        let mut bounds = Bounds::default();
        rules.iter().filter(|rule| rule.open().is_none()).for_each(|rule| bounds.merge(rule.bounds()));
        let slots = Vec::new();
        let mut plan = Self { context: context.clone(), layout, rules, slots, nonce, bounds, gate, includes: None };
        plan.slots = (0..plan.layout.slots.len()).map(|marker| plan.prepare(marker)).collect();
        Some(plan)
    }

    /// Waits until `deadline` for decisions that hang on sources, of rules that `matter`; those that have not come by then do
    /// not apply.
    pub async fn settle(&mut self, matter: impl Fn(usize) -> bool, deadline: Instant) {
        let open = |rule: &&mut Decided| rule.open().is_some() && matter(rule.number);
        let mut open: Vec<&mut Decided> = self.rules.iter_mut().filter(open).collect();
        if open.is_empty() {
            return;
        }
        let waited = join_all(open.iter().filter_map(|rule| rule.open().cloned()).map(Late::wait));
        let _ = timeout_at(deadline, waited).await;
        for rule in &mut open {
            rule.give_up();
            self.bounds.merge(rule.bounds());
        }
        for marker in 0..self.slots.len() {
            self.slots[marker] = self.prepare(marker);
        }
    }

    /// Whether any rule lays something in, or may, so that the page must be rewritten.
    pub fn applies(&self) -> bool {
        self.includes() || self.rules.iter().any(Decided::lays_in)
    }

    /// Whether what the page includes is looked for.
    pub fn includes(&self) -> bool {
        self.layout.markers.esi().is_some()
    }

    /// Who brings what the page includes.
    pub fn brings(&self) -> Option<Includes> {
        self.includes.clone()
    }

    /// Says who brings what the page includes.
    pub fn include_by(&mut self, includes: Includes) {
        self.includes = Some(includes);
        // Whatever is included comes while the page leaves: nobody else is to keep it.
        self.bounds.storable = false;
    }

    /// How a rule's part of the page came out; by the layout's rule index.
    fn came_out(&self, rule: usize, outcome: Outcome) {
        if let Gate::Serving(fuses) = &self.gate {
            let revision = &self.context.revision;
            fuses.note(revision.book.rule(self.rules[rule].number), outcome, revision);
        }
    }

    /// Brings what code lacked. Every rule reads of the same sources.
    pub async fn bring(&self, missing: &[Question]) {
        if let Some(rule) = self.rules.first() {
            rule.scope.bring(missing).await;
        }
    }

    /// The rules of the path, decided, highest first.
    pub fn rules(&self) -> &[Decided] {
        &self.rules
    }

    /// Adds what rules read for what they do besides: the page rests on it too.
    pub fn rests_on(&mut self, bounds: Bounds) {
        self.bounds.merge(bounds);
    }

    /// Whether the page may be another one than the origin's: now, for another visitor, or later.
    pub fn may_differ(&self) -> bool {
        self.applies() || self.bounds() != Bounds::default()
    }

    /// Fills what depends on nothing but the request.
    pub fn fill_ahead(&mut self) {
        self.fill_waiting(Awaits::Nothing);
    }

    /// Fills what waited for the head of the page. `nonce` is the one for scripts in this response; `own` what the page's elements
    /// carry, where that is another one.
    pub fn fill_at_head(&mut self, nonce: Option<&str>, own: Option<&str>) {
        self.nonce.settle(nonce, own);
        self.look();
        self.fill_waiting(Awaits::Head);
    }

    /// Takes in what has come meanwhile, so that the head can tell what it rests on.
    fn look(&mut self) {
        for rule in &mut self.rules {
            if rule.open().is_some() {
                rule.look();
                self.bounds.merge(if rule.open().is_none() { rule.bounds() } else { Bounds::default() });
            }
        }
    }

    /// What the page rests on: whether it differs by visitor, and until when it holds. Slots that are filled as their
    /// elements come, or late, are judged by their text, because the head leaves before them.
    pub fn bounds(&self) -> Bounds {
        let mut bounds = self.bounds;
        for (slot, laid_out) in self.slots.iter().zip(&self.layout.slots) {
            let late = match slot {
                Prepared::Idle | Prepared::Came(_) => continue,
                Prepared::Waiting(_) => None,
                Prepared::Late(late) => late.here(),
            };
            match late {
                Some(came) => bounds.merge(came.bounds),
                None => bounds.of_visitor |= laid_out.may_vary,
            }
        }
        bounds.of_visitor |= self.rules.iter().any(|rule| rule.open().is_some());
        bounds
    }

    /// The names of the rules that apply, highest first.
    pub fn applied(&self) -> impl Iterator<Item = &Arc<str>> {
        let rules = self.rules.iter().filter(|rule| rule.applies());
        rules.map(|rule| &self.context.revision.book.rule(rule.number).name)
    }

    /// Tells what the slots of the rules that apply took so far.
    pub fn tell_timings(&self, mut tell: impl FnMut(SlotTiming<'_>)) {
        for (marker, slot) in self.slots.iter().enumerate() {
            let name = &*self.injection(marker).name;
            let bare = |how| SlotTiming { name, took: None, how, ledger: None };
            let mut came = |came: &Came| match &came.what {
                What::Unwanted => {}
                What::Bare => tell(bare("bare")),
                What::Filled(filled) => {
                    let (took, how) = (Some(filled.took), filled.outcome.word());
                    tell(SlotTiming { name, took, how, ledger: Some(&filled.ledger) });
                }
            };
            match slot {
                Prepared::Idle => {}
                Prepared::Waiting(_) => tell(bare("at its element")),
                Prepared::Came(slot) => came(slot),
                Prepared::Late(late) => match late.here() {
                    Some(late) => came(&late),
                    None => tell(bare("late")),
                },
            }
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

    fn injection(&self, marker: usize) -> &Injection {
        let slot = self.layout.slots[marker];
        &self.context.revision.injections[self.rules[slot.rule].number][slot.injection]
    }

    fn rule_name(&self, marker: usize) -> &Arc<str> {
        let number = self.rules[self.layout.slots[marker].rule].number;
        &self.context.revision.book.rule(number).name
    }

    /// Until when a slot that is due is waited for.
    fn deadline(&self, marker: usize) -> Instant {
        let wait = self.injection(marker).content.as_ref().map_or(SLOT_DEADLINE, |content| content.deadline);
        Instant::from_std(self.context.started + wait)
    }

    /// How far a slot can be brought at once.
    fn prepare(&self, marker: usize) -> Prepared {
        let slot = self.layout.slots[marker];
        let rule = &self.rules[slot.rule];
        if rule.applies() || rule.open().is_some() { Prepared::Waiting(slot.awaits) } else { Prepared::Idle }
    }

    fn fill_waiting(&mut self, awaits: Awaits) {
        for marker in 0..self.slots.len() {
            if matches!(self.slots[marker], Prepared::Waiting(for_what) if for_what == awaits) {
                let scope = self.rules[self.layout.slots[marker].rule].scope.clone();
                let escape = match self.injection(marker).marker.target {
                    Target::Attribute(_) => Escape::Attribute(AttributeKind::Plain),
                    Target::Place(_) | Target::Class { .. } => Escape::Html,
                };
                self.slots[marker] = self.fill(marker, scope, escape);
            }
        }
    }

    /// Fills one slot, whose element has come.
    fn fill_at_element(&mut self, slot: &Slot, escape: Escape) -> Prepared {
        let mut scope = self.rules[self.layout.slots[slot.marker].rule].scope.clone();
        for (name, element) in [("element", &slot.element), ("each", &slot.each)] {
            if let Some(element) = element {
                scope = scope
                    .with(name, Arc::new(ElementFacts { element: element.clone(), nonce: self.nonce.exchanged() }));
            }
        }
        self.fill(slot.marker, scope, escape)
    }

    /// Fills one slot, or has that begun.
    fn fill(&mut self, marker: usize, scope: Scope, escape: Escape) -> Prepared {
        let slot = self.layout.slots[marker];
        let rule = &self.rules[slot.rule];
        let context = self.context.clone();
        // The page knows that it is an attribute; which one says the rule.
        let escape = match (escape, &self.injection(marker).marker.target) {
            (Escape::Attribute(_), Target::Attribute(name)) => Escape::Attribute(AttributeKind::of(name)),
            (escape, _) => escape,
        };
        let filling = Filling { context, rule: rule.number, injection: slot.injection, scope, escape };
        if let Some(ruling) = rule.open() {
            return Prepared::Late(Late::start(filling.once_decided(ruling.clone())));
        }
        match filling.at_once() {
            Ok(came) => {
                self.bounds.merge(came.bounds);
                Prepared::Came(came)
            }
            Err(stands) => Prepared::Late(Late::start(filling.finish(stands))),
        }
    }
}
