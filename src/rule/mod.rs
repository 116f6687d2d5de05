//! Which rules have this request: patterns, schedule, priority. Pure.
//!
//! In: rules as compiled, and what is asked. Out: for each rule of the path a [`Verdict`] with its reason. It must not know
//! what a rule lays in, nor evaluate code itself.

pub mod index;
pub mod matching;
pub mod pattern;
pub mod schedule;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decide::bucket;
use crate::scope::condition::Condition;
use crate::visitor::VisitorId;
use crate::visitor::facts::RequestFacts;
use index::PathIndex;
use matching::{Match, Misfit};
use pattern::Captures;
use schedule::{Schedule, Standing};

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

/// What rules decide by.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub site: &'a str,
    pub request: &'a RequestFacts,
    pub visitor: Option<&'a VisitorId>,
    pub now: Timestamp,
    pub zone: &'a TimeZone,
}

/// Whether a rule applies, and for whom and how long that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub outcome: Result<Captures, Reason>,
    /// The answer holds until then (exclusive); conditions bound it through the ledger besides.
    pub until: Option<Timestamp>,
    /// Whether the visitor was looked at; conditions tell the ledger besides.
    pub of_visitor: bool,
}

/// Why a rule does not apply.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    Stopped,
    PreviewOnly,
    NoMatch(Misfit),
    Excepted,
    Inactive(Standing),
    Campaign(Arc<str>, Box<Reason>),
    /// The visitor falls outside the share.
    OutsideShare,
    /// A share needs a visitor who may be recognised.
    NobodyToShare,
    /// The condition does not hold.
    When(Arc<str>),
    /// The condition could not be evaluated, for this reason.
    WhenFailed(Arc<str>, String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Stopped => write!(f, "its state is `stopped`"),
            Reason::PreviewOnly => write!(f, "its state is `preview`"),
            Reason::NoMatch(misfit) => write!(f, "`match` does not fit: {misfit:?}"),
            Reason::Excepted => write!(f, "`except` fits"),
            Reason::Inactive(standing) => write!(f, "`active` says {standing:?}"),
            Reason::Campaign(name, reason) => write!(f, "campaign `{name}`: {reason}"),
            Reason::OutsideShare => write!(f, "the visitor is outside its `share`"),
            Reason::NobodyToShare => write!(f, "it has a `share`, and without consent nobody is recognised"),
            Reason::When(source) => write!(f, "`when: {source}` does not hold"),
            Reason::WhenFailed(source, error) => write!(f, "`when: {source}` failed: {error}"),
        }
    }
}

/// Evaluates a condition; an error is in words for the author.
pub type Holds<'a> = &'a mut dyn FnMut(&Condition) -> Result<bool, String>;

impl Rule {
    /// Whether the rule applies to a request that has its path. The cheap questions come first, code last.
    pub fn decide(&self, asking: &Asking<'_>, holds: Holds<'_>) -> Verdict {
        let mut verdict = Verdict { outcome: Ok(Captures::new()), until: None, of_visitor: false };
        verdict.outcome = self.outcome(asking, holds, &mut verdict.until, &mut verdict.of_visitor);
        verdict
    }

    fn outcome(
        &self,
        asking: &Asking<'_>,
        holds: Holds<'_>,
        until: &mut Option<Timestamp>,
        of_visitor: &mut bool,
    ) -> Result<Captures, Reason> {
        let captures = self.place(asking.site, asking.request)?;
        standing(self.state, &self.active, asking, until)?;
        for campaign in &self.campaigns {
            standing(campaign.state, &campaign.active, asking, until)
                .map_err(|reason| Reason::Campaign(campaign.name.clone(), Box::new(reason)))?;
        }
        *of_visitor |= self.matches.iter().chain(&self.except).any(Match::reads_visitor);
        self.request_fits(asking)?;
        if let Some(share) = self.share {
            *of_visitor = true;
            let visitor = asking.visitor.ok_or(Reason::NobodyToShare)?;
            if !bucket::within(&self.name, visitor.text(), share) {
                return Err(Reason::OutsideShare);
            }
        }
        for campaign in &self.campaigns {
            check(campaign.when.as_ref(), holds)
                .map_err(|reason| Reason::Campaign(campaign.name.clone(), Box::new(reason)))?;
        }
        self.when.iter().try_for_each(|condition| check(Some(condition), holds))?;
        Ok(captures)
    }

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

    fn request_fits(&self, asking: &Asking<'_>) -> Result<(), Reason> {
        self.matches.iter().try_for_each(|wanted| wanted.fits_request(asking.request)).map_err(Reason::NoMatch)?;
        let fits = |except: &Match| {
            except.fits_place(asking.site, asking.request).is_ok() && except.fits_request(asking.request).is_ok()
        };
        if self.except.iter().any(fits) { Err(Reason::Excepted) } else { Ok(()) }
    }
}

fn standing(state: State, active: &Schedule, asking: &Asking<'_>, until: &mut Option<Timestamp>) -> Result<(), Reason> {
    match state {
        State::Stopped => return Err(Reason::Stopped),
        State::Preview => return Err(Reason::PreviewOnly),
        State::Live => {}
    }
    let (standing, change) = active.standing(asking.now, asking.zone);
    *until = [*until, change].into_iter().flatten().min();
    if standing == Standing::Active { Ok(()) } else { Err(Reason::Inactive(standing)) }
}

fn check(condition: Option<&Condition>, holds: Holds<'_>) -> Result<(), Reason> {
    let Some(condition) = condition else {
        return Ok(());
    };
    match holds(condition) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Reason::When(condition.source.clone())),
        Err(error) => Err(Reason::WhenFailed(condition.source.clone(), error)),
    }
}

/// All rules of a revision, in the order of precedence: a rule's number is its rank.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    rules: Vec<Rule>,
    index: PathIndex,
}

impl RuleBook {
    /// A book of `rules`, which come in the order of precedence.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut index = PathIndex::default();
        let everywhere = pattern::PathPattern::parse("/**").expect("invariant: a pattern that parses");
        for (number, rule) in rules.iter().enumerate() {
            // One list of paths is enough to find the rule; the others are looked at when it is decided.
            match rule.matches.iter().rev().find(|wanted| !wanted.paths.is_empty()) {
                Some(wanted) => wanted.paths.iter().for_each(|path| index.add(path, number)),
                None => index.add(&everywhere, number),
            }
        }
        Self { rules, index }
    }

    /// The numbers of the rules that have this site, host and path, highest first: who asks does not matter.
    pub fn on_path(&self, site: &str, request: &RequestFacts) -> Vec<usize> {
        let mut found = self.index.find(request.path());
        found.retain(|number| {
            self.rules[*number].state != State::Stopped && self.rules[*number].place(site, request).is_ok()
        });
        found
    }

    /// The rule of a number that [`RuleBook::on_path`] gave.
    pub fn rule(&self, number: usize) -> &Rule {
        &self.rules[number]
    }

    /// All rules, highest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
