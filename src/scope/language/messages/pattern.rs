//! A message as it is said: texts, values and choices, with everything that it leads to known to be there.
//!
//! In: what [`read`](super::read) made of a file. Out: plain data, and which values it needs. It must not say anything.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use fixed_decimal::Decimal;

use super::super::library::numbers::Shape;

/// A value of a message or of an attribute, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Pattern(pub Vec<Part>);

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Arc<str>),
    /// What stands in braces.
    Said(Said),
    /// `{ $count -> [one] … *[other] … }`
    Choice {
        on: Said,
        variants: Vec<(Variant, Pattern)>,
        /// The index of the variant with the star.
        otherwise: usize,
    },
}

/// Something that has a value when a message is said.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Text(Arc<str>),
    Number(Decimal),
    /// `$name`
    Value(Arc<str>),
    /// `NUMBER($count, …)`
    Shaped(Box<Said>, Shape),
    /// `DATETIME($day, style: …)`
    Dated(Box<Said>, Arc<str>),
    /// Another message, a term or one of their attributes.
    Other(Reference),
}

/// What a message leads to.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// `other`, `other.attribute`, `-brand`.
    pub key: Arc<str>,
    /// What a term is given; it sees nothing else.
    pub with: Option<Vec<(Arc<str>, Said)>>,
    /// Where it stands in the file.
    pub at: Range<usize>,
}

/// When a variant is chosen.
#[derive(Clone, Debug)]
pub(super) enum Variant {
    /// A text, or a plural category.
    Word(Arc<str>),
    Number(Decimal),
}

impl Pattern {
    /// Everything that has a value in it, at all depths.
    pub fn each(&self, see: &mut impl FnMut(&Said)) {
        for part in &self.0 {
            match part {
                Part::Text(_) => {}
                Part::Said(said) => said.each(see),
                Part::Choice { on, variants, .. } => {
                    on.each(see);
                    variants.iter().for_each(|(_, pattern)| pattern.each(see));
                }
            }
        }
    }

    /// What it leads to.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        self.each(&mut |said| {
            if let Said::Other(reference) = said {
                found.push(reference.clone());
            }
        });
        found
    }

    /// The values that it takes itself.
    pub fn values(&self) -> BTreeSet<Arc<str>> {
        let mut found = BTreeSet::new();
        self.each(&mut |said| {
            if let Said::Value(name) = said {
                found.insert(name.clone());
            }
        });
        found
    }
}

impl Said {
    fn each(&self, see: &mut impl FnMut(&Said)) {
        see(self);
        match self {
            Self::Shaped(of, _) | Self::Dated(of, _) => of.each(see),
            Self::Text(_) | Self::Number(_) | Self::Value(_) | Self::Other(_) => {}
        }
    }
}
