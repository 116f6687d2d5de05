//! All named fragments, and the walk from a content through its fallbacks to what is laid in.
//!
//! In: compiled contents, then a content and a scope per slot. Out: a [`Filled`]. It must not know pages or rules.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use crate::content::cache::Cache;
use crate::content::tally::{Tallied, Tally};
use crate::content::template::Making;
use crate::content::{Blank, Content, Fallback, Filled, How, Kind, Nothing, Outcome};
use crate::scope::Scope;
use crate::scope::language::{Escape, Language, Piece, Unit, escape_html, escape_json, quote_attribute};
use crate::scope::ledger::Ledger;

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
}

/// All named fragments with the language they are written in.
#[derive(Debug)]
pub struct Library {
    language: Arc<Language>,
    fragments: BTreeMap<Arc<str>, Content>,
    cache: Cache,
    /// By content's name; as many as the rules have contents.
    tallies: RwLock<BTreeMap<Arc<str>, Arc<Tally>>>,
}

impl Library {
    /// A library, or everything that is wrong with its fragments.
    pub fn new(
        language: Arc<Language>,
        fragments: BTreeMap<Arc<str>, Content>,
        cache: Cache,
    ) -> Result<Self, Vec<LibraryProblem>> {
        let library = Self { language, fragments, cache, tallies: RwLock::default() };
        let problems: Vec<_> = library.fragments.keys().flat_map(|name| library.problems_of(name)).collect();
        if problems.is_empty() { Ok(library) } else { Err(problems) }
    }

    /// The language of its templates.
    pub fn language(&self) -> &Arc<Language> {
        &self.language
    }

    /// Fills a slot: the content, then its fallbacks in turn. It runs as long as the templates do, which fuel bounds; once
    /// there are sources it will be `async` and be awaited by the slot.
    pub fn fill(&self, content: &Content, scope: &Scope, escape: Escape) -> Filled {
        let started = Instant::now();
        let mut walk = Walk { library: self, scope, escape, ledger: Ledger::new() };
        let outcome = walk.content(content, Blank::Keep);
        Filled { outcome, ledger: walk.ledger, took: started.elapsed() }
    }

    /// The counts of every content that was filled so far, by its name.
    pub fn tallies(&self) -> Vec<(Arc<str>, Tallied)> {
        let tallies = self.tallies.read().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().map(|(name, tally)| (name.clone(), tally.read())).collect()
    }

    fn tally(&self, name: &Arc<str>) -> Arc<Tally> {
        if let Some(tally) = self.tallies.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return tally.clone();
        }
        self.tallies.write().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone()
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

/// A content and all that its fallbacks may try.
fn all_tried(content: &Content) -> Vec<&Content> {
    let mut all = vec![content];
    if let Fallback::Try(contents) = &content.fallback {
        all.extend(contents.iter().flat_map(all_tried));
    }
    all
}

/// One slot on its way through the fallbacks.
struct Walk<'w> {
    library: &'w Library,
    scope: &'w Scope,
    escape: Escape,
    ledger: Ledger,
}

impl Walk<'_> {
    /// This content or what it falls back on; `blank` is what those around it ask for.
    fn content(&mut self, content: &Content, blank: Blank) -> Outcome {
        let blank = if content.blank == Blank::Show { Blank::Show } else { blank };
        let outcome = self.make(content, blank);
        let Outcome::Nothing(why) = outcome else { return outcome };
        match &content.fallback {
            Fallback::Keep => Outcome::Nothing(why),
            Fallback::Empty => Outcome::Show { pieces: Vec::new(), how: How::Fixed },
            Fallback::Try(others) => {
                let shown = others.iter().map(|other| self.content(other, Blank::Keep));
                let mut shown = shown.filter(|outcome| matches!(outcome, Outcome::Show { .. }));
                shown.next().unwrap_or(Outcome::Nothing(why))
            }
        }
    }

    /// This content alone.
    fn make(&mut self, content: &Content, blank: Blank) -> Outcome {
        let outcome = match &content.kind {
            Kind::Html(html) => {
                let pieces = vec![Piece::Text(html.clone())];
                let in_attribute = self.escape == Escape::Attribute;
                show(if in_attribute { quote_attribute(pieces) } else { pieces })
            }
            Kind::Text(text) => {
                let text = if self.escape == Escape::RawText { escape_json(text) } else { escape_html(text) };
                show(vec![Piece::Text(text.into())])
            }
            Kind::Template(name) => self.template(content, name),
            Kind::Fragment(name) => {
                return match self.library.fragments.get(name) {
                    Some(fragment) => self.content(fragment, blank),
                    None => Outcome::Nothing(Nothing::Missing(name.clone())),
                };
            }
        };
        match &outcome {
            Outcome::Show { pieces, .. } if blank == Blank::Keep && is_blank(pieces) => {
                self.library.tally(&content.name).blank();
                Outcome::Nothing(Nothing::Blank)
            }
            _ => outcome,
        }
    }

    fn template(&mut self, content: &Content, name: &str) -> Outcome {
        let Library { language, cache, .. } = self.library;
        let tally = self.library.tally(&content.name);
        let (scope, escape) = (self.scope, self.escape);
        let (made, ledger) = Making { language, cache, template: name, scope, escape, tally: &tally }.make();
        self.ledger.merge(ledger);
        match made {
            Err(error) => Outcome::Nothing(Nothing::Failed(error)),
            Ok((rendered, how)) => Outcome::Show { pieces: rendered.pieces.clone(), how },
        }
    }
}

fn show(pieces: Vec<Piece>) -> Outcome {
    Outcome::Show { pieces, how: How::Fixed }
}

fn is_blank(pieces: &[Piece]) -> bool {
    pieces.iter().all(Piece::is_blank)
}

/// What a fragment mentions, over all that it may try: for slots that only need the element when some content does.
impl Library {
    /// Whether `content`, or anything it may fall back on, may mention this name of the scope.
    pub fn mentions(&self, content: &Content, name: &str) -> bool {
        self.any_template(content, &mut |language, unit| language.mentions(unit).is_none_or(|it| it.mentions(name)))
    }

    /// Whether `content`, or anything it may fall back on, may read something that depends on who asks.
    pub fn may_read_visitor(&self, content: &Content) -> bool {
        self.any_template(content, &mut |language, unit| language.mentions(unit).is_none_or(|it| it.may_read_visitor()))
    }

    fn any_template(&self, content: &Content, holds: &mut dyn FnMut(&Language, &Unit) -> bool) -> bool {
        all_tried(content).into_iter().any(|content| match &content.kind {
            Kind::Template(name) => holds(&self.language, &Unit::Template(name.clone())),
            Kind::Fragment(name) => self.fragments.get(name).is_some_and(|fragment| self.any_template(fragment, holds)),
            Kind::Html(_) | Kind::Text(_) => false,
        })
    }
}
