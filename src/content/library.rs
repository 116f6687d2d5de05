//! All named fragments, the language they are written in, and what is counted of them.
//!
//! In: compiled contents. Out: what is wrong with them, what they mention, and for a content and a scope a [`Filled`]. It
//! must not know pages or rules.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::content::cache::Cache;
use crate::content::function::{Engine, Functions};
use crate::content::tally::{Tallied, Tally};
use crate::content::{Content, Fallback, Invocation, Kind, Lasting};
use crate::scope::language::{Language, Unit};

/// Something wrong with a named fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryProblem {
    /// It leads to itself, through its content or its fallbacks, by way of these.
    #[error("fragment {fragment} leads to itself: {}", path.join(" → "))]
    Endless { fragment: Arc<str>, path: Vec<String> },
    /// It leads to a fragment that does not exist.
    #[error("fragment {fragment} needs fragment {missing}, which does not exist")]
    NoFragment { fragment: Arc<str>, missing: Arc<str> },
    /// It leads to a template that does not exist.
    #[error("fragment {fragment} needs template {missing}, which does not exist")]
    NoTemplate { fragment: Arc<str>, missing: Arc<str> },
    /// It leads to a function that does not exist.
    #[error("fragment {fragment} needs function {missing}, which does not exist")]
    NoFunction { fragment: Arc<str>, missing: Arc<str> },
}

/// What runs for a content.
enum Code<'c> {
    Template(Unit),
    Function(&'c str),
    /// None of ours: a source is asked.
    Source,
}

/// All named fragments with the language they are written in.
#[derive(Debug)]
pub struct Library {
    pub(super) language: Arc<Language>,
    pub(super) fragments: BTreeMap<Arc<str>, Content>,
    pub(super) functions: Arc<Functions>,
    pub(super) lasting: Lasting,
    /// By content's name; as many as the rules have contents.
    tallies: RwLock<BTreeMap<Arc<str>, Arc<Tally>>>,
}

impl Library {
    /// A library without functions, or everything that is wrong with its fragments.
    pub fn new(
        language: Arc<Language>,
        fragments: BTreeMap<Arc<str>, Content>,
        cache: Cache,
    ) -> Result<Arc<Self>, Vec<LibraryProblem>> {
        Self::with_functions(language, fragments, Arc::default(), Lasting::new(cache, Engine::default()))
    }

    /// The same with functions, and what libraries share.
    pub fn with_functions(
        language: Arc<Language>,
        fragments: BTreeMap<Arc<str>, Content>,
        functions: Arc<Functions>,
        lasting: Lasting,
    ) -> Result<Arc<Self>, Vec<LibraryProblem>> {
        let library = Arc::new(Self { language, fragments, functions, lasting, tallies: RwLock::default() });
        let problems: Vec<_> = library.fragments.keys().flat_map(|name| library.problems_of(name)).collect();
        if problems.is_empty() { Ok(library) } else { Err(problems) }
    }

    /// The named fragments.
    pub fn fragments(&self) -> &BTreeMap<Arc<str>, Content> {
        &self.fragments
    }

    /// Whether there is code in JavaScript, of which it only shows in time what it reads.
    pub fn has_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// The language of its templates.
    pub fn language(&self) -> &Arc<Language> {
        &self.language
    }

    /// The counts of every content that was filled so far, by its name.
    pub fn tallies(&self) -> Vec<(Arc<str>, Tallied)> {
        let tallies = self.tallies.read().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().map(|(name, tally)| (name.clone(), tally.read())).collect()
    }

    pub(super) fn tally(&self, name: &Arc<str>) -> Arc<Tally> {
        if let Some(tally) = self.tallies.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return tally.clone();
        }
        self.tallies.write().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone()
    }

    /// Where it is counted that the code of `content`, which may be a fragment's, was found or made; `None` if it has none.
    pub fn tally_of(&self, content: &Content) -> Option<Arc<Tally>> {
        match &content.kind {
            Kind::Template(_) | Kind::Function(_) => Some(self.tally(&content.name)),
            Kind::Fragment(name) => self.tally_of(self.fragments.get(name)?),
            Kind::Html(_) | Kind::Text(_) | Kind::Fetch(_) => None,
        }
    }

    /// Whether `content`, or anything it may fall back on, may mention this name of the scope.
    pub fn mentions(&self, content: &Content, name: &str) -> bool {
        self.any_code(content, &|code| match code {
            Code::Template(unit) => self.language.mentions(&unit).is_none_or(|it| it.mentions(name)),
            Code::Function(function) => self.functions.mentions(function, name),
            Code::Source => name == "sources",
        })
    }

    /// Whether `content`, or anything it may fall back on, may read something that depends on who asks. Of a function nobody knows
    /// before it was called.
    pub fn may_read_visitor(&self, content: &Content) -> bool {
        self.any_code(content, &|code| match code {
            Code::Template(unit) => self.language.mentions(&unit).is_none_or(|it| it.may_read_visitor()),
            // What comes while the page leaves may break off: nobody else is to keep such a page.
            Code::Function(_) | Code::Source => true,
        })
    }

    fn any_code(&self, content: &Content, holds: &dyn Fn(Code<'_>) -> bool) -> bool {
        all_tried(content).into_iter().any(|content| match &content.kind {
            Kind::Template(name) => holds(Code::Template(Unit::Template(name.clone()))),
            Kind::Function(invocation) => holds(Code::Function(&invocation.function)),
            Kind::Fetch(fetch) => {
                let mut templates = fetch.with.iter().map(|(_, template)| template);
                holds(Code::Source) || templates.any(|name| holds(Code::Template(Unit::Template(name.clone()))))
            }
            Kind::Fragment(name) => self.fragments.get(name).is_some_and(|fragment| self.any_code(fragment, holds)),
            Kind::Html(_) | Kind::Text(_) => false,
        })
    }

    fn problems_of(&self, name: &Arc<str>) -> Vec<LibraryProblem> {
        let fragment = || name.clone();
        let mut problems = Vec::new();
        for content in all_tried(&self.fragments[name]) {
            match &content.kind {
                Kind::Fragment(missing) if !self.fragments.contains_key(missing) => {
                    problems.push(LibraryProblem::NoFragment { fragment: fragment(), missing: missing.clone() });
                }
                Kind::Template(missing) if self.language.identity(missing).is_none() => {
                    problems.push(LibraryProblem::NoTemplate { fragment: fragment(), missing: missing.clone() });
                }
                Kind::Function(Invocation { function: missing, .. }) if self.functions.identity(missing).is_none() => {
                    problems.push(LibraryProblem::NoFunction { fragment: fragment(), missing: missing.clone() });
                }
                _ => {}
            }
        }
        problems.extend(self.loop_through(name).map(|path| LibraryProblem::Endless { fragment: fragment(), path }));
        problems
    }

    /// The way from a fragment back to itself, if there is one.
    fn loop_through(&self, name: &Arc<str>) -> Option<Vec<String>> {
        let mut seen: Vec<&Arc<str>> = Vec::new();
        let mut next = vec![vec![name]];
        while let Some(path) = next.pop() {
            let content = path.last().and_then(|last| self.fragments.get(*last));
            for needed in content.into_iter().flat_map(all_tried).filter_map(fragment_of) {
                if needed == name {
                    return Some(path.iter().chain([&needed]).map(|name| name.to_string()).collect());
                }
                if !seen.contains(&needed) {
                    seen.push(needed);
                    next.push(path.iter().copied().chain([needed]).collect());
                }
            }
        }
        None
    }
}

fn fragment_of(content: &Content) -> Option<&Arc<str>> {
    match &content.kind {
        Kind::Fragment(name) => Some(name),
        _ => None,
    }
}

/// A content and all that may be tried in its place.
fn all_tried(content: &Content) -> Vec<&Content> {
    let mut all = vec![content];
    if let Fallback::Try(contents) = &content.fallback {
        all.extend(contents.iter().flat_map(all_tried));
    }
    all.extend(content.on_error.as_deref().into_iter().flat_map(all_tried));
    all
}
