//! The fallback chain: the walk from a content through what it falls back on to what is laid in.
//!
//! In: a content, the library and a scope. Out: an [`Outcome`], with the ledger of everything that was read on the way; or
//! what must come first, and then the walk is done again from its beginning. It must not wait, nor know where the outcome goes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::content::fetch::{Fetch, opening};
use crate::content::function::{Errand, Ran};
use crate::content::invocation::{Invocation, Invoking, Known};
use crate::content::library::Library;
use crate::content::template::{Making, Missing, Printed};
use crate::content::{Blank, Content, Detour, Fallback, Filled, How, Kind, Nothing, Outcome};
use crate::limits;
use crate::scope::language::{Escape, Piece, escape_html, escape_json, quote_attribute};
use crate::scope::ledger::{Ledger, Reader};
use crate::scope::{Answer, Opened, Opening, Question, Scope, Seen};

/// How far the filling of one slot is, from one walk to the next: contents that came to nothing are not made again.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What contents that ran to their end have read.
    pub ledger: Ledger,
    /// In the order of the walk: which of them came to nothing, and why.
    spent: Vec<(Arc<str>, Nothing)>,
    /// The fallback that is shown.
    shown: Option<Arc<str>>,
    /// How often something was brought for the content where the walk stands.
    rounds: usize,
    /// What the function came to where the walk stands.
    pub ran: Option<Ran>,
    /// What the source sent where the walk stands.
    pub opened: Option<Result<Opened, Arc<str>>>,
}

/// One walk.
pub(super) struct Walk<'w> {
    pub library: &'w Library,
    pub scope: &'w Scope,
    pub escape: Escape,
    pub progress: &'w mut Progress,
    /// How many contents this walk has found spent.
    pub passed: usize,
}

/// What must come before the walk can go on.
#[derive(Debug)]
pub(super) enum Need {
    /// Answers, which the scope brings.
    Answers(Arc<[Question]>),
    /// A function's result.
    Run(Errand),
    /// A source's body.
    Body(Opening),
}

impl Progress {
    /// What the walk came to in the end.
    pub fn filled(self, outcome: Outcome, took: Duration) -> Filled {
        let Self { ledger, spent, shown, .. } = self;
        let detour = (!spent.is_empty()).then(|| Box::new(Detour { tried: spent, shown }));
        Filled { outcome, ledger, took, detour }
    }
}

type Step<T> = Result<T, Need>;

impl Walk<'_> {
    /// What the content comes to.
    ///
    /// # Errors
    /// What is needed before another walk gets further.
    pub(super) fn fill(mut self, content: &Content) -> Step<Outcome> {
        self.content(content, Blank::Keep)
    }

    /// This content or what it falls back on; `blank` is what those around it ask for.
    fn content(&mut self, content: &Content, blank: Blank) -> Step<Outcome> {
        let blank = if content.blank == Blank::Show { Blank::Show } else { blank };
        let outcome = match &content.kind {
            Kind::Fragment(name) => match self.library.fragments.get(name) {
                Some(fragment) => self.content(fragment, blank)?,
                None => Outcome::Nothing(Nothing::Missing(name.clone())),
            },
            _ => self.once(content, blank)?,
        };
        let Outcome::Nothing(why) = outcome else { return Ok(outcome) };
        let outcome = self.fallback(&content.fallback)?;
        match &content.on_error {
            Some(other) if outcome.is_none() && !matches!(why, Nothing::Blank) => self.stand_in(other),
            _ => Ok(outcome),
        }
        .map(|outcome| outcome.unwrap_or(Outcome::Nothing(why)))
    }

    /// What is shown instead, if anything is.
    fn fallback(&mut self, fallback: &Fallback) -> Step<Option<Outcome>> {
        match fallback {
            Fallback::Keep => Ok(None),
            Fallback::Empty => {
                self.progress.shown = Some("empty".into());
                Ok(Some(show(Vec::new())))
            }
            Fallback::Try(others) => {
                for other in others {
                    if let Some(shown) = self.stand_in(other)? {
                        return Ok(Some(shown));
                    }
                }
                Ok(None)
            }
        }
    }

    fn stand_in(&mut self, other: &Content) -> Step<Option<Outcome>> {
        let shown = self.content(other, Blank::Keep)?;
        if !shown.is_shown() {
            return Ok(None);
        }
        self.progress.shown.get_or_insert_with(|| other.name.clone());
        Ok(Some(shown))
    }

    /// This content alone, unless an earlier walk found that it comes to nothing.
    fn once(&mut self, content: &Content, blank: Blank) -> Step<Outcome> {
        self.passed += 1;
        if let Some((_, why)) = self.progress.spent.get(self.passed - 1) {
            return Ok(Outcome::Nothing(why.clone()));
        }
        let outcome = self.judged(content, blank)?;
        if let Outcome::Nothing(why) = &outcome {
            self.progress.spent.push((content.name.clone(), why.clone()));
            self.progress.rounds = 0;
        }
        Ok(outcome)
    }

    fn judged(&mut self, content: &Content, blank: Blank) -> Step<Outcome> {
        let outcome = self.make(content)?;
        Ok(match &outcome {
            Outcome::Show { pieces, .. } if blank == Blank::Keep && is_blank(pieces) => {
                self.library.tally(&content.name).blank();
                Outcome::Nothing(Nothing::Blank)
            }
            _ => outcome,
        })
    }

    fn make(&mut self, content: &Content) -> Step<Outcome> {
        Ok(match &content.kind {
            Kind::Html(html) => {
                let pieces = vec![Piece::Text(html.clone())];
                let in_attribute = matches!(self.escape, Escape::Attribute(_));
                show(if in_attribute { quote_attribute(pieces) } else { pieces })
            }
            Kind::Text(text) => {
                let text = if self.escape == Escape::RawText { escape_json(text) } else { escape_html(text) };
                show(vec![Piece::Text(text.into())])
            }
            Kind::Template(name) => self.template(content, name)?,
            Kind::Function(invocation) => self.function(content, invocation)?,
            Kind::Fetch(fetch) => self.fetch(content, fetch)?,
            Kind::Fragment(name) => Outcome::Nothing(Nothing::Missing(name.clone())),
        })
    }

    fn template(&mut self, content: &Content, name: &str) -> Step<Outcome> {
        let Library { language, lasting, .. } = self.library;
        let tally = self.library.tally(&content.name);
        let (scope, escape) = (self.scope, self.escape);
        let made = Making { language, cache: &lasting.cache, template: name, scope, escape, tally: &tally }.make();
        let (made, ledger) = match made {
            Ok(made) => made,
            Err(Missing(questions)) => return self.bring(content, questions),
        };
        self.progress.ledger.merge(ledger);
        Ok(match made {
            Err(error) => Outcome::Nothing(Nothing::Failed(Arc::new(error))),
            Ok(printed) => shown(printed),
        })
    }

    fn function(&mut self, content: &Content, invocation: &Invocation) -> Step<Outcome> {
        let Library { functions, lasting, .. } = self.library;
        let tally = self.library.tally(&content.name);
        let (scope, escape) = (self.scope, self.escape);
        let invoking = Invoking { functions, cache: &lasting.cache, invocation, scope, escape, tally: &tally };
        let (made, ledger) = match self.progress.ran.take() {
            Some(ran) => invoking.finish(ran),
            None => match invoking.look() {
                Known::Hit(printed, ledger) => (Ok(printed), ledger),
                Known::Awaited(questions) => return self.bring(content, questions),
                Known::Unknown => return Err(Need::Run(invoking.errand())),
            },
        };
        self.progress.ledger.merge(ledger);
        Ok(made.map_or_else(Outcome::Nothing, shown))
    }

    fn fetch(&mut self, content: &Content, fetch: &Fetch) -> Step<Outcome> {
        if matches!(self.escape, Escape::Attribute(_)) {
            return Ok(Outcome::Nothing(Nothing::Unfetched("HTML can't be fetched into an attribute".into())));
        }
        let reader = Reader::new(self.scope.clone());
        let question = fetch.question(&self.library.language, &reader);
        let ledger = reader.take();
        if !ledger.missing().is_empty() {
            return self.bring(content, ledger.missing().into());
        }
        self.progress.ledger.merge(ledger);
        let question = match question {
            Ok(question) => question,
            Err(error) => {
                self.library.tally(&content.name).failed();
                return Ok(Outcome::Nothing(Nothing::Failed(Arc::new(error))));
            }
        };
        let opened = match self.progress.opened.take() {
            Some(opened) => opened,
            None => {
                let opening = opening(self.scope, &question);
                opening.clone().now_or_never().ok_or(Need::Body(opening))?
            }
        };
        Ok(self.fetched(content, question, opened))
    }

    /// What a source's body comes to: it is here, or flows.
    fn fetched(&mut self, content: &Content, question: Question, opened: Result<Opened, Arc<str>>) -> Outcome {
        let tally = self.library.tally(&content.name);
        let Opened { flow, answer } = match opened {
            Ok(opened) => opened,
            Err(why) => {
                let failures = tally.failed();
                if failures.is_power_of_two() {
                    tracing::warn!(
                        content = &*content.name,
                        failures,
                        reason = &*why,
                        "a fragment could not be fetched"
                    );
                }
                self.progress.ledger.forbid_keeping();
                self.progress.ledger.record(question, Answer::fixed(Seen::Refused(why.clone())));
                return Outcome::Nothing(Nothing::Unfetched(why));
            }
        };
        self.progress.ledger.record(question, answer);
        tally.rendered(&self.progress.ledger);
        match flow.whole() {
            Some(parts) => {
                Outcome::Show { pieces: parts.into_iter().map(Piece::Text).collect(), how: How::Fetched, beside: None }
            }
            None => {
                // It may still break off.
                self.progress.ledger.forbid_keeping();
                Outcome::Stream(flow)
            }
        }
    }

    /// Stands still for answers; after too many rounds the content comes to nothing.
    fn bring(&mut self, content: &Content, questions: Arc<[Question]>) -> Step<Outcome> {
        if self.progress.rounds < limits::SOURCE_ROUNDS {
            self.progress.rounds += 1;
            return Err(Need::Answers(questions));
        }
        self.library.tally(&content.name).failed();
        self.progress.ledger.forbid_keeping();
        Ok(Outcome::Nothing(Nothing::Rounds))
    }
}

fn shown(Printed { rendered, how, beside }: Printed) -> Outcome {
    Outcome::Show { pieces: rendered.pieces.clone(), how, beside }
}

fn show(pieces: Vec<Piece>) -> Outcome {
    Outcome::Show { pieces, how: How::Fixed, beside: None }
}

fn is_blank(pieces: &[Piece]) -> bool {
    pieces.iter().all(Piece::is_blank)
}
