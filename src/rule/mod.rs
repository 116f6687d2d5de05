//! Which rules have this request: patterns, schedule, priority. Pure.
//!
//! In: rules as compiled, and what is asked. Out: for each rule of the path a [`Verdict`] with its reason. It must not know
//! what a rule lays in, nor evaluate code itself.

pub mod action;
mod book;
mod deciding;
pub mod fuse;
// Public for the fuzzers (`fuzz/`), as a second opinion on patterns.
#[doc(hidden)]
pub mod index;
pub mod matching;
pub mod pattern;
pub mod schedule;
pub mod target;

use std::sync::Arc;

use crate::scope::condition::Condition;
use crate::visitor::facts::RequestFacts;
use matching::Match;
use pattern::Captures;
use schedule::Schedule;

pub use book::RuleBook;
pub use deciding::{Asking, Holds, Reason, Verdict};

/// When and for whom something is laid in; what it is stands in the revision, under the rule's number.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: Arc<str>,
    pub state: State,
    /// All must fit: the file's and the rule's own.
    pub matches: Vec<Match>,
    /// None may fit.
    pub except: Vec<Match>,
    /// All must hold: the file's and the rule's own.
    pub when: Vec<Condition>,
    pub campaigns: Vec<Arc<Campaign>>,
    pub active: Schedule,
    /// The part of visitors that sees it, 0 to 1.
    pub share: Option<f64>,
    pub priority: i64,
    /// What is done where its contents fail.
    pub on_error: fuse::OnError,
}

/// A switch, a schedule and a condition that several rules share.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub name: Arc<str>,
    pub state: State,
    pub active: Schedule,
    pub when: Option<Condition>,
}

/// Who may see a rule or a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Live,
    /// Those who hold a signed link.
    Preview,
    Stopped,
}

impl Rule {
    /// Whether site, host and path fit, which every visitor of a URL shares; the captures of the rule's patterns.
    ///
    /// # Errors
    /// The first part that does not fit.
    pub fn place(&self, site: &str, request: &RequestFacts) -> Result<Captures, Reason> {
        let mut captures = Captures::new();
        for wanted in &self.matches {
            captures.extend(wanted.fits_place(site, request).map_err(Reason::NoMatch)?);
        }
        Ok(captures)
    }
}
