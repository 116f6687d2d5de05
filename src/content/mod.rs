//! Fragments: from a content's definition to what is laid in, through the fallback chain.
//!
//! In: a [`Content`] and the scope. Out: a [`Filled`]: bytes, or the reason why the origin's content stays. It must not
//! know pages, rules or the origin.

mod beside;
mod cache;
pub mod error_page;
mod fetch;
mod filling;
pub mod function;
mod invocation;
mod lasting;
mod library;
pub mod source;
mod tally;
mod template;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::content::function::FunctionError;
use crate::http::flow::Flow;
use crate::scope::language::{Piece, RenderError};
use crate::scope::ledger::Ledger;

pub use beside::Beside;
pub use cache::Cache;
pub use fetch::Fetch;
pub use invocation::Invocation;
pub use lasting::Lasting;
pub use library::{Library, LibraryProblem};
pub use tally::{Tallied, Tally};

/// What an author asked to be laid in, compiled.
#[derive(Clone, Debug)]
pub struct Content {
    pub kind: Kind,
    pub fallback: Fallback,
    /// Shown where it failed and nothing that it falls back on is shown; not where there was only nothing to show.
    pub on_error: Option<Box<Content>>,
    /// From the start of the request; it bites when the slot is late and due. What is rendered in place is never late.
    pub deadline: Duration,
    pub blank: Blank,
    /// For metrics, timings and messages: `rule.position` or the fragment's name.
    pub name: Arc<str>,
}

/// The kinds of content. Decisions and experiments will join here.
#[derive(Clone, Debug)]
pub enum Kind {
    Html(Bytes),
    /// Shown as text: escaped for the place where it stands.
    Text(Arc<str>),
    /// A template of the language, by the name under which it was added.
    Template(Arc<str>),
    /// A function, by its name.
    Function(Invocation),
    /// HTML of a source, laid in as it comes.
    Fetch(Fetch),
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

/// An attempt to fill a slot.
pub enum Attempt {
    /// Everything that it takes was at hand.
    Done(Filled),
    /// Something must be waited for. The future does nothing unless it is polled, and ends by itself; whoever waits less
    /// long lets it go.
    Later(BoxFuture<'static, Filled>),
}

impl Attempt {
    /// What it came to, if nothing had to be waited for.
    pub fn done(self) -> Option<Filled> {
        match self {
            Self::Done(filled) => Some(filled),
            Self::Later(_) => None,
        }
    }
}

/// What a content came to.
#[derive(Debug)]
pub struct Filled {
    pub outcome: Outcome,
    /// Everything that was read on the way, also by contents that failed; to be merged into the page's.
    pub ledger: Ledger,
    /// How long it took.
    pub took: Duration,
    /// What was tried in vain, if anything was.
    pub detour: Option<Box<Detour>>,
}

/// The way through the fallbacks, where the first content was not shown.
#[derive(Debug, Default)]
pub struct Detour {
    /// Contents that were not shown, by name, and why, in order.
    pub tried: Vec<(Arc<str>, Nothing)>,
    /// The fallback that is shown, by name.
    pub shown: Option<Arc<str>>,
}

/// What is laid in, or why nothing is.
#[derive(Debug)]
pub enum Outcome {
    /// These pieces; none of them empties the slot. A result that was found has room beside it.
    Show { pieces: Vec<Piece>, how: How, beside: Option<Beside> },
    /// HTML that has begun to come, with more than white space; it is laid in as it comes.
    Stream(Flow),
    /// The origin's content stays.
    Nothing(Nothing),
}

impl Outcome {
    /// What it came to, in one word: for timings.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Show { how: How::Fixed, .. } => "fixed",
            Outcome::Show { how: How::Rendered, .. } => "rendered",
            Outcome::Show { how: How::Hit, .. } => "hit",
            Outcome::Show { how: How::Fetched, .. } => "fetched",
            Outcome::Stream(_) => "streaming",
            Outcome::Nothing(Nothing::Blank) => "blank",
            Outcome::Nothing(_) => "failed",
        }
    }

    /// Whether something is laid in.
    pub fn is_shown(&self) -> bool {
        matches!(self, Outcome::Show { .. } | Outcome::Stream(_))
    }
}

/// Where shown pieces came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// No code ran: `html`, `text`, `fallback: empty`.
    Fixed,
    /// A template was rendered for it, or a function called.
    Rendered,
    /// The fragment cache had it.
    Hit,
    /// A source sent it, now or before.
    Fetched,
}

/// Why the origin's content stays: what became of the first content that was tried.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Nothing {
    /// White space only.
    #[error("blank")]
    Blank,
    /// Its code failed.
    #[error(transparent)]
    Failed(Arc<RenderError>),
    /// The function of this name failed, or was cut off.
    #[error("{1}")]
    Function(Arc<str>, #[source] Arc<FunctionError>),
    /// The source gave no HTML, and why, in words for the author.
    #[error("{0}")]
    Unfetched(Arc<str>),
    /// After [`SOURCE_ROUNDS`](crate::limits::SOURCE_ROUNDS) answers of sources it asked for yet another.
    #[error("it asked sources again and again, each time for what hung on the answers before")]
    Rounds,
    /// No fragment has this name; a library that was built of all fragments has none such.
    #[error("there is no fragment `{0}`")]
    Missing(Arc<str>),
}
