//! Which slots a page has for this visitor, and what goes into them. The one room that sees both rules and pages.
//!
//! In: the context of an exchange, later the nonce of the page's head, later its elements. Out: fills for the page, and what the response rests on.
//! It must not touch headers or bodies.

pub mod decided;
mod element;
mod explain;
pub mod fills;
mod layout;
mod lookout;
mod nonce;

use std::sync::Arc;
use std::time::Duration;

pub use layout::Layouts;

use crate::content::Filled;
use crate::context::Context;
use crate::page::{Markers, Slot, Target};
use crate::revision::{Injection, Revision};
use crate::scope::Scope;
use crate::scope::language::Escape;
use crate::scope::ledger::{Bounds, Fingerprint, Reader};
use decided::Decided;
use element::ElementFacts;
use layout::{Awaits, Layout};
use nonce::NonceFacts;

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
}

/// How far a slot is.
#[derive(Debug)]
enum Prepared {
    /// Nothing is laid in: its rule or its own condition says no.
    Idle,
    /// It needs no content.
    Bare,
    Filled(Filled),
    Waiting(Awaits),
}

/// How long a slot's content took, and where it came from.
#[derive(Clone, Debug)]
pub struct SlotTiming {
    pub name: Arc<str>,
    pub took: Option<Duration>,
    pub how: &'static str,
    /// The paths that its code read.
    pub varies_by: Vec<String>,
}

impl Plan {
    /// Decides the rules of the request's path; `None` if it has none, and then nobody looked at the visitor.
    pub fn decide(context: &Arc<Context>, layouts: &Layouts) -> Option<Self> {
        let numbers = context.revision.book.on_path(&context.site.name, &context.request, &context.supposed);
        if numbers.is_empty() {
            return None;
        }
        let layout = layouts.of(&context.revision, &numbers)?;
        let nonce = Arc::new(NonceFacts::default());
        let scope = context.scope().with("csp", nonce.clone());
        let rules: Vec<_> = numbers.iter().map(|number| Decided::of(context, *number, &scope)).collect();
        let mut bounds = Bounds::default();
        rules.iter().for_each(|rule| bounds.merge(rule.bounds));
        let slots = Vec::new();
        let mut plan = Self { context: context.clone(), layout, rules, slots, nonce, bounds };
        plan.slots = (0..plan.layout.slots.len()).map(|marker| plan.prepare(marker)).collect();
        Some(plan)
    }

    /// Whether any rule lays something in, so that the page must be rewritten.
    pub fn applies(&self) -> bool {
        self.rules.iter().any(Decided::lays_in)
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
        self.fill_waiting(Awaits::Head);
    }

    /// What the page rests on: whether it differs by visitor, and until when it holds. Slots that are filled as their
    /// elements come are judged by their text, because the head leaves before them.
    pub fn bounds(&self) -> Bounds {
        let waiting = |marker: usize| matches!(self.slots[marker], Prepared::Waiting(_));
        let may_vary = (0..self.slots.len()).any(|marker| waiting(marker) && self.layout.slots[marker].may_vary);
        Bounds { of_visitor: self.bounds.of_visitor || may_vary, ..self.bounds }
    }

    /// The names of the rules that apply, highest first.
    pub fn applied(&self) -> impl Iterator<Item = &Arc<str>> {
        let rules = self.rules.iter().filter(|rule| rule.applies());
        rules.map(|rule| &self.context.revision.book.rule(rule.number).name)
    }

    /// What the slots of the rules that apply took so far.
    pub fn timings(&self) -> impl Iterator<Item = SlotTiming> {
        (0..self.slots.len()).filter_map(|marker| {
            let name = self.injection(marker).name.clone();
            let told = |how| SlotTiming { name: name.clone(), took: None, how, varies_by: Vec::new() };
            Some(match &self.slots[marker] {
                Prepared::Idle => return None,
                Prepared::Bare => told("bare"),
                Prepared::Waiting(_) => told("at its element"),
                Prepared::Filled(filled) => SlotTiming {
                    took: Some(filled.took),
                    varies_by: filled.ledger.varies_by(),
                    ..told(filled.outcome.word())
                },
            })
        })
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
        self.injection_of(&self.context.revision, marker)
    }

    /// The same, borrowed of a revision at hand, so that the plan may change meanwhile.
    fn injection_of<'r>(&self, revision: &'r Revision, marker: usize) -> &'r Injection {
        let slot = self.layout.slots[marker];
        &revision.injections[self.rules[slot.rule].number][slot.injection]
    }

    fn rule_name(&self, marker: usize) -> &Arc<str> {
        let number = self.rules[self.layout.slots[marker].rule].number;
        &self.context.revision.book.rule(number).name
    }

    /// How far a slot can be brought at once.
    fn prepare(&mut self, marker: usize) -> Prepared {
        let slot = self.layout.slots[marker];
        if !self.rules[slot.rule].applies() {
            return Prepared::Idle;
        }
        if self.injection(marker).content.is_some() || slot.awaits != Awaits::Nothing {
            return Prepared::Waiting(slot.awaits);
        }
        let scope = self.rules[slot.rule].scope.clone();
        if self.wanted(marker, &scope) { Prepared::Bare } else { Prepared::Idle }
    }

    fn fill_waiting(&mut self, awaits: Awaits) {
        for marker in 0..self.slots.len() {
            if matches!(self.slots[marker], Prepared::Waiting(for_what) if for_what == awaits) {
                let scope = self.rules[self.layout.slots[marker].rule].scope.clone();
                let escape = match self.injection(marker).marker.target {
                    Target::Attribute(_) => Escape::Attribute,
                    Target::Place(_) | Target::Class { .. } => Escape::Html,
                };
                self.slots[marker] = self.fill(marker, &scope, escape);
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
        self.fill(slot.marker, &scope, escape)
    }

    fn fill(&mut self, marker: usize, scope: &Scope, escape: Escape) -> Prepared {
        if !self.wanted(marker, scope) {
            return Prepared::Idle;
        }
        let revision = self.context.revision.clone();
        let Some(content) = &self.injection_of(&revision, marker).content else {
            return Prepared::Bare;
        };
        let filled = revision.library.fill(content, scope, escape);
        self.bounds.merge(filled.ledger.bounds());
        Prepared::Filled(filled)
    }

    /// Whether the injection's own condition holds.
    fn wanted(&mut self, marker: usize, scope: &Scope) -> bool {
        let revision = self.context.revision.clone();
        let Injection { name, when, .. } = self.injection_of(&revision, marker);
        let Some(condition) = when else { return true };
        let reader = Reader::new(scope.clone());
        let held = revision.language.holds(&condition.name, &reader);
        self.bounds.merge(reader.ledger().bounds());
        held.unwrap_or_else(|error| {
            tracing::warn!(injection = &**name, %condition, %error, "a condition could not be evaluated: its injection is left out");
            false
        })
    }
}
