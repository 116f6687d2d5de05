//! Phrases: the parts of a request as its author wrote them, templates over the source's params.
//!
//! In: values. Out: text, escaped for its place. It must not see the scope: what a source is told is what it is called with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::scope::language::{Escape, Language, RenderError};

/// A template over a source's params.
#[derive(Clone)]
pub struct Phrase {
    /// Of the phrases of one revision.
    pub language: Arc<Language>,
    /// Its name there.
    pub name: Arc<str>,
}

impl Phrase {
    /// What it says of `values`.
    ///
    /// # Errors
    /// [`RenderError`]: it prints what is unknown, runs too long or makes too much.
    pub fn say(&self, values: &BTreeMap<String, Json>, escape: Escape) -> Result<String, RenderError> {
        self.language.say(&self.name, values, escape)
    }
}

/// The same if they say the same, whatever the revision.
impl PartialEq for Phrase {
    fn eq(&self, other: &Self) -> bool {
        self.language.identity(&self.name) == other.language.identity(&other.name)
    }
}

/// What it says may hold secrets.
impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Phrase").field(&self.name).finish()
    }
}
