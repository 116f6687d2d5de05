//! The fallback chain: the walk from a content through what it falls back on to what is laid in.
//!
//! In: a content, the library and a scope. Out: an [`Outcome`], with the ledger of everything that was read on the way. It
//! must not know where the outcome goes.

use crate::content::library::Library;
use crate::content::template::{Making, Printed};
use crate::content::{Blank, Content, Detour, Fallback, How, Kind, Nothing, Outcome};
use crate::scope::Scope;
use crate::scope::language::{Escape, Piece, escape_html, escape_json, quote_attribute};
use crate::scope::ledger::Ledger;

/// One slot on its way through the fallbacks.
pub(super) struct Walk<'w> {
    library: &'w Library,
    scope: &'w Scope,
    escape: Escape,
    ledger: Ledger,
    detour: Option<Box<Detour>>,
}

impl<'w> Walk<'w> {
    pub(super) fn new(library: &'w Library, scope: &'w Scope, escape: Escape) -> Self {
        Self { library, scope, escape, ledger: Ledger::new(), detour: None }
    }

    /// What the content comes to, everything that was read on the way, and what was tried in vain.
    pub(super) fn fill(mut self, content: &Content) -> (Outcome, Ledger, Option<Box<Detour>>) {
        let outcome = self.content(content, Blank::Keep);
        (outcome, self.ledger, self.detour)
    }

    /// This content or what it falls back on; `blank` is what those around it ask for.
    fn content(&mut self, content: &Content, blank: Blank) -> Outcome {
        let blank = if content.blank == Blank::Show { Blank::Show } else { blank };
        let outcome = self.make(content, blank);
        let Outcome::Nothing(why) = outcome else { return outcome };
        // What became of a fragment stands there under its own name.
        if !matches!(content.kind, Kind::Fragment(_)) {
            self.detour.get_or_insert_default().tried.push((content.name.clone(), why.to_string()));
        }
        match &content.fallback {
            Fallback::Keep => Outcome::Nothing(why),
            Fallback::Empty => {
                self.detour.get_or_insert_default().shown = Some("empty".into());
                show(Vec::new())
            }
            Fallback::Try(others) => others.iter().find_map(|other| self.shown(other)).unwrap_or(Outcome::Nothing(why)),
        }
    }

    /// A fallback, if it has anything to show.
    fn shown(&mut self, other: &Content) -> Option<Outcome> {
        let outcome = self.content(other, Blank::Keep);
        matches!(outcome, Outcome::Show { .. }).then(|| {
            self.detour.get_or_insert_default().shown.get_or_insert_with(|| other.name.clone());
            outcome
        })
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
            Ok(Printed { rendered, how, beside }) => Outcome::Show { pieces: rendered.pieces.clone(), how, beside },
        }
    }
}

fn show(pieces: Vec<Piece>) -> Outcome {
    Outcome::Show { pieces, how: How::Fixed, beside: None }
}

fn is_blank(pieces: &[Piece]) -> bool {
    pieces.iter().all(Piece::is_blank)
}
