//! Markers compiled: what to look for in every page of a path, ready to be shared.
//!
//! In: [`Marker`]s in order of precedence. Out: one scanner handler for each distinct selector, with what it must report.
//! It must not know pages: nothing here changes once it is made.

use std::sync::Arc;

use lol_html::Selector;
use thiserror::Error;

use super::extract::Extractions;
use super::selector::{self, SelectorError, below, check_attribute, check_class};
use super::{Marker, Place, Target, Which};

/// A marker that can't be compiled.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("injection {marker}: {source}")]
pub struct MarkerError {
    /// Its index in what was given.
    pub marker: usize,
    pub source: SelectorError,
}

/// Markers in order of precedence, compiled. Share them in an `Arc`; any number of pages may use them at once.
#[derive(Debug, Default)]
pub struct Markers {
    list: Vec<Marker>,
    /// Index into the distinct `each` selectors, of the markers that have one.
    enclosures: Vec<Option<usize>>,
    /// The marker of whatever is ESI, where that is looked for.
    esi: Option<usize>,
    handlers: Vec<Handler>,
    /// What is read from the page besides.
    extractions: Arc<Extractions>,
}

/// One distinct selector and what it is for.
#[derive(Debug)]
pub(super) struct Handler {
    pub selector: Selector,
    pub role: Role,
    pub wants: Wants,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its matches are where these markers apply.
    Places(Vec<usize>),
    /// Its matches are the enclosing elements of this `each`.
    Encloses(usize),
    /// Its match is no part of the page: [`PROBE`].
    EndOfPage,
}

/// The element by which the scanner finds out how a page ends; no page has it. Looked for only where something may have
/// to be laid in at the end.
pub(super) const PROBE: &str = "inlay-end-of-page";

/// What the scanner must report of a match. Everything else is not even looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    pub end_tag: bool,
    pub attributes: bool,
    /// Only the first match of the page matters.
    pub once: bool,
}

impl Markers {
    /// Compiles `markers`; an earlier one takes precedence over a later one. Fails at the first that can't be used.
    pub fn compile(markers: Vec<Marker>) -> Result<Self, MarkerError> {
        let mut compiled = Self::default();
        let mut texts = Vec::new();
        let mut eaches = Vec::new();
        for (index, marker) in markers.iter().enumerate() {
            let name = |source| MarkerError { marker: index, source };
            check_target(&marker.target).map_err(name)?;
            compiled.add(index, marker, &mut texts, &mut eaches).map_err(name)?;
        }
        compiled.add_enclosures(&markers, &eaches)?;
        compiled.add_probe(&markers)?;
        compiled.list = markers;
        Ok(compiled)
    }

    /// The same, which look for Edge Side Includes as well: each is a slot of one more marker, the last.
    #[must_use]
    pub fn with_esi(mut self) -> Self {
        let target = Target::Place(Place::Replace);
        let select = "esi:include".into();
        self.list.push(Marker { select, each: None, which: Which::All, target, wants_element: true });
        self.enclosures.push(None);
        self.esi = Some(self.list.len() - 1);
        self
    }

    /// The same, by which pages are read as well.
    #[must_use]
    pub fn reading(self, extractions: Arc<Extractions>) -> Self {
        Self { extractions, ..self }
    }

    /// What is read from pages.
    pub fn extractions(&self) -> &Arc<Extractions> {
        &self.extractions
    }

    /// The marker of whatever is ESI.
    pub fn esi(&self) -> Option<usize> {
        self.esi
    }

    /// The markers, in order of precedence.
    pub fn list(&self) -> &[Marker] {
        &self.list
    }

    pub(super) fn handlers(&self) -> &[Handler] {
        &self.handlers
    }

    /// Which distinct `each` a marker has.
    pub(super) fn enclosure(&self, marker: usize) -> Option<usize> {
        self.enclosures[marker]
    }

    /// How many distinct `each` there are.
    pub(super) fn enclosure_count(&self) -> usize {
        let encloses = |handler: &&Handler| matches!(handler.role, Role::Encloses(_));
        self.handlers.iter().filter(encloses).count()
    }

    /// Joins a marker to the handler of its selector; `texts` are the handlers' selectors, `eaches` the distinct `each`.
    fn add(
        &mut self,
        index: usize,
        marker: &Marker,
        texts: &mut Vec<String>,
        eaches: &mut Vec<String>,
    ) -> Result<(), SelectorError> {
        selector::parse(&marker.select)?;
        let text = match &marker.each {
            None => marker.select.trim().to_owned(),
            Some(each) => {
                selector::parse(each)?;
                below(each, &marker.select)
            }
        };
        let enclosure = marker.each.as_deref().map(|each| position_or_push(eaches, each.trim()));
        self.enclosures.push(enclosure);
        let handler = position_or_push(texts, &text);
        if handler == self.handlers.len() {
            self.handlers.push(Handler {
                selector: selector::parse(&text)?,
                role: Role::Places(Vec::new()),
                wants: Wants { once: true, ..Wants::default() },
            });
        }
        self.handlers[handler].join(index, marker);
        Ok(())
    }

    /// The enclosing elements come after all others, so that an element never encloses itself.
    fn add_enclosures(&mut self, markers: &[Marker], eaches: &[String]) -> Result<(), MarkerError> {
        for (enclosure, each) in eaches.iter().enumerate() {
            let of_it = |marker: &usize| self.enclosures[*marker] == Some(enclosure);
            let mut users = (0..markers.len()).filter(of_it);
            let first = users.clone().next().unwrap_or_default();
            let selector = selector::parse(each).map_err(|source| MarkerError { marker: first, source })?;
            let attributes = users.any(|marker| markers[marker].wants_element);
            self.handlers.push(Handler {
                selector,
                role: Role::Encloses(enclosure),
                wants: Wants { end_tag: true, attributes, once: false },
            });
        }
        Ok(())
    }

    fn add_probe(&mut self, markers: &[Marker]) -> Result<(), MarkerError> {
        let at_the_end = |marker: &Marker| matches!(marker.target, Target::Place(Place::Append | Place::After));
        if let Some(first) = markers.iter().position(at_the_end) {
            let selector = selector::parse(PROBE).map_err(|source| MarkerError { marker: first, source })?;
            self.handlers.push(Handler { selector, role: Role::EndOfPage, wants: Wants::default() });
        }
        Ok(())
    }
}

impl Handler {
    fn join(&mut self, index: usize, marker: &Marker) {
        if let Role::Places(markers) = &mut self.role {
            markers.push(index);
        }
        let ends = !matches!(
            marker.target,
            Target::Place(Place::Before | Place::Prepend) | Target::Attribute(_) | Target::Class { .. }
        );
        let tag = matches!(marker.target, Target::Attribute(_) | Target::Class { .. });
        self.wants.end_tag |= ends;
        self.wants.attributes |= tag || marker.wants_element;
        self.wants.once &= marker.which == Which::First && marker.each.is_none();
    }
}

fn check_target(target: &Target) -> Result<(), SelectorError> {
    match target {
        Target::Place(_) => Ok(()),
        Target::Attribute(name) => check_attribute(name),
        Target::Class { add, remove } => add.iter().chain(remove).try_for_each(|token| check_class(token)),
    }
}

fn position_or_push(texts: &mut Vec<String>, text: &str) -> usize {
    texts.iter().position(|known| known == text).unwrap_or_else(|| {
        texts.push(text.to_owned());
        texts.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(select: &str, each: Option<&str>, place: Place) -> Marker {
        Marker {
            select: select.into(),
            each: each.map(Into::into),
            which: Which::All,
            target: Target::Place(place),
            wants_element: false,
        }
    }

    #[test]
    fn one_handler_for_each_distinct_selector() {
        let markers = Markers::compile(vec![
            marker("p", None, Place::Before),
            marker("a", Some("li"), Place::After),
            marker(" p ", None, Place::After),
            marker("b", Some("li"), Place::Before),
        ])
        .unwrap();
        let roles: Vec<_> = markers.handlers().iter().map(|handler| &handler.role).collect();
        let expected = [
            &Role::Places(vec![0, 2]),
            &Role::Places(vec![1]),
            &Role::Places(vec![3]),
            &Role::Encloses(0),
            &Role::EndOfPage,
        ];
        assert_eq!(roles, expected);
        let ends: Vec<_> = markers.handlers().iter().map(|handler| handler.wants.end_tag).collect();
        assert_eq!(ends, [true, true, false, true, false]);
    }

    #[test]
    fn an_error_says_which_and_why() {
        let error = Markers::compile(vec![marker("p", None, Place::After), marker("p", Some("a + b"), Place::After)]);
        let error = error.unwrap_err();
        assert_eq!(error.marker, 1);
        assert!(error.to_string().contains("`+`"), "{error}");
        let mut bad = marker("p", None, Place::After);
        bad.target = Target::Attribute("a b".into());
        assert!(Markers::compile(vec![bad]).is_err());
    }
}
