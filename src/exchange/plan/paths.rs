//! What a path brings, whoever asks: which rules have it, what these capture, and their layout.
//!
//! In: the context of an exchange. Out: the [`OnPath`] of its site, host and path; found again for all who ask there. It must not
//! look at a visitor.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::layout::{Awaits, Layout, Layouts};
use crate::context::Context;
use crate::limits::PATHS;
use crate::revision::Esi;
use crate::scope::Facts;
use crate::scope::ledger::Fingerprint;
use crate::scope::values::Tree;

/// What paths bring, by revision, site, host and path.
#[derive(Debug)]
pub struct Paths {
    known: Cache<Fingerprint, Arc<OnPath>>,
    pub layouts: Layouts,
}

/// What one path brings.
#[derive(Debug)]
pub struct OnPath {
    /// Names it, and what is kept for it.
    pub name: Fingerprint,
    /// Highest first.
    pub rules: Vec<RuleOnPath>,
    /// `None` where no rule has the path, pages include nothing, and nothing is read from them.
    pub layout: Option<Arc<Layout>>,
    /// Whether rules have the path, or pages include something.
    pub lays_in: bool,
    /// What is collected there: the markers of the layout read it, in this order.
    pub collects: Vec<usize>,
    /// Whether any rule does something besides.
    pub acts: bool,
    /// Whether all that is laid in can be known before the page comes, nothing else is done, and no rule switches itself off.
    pub lays_in_ahead: bool,
}

/// A rule that has the path.
#[derive(Clone, Debug)]
pub struct RuleOnPath {
    pub number: usize,
    /// What its patterns capture, as `params` in code.
    pub params: Arc<dyn Facts>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { known: Cache::new(PATHS), layouts: Layouts::default() }
    }
}

impl Paths {
    /// What the path of this exchange brings.
    pub fn of(&self, context: &Context) -> Arc<OnPath> {
        let Context { revision, site, request, supposed, .. } = context;
        let name = Fingerprint::of((&*revision.id, &*site.name, request.host(), request.path()));
        let numbers = || revision.book.on_path(&site.name, request, supposed);
        let collects = || revision.collects.book.on_path(&site.name, request, supposed);
        if !supposed.is_nothing() {
            // Then a path may have a rule more.
            return Arc::new(OnPath::new(context, name, &numbers(), collects(), &self.layouts));
        }
        if let Some(known) = self.known.get(&name) {
            return known;
        }
        let found = Arc::new(OnPath::new(context, name, &numbers(), collects(), &self.layouts));
        self.known.insert(name, found.clone());
        found
    }

    /// The same as if no rule had the path: what pages include themselves is left.
    pub fn without_rules(&self, context: &Context) -> Arc<OnPath> {
        Arc::new(OnPath::new(context, Fingerprint::of(&context.revision.id), &[], Vec::new(), &self.layouts))
    }
}

impl OnPath {
    fn new(context: &Context, name: Fingerprint, numbers: &[usize], collects: Vec<usize>, layouts: &Layouts) -> Self {
        let Context { revision, site, request, .. } = context;
        let esi = site.esi(request.path());
        let lays_in = !numbers.is_empty() || esi == Esi::Honoured;
        let layout = (lays_in || !collects.is_empty()).then(|| layouts.of(revision, numbers, &collects, esi)).flatten();
        let ahead = |layout: &Layout| layout.slots.iter().all(|slot| slot.awaits == Awaits::Nothing);
        let acts = numbers.iter().any(|number| !revision.actions[*number].is_empty());
        // Whether a rule that fails is off changes from page to page.
        let steady = |number: &usize| revision.book.rule(*number).on_error.off.is_none();
        let lays_in_ahead =
            !acts && esi == Esi::Ignored && numbers.iter().all(steady) && layout.as_deref().is_some_and(ahead);
        let rule = |number: usize| {
            let captures = revision.book.rule(number).place(&site.name, request).unwrap_or_default();
            let params = captures.into_iter().map(|(name, text)| (name.to_string(), text.into())).collect();
            RuleOnPath { number, params: Arc::new(Tree::shared(serde_json::Value::Object(params))) }
        };
        Self {
            name,
            lays_in,
            collects,
            rules: numbers.iter().copied().map(rule).collect(),
            layout,
            acts,
            lays_in_ahead,
        }
    }
}
