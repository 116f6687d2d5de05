//! Fragments: from a content's definition to what is laid in, through the fallback chain.
//!
//! In: a [`Content`] and the scope. Out: a [`Filled`]: bytes, or the reason why the origin's content stays. It must not
//! know pages, rules or the origin.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

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
