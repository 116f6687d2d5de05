//! The one language of templates and conditions.
//!
//! In: sources by name. Out: a [`Language`] that renders them, or everything that is wrong with them. It must not know
//! files, rules or pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::ledger::{Fingerprint, Reader};

/// Collects sources. All of them are added before [`build`](Self::build), so that they may include one another.
#[derive(Debug, Default)]
pub struct LanguageBuilder {}

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Which of the language's two kinds of source is meant; each has names of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    Template(Arc<str>),
    Condition(Arc<str>),
}

/// Something wrong with a source, in the author's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub unit: Unit,
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where it is in the source, in bytes.
    pub span: std::ops::Range<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl LanguageBuilder {
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a template.
    pub fn template(&mut self, name: &str, source: &str) -> &mut Self {
        todo!("{name} {source}")
    }
    /// Adds a condition: one expression.
    pub fn condition(&mut self, name: &str, source: &str) -> &mut Self {
        todo!("{name} {source}")
    }
    /// The language with its warnings, or all problems (warnings among them).
    pub fn build(self) -> Result<(Arc<Language>, Vec<Problem>), Vec<Problem>> {
        todo!()
    }
}

/// Compiled templates and conditions.
#[derive(Debug)]
pub struct Language {}

/// Static facts about a source and all that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Dotted paths that begin with a name not set by the source itself: `element`, `request.path`, `audiences.gold`.
    pub paths: BTreeSet<String>,
}

impl Mentions {
    /// Whether `name` or something below it is mentioned: `mentions("random")`.
    pub fn mentions(&self, name: &str) -> bool {
        todo!("{name}")
    }
    /// Whether a render may read something that depends on who asks. When in doubt, yes.
    pub fn may_read_visitor(&self) -> bool {
        todo!()
    }
}

/// How what is printed must be escaped, by the place where it will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escape {
    /// Between tags.
    Html,
    /// In an attribute's value in double quotes.
    Attribute,
    /// In `script` or `style`: values become JSON.
    RawText,
    /// In `title` or `textarea`.
    EscapableText,
}

/// A part of a rendered result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Bytes),
    /// Where the page's own CSP nonce goes, filled in per response.
    Nonce,
}

/// What a template printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    pub pieces: Vec<Piece>,
}

/// Why a render or a condition gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("{0} does not exist")]
    Missing(Arc<str>),
}

impl Language {
    /// Renders a template for a place.
    pub fn render(&self, template: &str, reader: &Reader, escape: Escape) -> Result<Rendered, RenderError> {
        todo!("{template} {reader:?} {escape:?}")
    }
    /// Whether a condition holds; an unknown value does not.
    pub fn holds(&self, condition: &str, reader: &Reader) -> Result<bool, RenderError> {
        todo!("{condition} {reader:?}")
    }
    /// What a source and all that it includes mentions.
    pub fn mentions(&self, unit: &Unit) -> Option<&Mentions> {
        todo!("{unit:?}")
    }
    /// The identity of a template: of its source and all that it includes. The same for the same sources within one process.
    pub fn identity(&self, template: &str) -> Option<Fingerprint> {
        todo!("{template}")
    }
}
