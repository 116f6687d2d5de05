//! Extractions compiled: what to look for in every page of a path, ready to be shared.
//!
//! In: [`Extraction`]s. Out: one [`Sight`] for each thing to look for. It must not know pages: nothing here changes once it is made.

use lol_html::Selector;
use thiserror::Error;

use super::super::selector::{self, SelectorError, below, check_attribute};
use super::{Extraction, Lookup};

/// An extraction that can't be compiled.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("extraction {extraction}: {source}")]
pub struct ExtractionError {
    /// Its index in what was given.
    pub extraction: usize,
    pub source: SelectorError,
}

/// Extractions, compiled. Share them in an `Arc`; any number of pages may use them at once.
#[derive(Debug, Default)]
pub struct Extractions {
    list: Vec<Extraction>,
    sights: Vec<Sight>,
}

/// Something to look for.
#[derive(Debug)]
pub struct Sight {
    pub selector: Selector,
    pub role: Role,
    pub wants: Wants,
}

/// What a match is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A value of this extraction.
    Lookup { extraction: usize, lookup: usize },
    /// The element of a reading of this extraction.
    Each { extraction: usize },
    /// A script of JSON-LD.
    Linked,
    /// An element with `itemscope` or `itemprop`.
    Micro,
    /// A `meta` of Open Graph.
    Graph,
}

/// What the scanner must report of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    pub attributes: bool,
    pub end_tag: bool,
}

/// The place of `key` among the lookups of an `each`: before all others.
pub(super) const KEY: usize = 0;

impl Extractions {
    /// Compiles `list`. Fails at the first that can't be used.
    ///
    /// # Errors
    /// [`ExtractionError`].
    pub fn compile(list: Vec<Extraction>) -> Result<Self, ExtractionError> {
        let mut sights = Vec::new();
        for (extraction, wanted) in list.iter().enumerate() {
            let name = |source| ExtractionError { extraction, source };
            add(extraction, wanted, &mut sights).map_err(name)?;
        }
        if list.contains(&Extraction::Auto) {
            add_auto(&mut sights).map_err(|source| ExtractionError { extraction: 0, source })?;
        }
        Ok(Self { list, sights })
    }

    /// The extractions, in the order in which they were given.
    pub fn list(&self) -> &[Extraction] {
        &self.list
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn sights(&self) -> &[Sight] {
        &self.sights
    }
}

impl Extraction {
    /// All values that are looked for; of an `each` its key comes first.
    pub(super) fn lookups(&self) -> Vec<&Lookup> {
        match self {
            Self::Page(lookups) => lookups.iter().collect(),
            Self::Each { key, lookups, .. } => std::iter::once(key).chain(lookups).collect(),
            Self::Auto => Vec::new(),
        }
    }
}

fn add(extraction: usize, wanted: &Extraction, sights: &mut Vec<Sight>) -> Result<(), SelectorError> {
    let each = match wanted {
        Extraction::Each { each, .. } => Some(&**each),
        Extraction::Page(_) | Extraction::Auto => None,
    };
    if let Some(each) = each {
        // Before what is looked for in it: it must be open by then.
        let own = wanted.lookups().iter().any(|lookup| lookup.select.is_none() && lookup.attribute.is_some());
        let wants = Wants { attributes: own, end_tag: true };
        sights.push(Sight { selector: selector::parse(each)?, role: Role::Each { extraction }, wants });
    }
    for (lookup, wanted) in wanted.lookups().into_iter().enumerate() {
        if let Some(name) = &wanted.attribute {
            check_attribute(name)?;
        }
        let text = match (&wanted.select, each) {
            (Some(select), Some(each)) => {
                selector::parse(select)?;
                below(each, select)
            }
            (Some(select), None) => select.to_string(),
            // The element of `each` is met already.
            (None, _) => continue,
        };
        let wants = Wants { attributes: wanted.attribute.is_some(), end_tag: wanted.attribute.is_none() };
        sights.push(Sight { selector: selector::parse(&text)?, role: Role::Lookup { extraction, lookup }, wants });
    }
    Ok(())
}

fn add_auto(sights: &mut Vec<Sight>) -> Result<(), SelectorError> {
    let graph = r#"meta[property^="og:" i], meta[property^="product:" i]"#;
    let all = [
        (r#"script[type="application/ld+json" i]"#, Role::Linked, Wants { attributes: false, end_tag: true }),
        ("[itemscope], [itemprop]", Role::Micro, Wants { attributes: true, end_tag: true }),
        (graph, Role::Graph, Wants { attributes: true, end_tag: false }),
    ];
    for (text, role, wants) in all {
        sights.push(Sight { selector: selector::parse(text)?, role, wants });
    }
    Ok(())
}
