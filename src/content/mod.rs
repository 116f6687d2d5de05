//! Fragments: from a content's definition to what is laid in, through the fallback chain.
//!
//! In: a [`Content`] and the scope. Out: a [`Filled`]: bytes, or the reason why the origin's content stays. It must not
//! know pages, rules or the origin.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::scope::Scope;
use crate::scope::language::{Escape, Language, Piece};
use crate::scope::ledger::Ledger;

/// What an author asked to be laid in, compiled.
#[derive(Clone, Debug)]
pub struct Content {
    pub kind: Kind,
    pub fallback: Fallback,
    /// From the start of the request; it bites when the slot is late and due.
    pub deadline: Duration,
    pub blank: Blank,
    /// For metrics, timings and messages: `rule.position` or the fragment's name.
    pub name: Arc<str>,
}

/// The kinds of content. Sources, functions, fetches, decisions and experiments will join here.
#[derive(Clone, Debug)]
pub enum Kind {
    Html(Bytes),
    /// Shown as text: escaped for the place where it stands.
    Text(Arc<str>),
    /// A template of the language, by the name under which it was added.
    Template(Arc<str>),
    /// A named fragment, by its name.
    Fragment(Arc<str>),
}

/// What is tried when a content fails or has nothing to show.
#[derive(Clone, Debug, Default)]
pub enum Fallback {
    /// What the origin had.
    #[default]
    Keep,
    /// Nothing at all.
    Empty,
    /// These in turn; after the last, what the origin had.
    Try(Vec<Content>),
}

/// What output of white space only means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blank {
    /// Nothing to show: the fallback, then the origin's content.
    #[default]
    Keep,
    /// Shown as it is.
    Show,
}

/// The fragment cache. Cheap to clone; survives a reload of the rules.
#[derive(Clone, Debug)]
pub struct Cache {}

impl Cache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: u64) -> Self {
        todo!("{bytes}")
    }
}

/// A named fragment that leads to itself, through its content or its fallbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryProblem {
    pub fragment: Arc<str>,
    pub message: String,
}

/// All named fragments with the language they are written in.
#[derive(Debug)]
pub struct Library {}

impl Library {
    /// A library, or everything that is wrong with its fragments: unknown names, endless loops.
    pub fn new(
        language: Arc<Language>,
        fragments: BTreeMap<Arc<str>, Content>,
        cache: Cache,
    ) -> Result<Self, Vec<LibraryProblem>> {
        todo!("{language:?} {fragments:?} {cache:?}")
    }

    /// Fills a slot: the content, then its fallbacks in turn.
    pub fn fill(&self, content: &Content, scope: &Scope, escape: Escape) -> Filled {
        todo!("{content:?} {scope:?} {escape:?}")
    }
}

/// What a content came to.
#[derive(Debug)]
pub struct Filled {
    pub outcome: Outcome,
    /// Everything that was read on the way, by the contents that failed too; to be merged into the page's.
    pub ledger: Ledger,
    /// How long it took.
    pub took: Duration,
}

/// What is laid in, or why nothing is.
#[derive(Debug)]
pub enum Outcome {
    /// These pieces; none of them empties the slot.
    Show { pieces: Vec<Piece>, how: How },
    /// The origin's content stays.
    Nothing(Nothing),
}

/// Where shown pieces came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// No code ran: `html`, `text`, `fallback: empty`.
    Fixed,
    /// A template was rendered for it.
    Rendered,
    /// The fragment cache had it.
    Hit,
}

/// Why the origin's content stays.
#[derive(Debug)]
pub enum Nothing {
    /// White space only.
    Blank,
    /// The content, and what it fell back on, failed; the first error.
    Failed(crate::scope::language::RenderError),
}
