//! Whether a rule applies to a request, why not, and what the answer rests on. Pure.
//!
//! In: a rule, what is asked, and whoever evaluates conditions. Out: a [`Verdict`]. It must not evaluate code itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::matching::{Match, Misfit};
use super::pattern::Captures;
use super::schedule::{Schedule, Standing};
use super::{Campaign, Rule, State};
use crate::decide::bucket;
use crate::decide::supposed::Supposed;
use crate::scope::condition::Condition;
use crate::visitor::VisitorId;
use crate::visitor::facts::RequestFacts;

/// What rules decide by.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub site: &'a str,
    pub request: &'a RequestFacts,
    pub visitor: Option<&'a VisitorId>,
    pub now: Timestamp,
    pub zone: &'a TimeZone,
    /// What is not to be found out.
    pub supposed: &'a Supposed,
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
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    #[error("its state is `stopped`")]
    Stopped,
    #[error("its state is `preview`")]
    PreviewOnly,
    #[error("{0} does not fit its `match`")]
    NoMatch(Misfit),
    #[error("its `except` fits")]
    Excepted,
    #[error("its `active` says: {0}")]
    Inactive(Standing),
    #[error("campaign `{0}`: {1}")]
    Campaign(Arc<str>, Box<Reason>),
    /// Both from 0 to 1: the visitor's place, and how far the share goes.
    #[error("the visitor's place, {place:.4}, is outside its `share` of {share}")]
    OutsideShare { place: f64, share: f64 },
    /// Somebody wants to see it so.
    #[error("the visitor is supposed to be outside its `share`")]
    SupposedOutsideShare,
    /// A share needs a visitor who may be recognised.
    #[error("it has a `share`, and without consent nobody is recognised")]
    NobodyToShare,
    #[error("`when: {0}` does not hold")]
    When(Arc<str>),
    /// The condition could not be evaluated; why, in words.
    #[error("`when: {0}` failed: {1}")]
    WhenFailed(Arc<str>, String),
    /// It failed on too many pages, and is off for so many seconds more.
    #[error("it failed too often and is switched off for {} s more, then a page finds out", .0.as_secs().max(1))]
    SwitchedOff(Duration),
    /// What a condition asked of sources did not come in time.
    #[error("what its conditions ask of sources was not known in time")]
    Unanswered,
}

impl Reason {
    /// The reason in one word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Reason::Stopped => "stopped",
            Reason::PreviewOnly => "preview",
            Reason::NoMatch(_) => "no_match",
            Reason::Excepted => "excepted",
            Reason::Inactive(_) => "inactive",
            Reason::Campaign(_, reason) => match **reason {
                Reason::When(_) => "when",
                Reason::WhenFailed(..) => "when_failed",
                _ => "campaign",
            },
            Reason::OutsideShare { .. } | Reason::SupposedOutsideShare => "share",
            Reason::NobodyToShare => "nobody",
            Reason::Unanswered => "unanswered",
            Reason::SwitchedOff(_) => "switched_off",
            Reason::When(_) => "when",
            Reason::WhenFailed(..) => "when_failed",
        }
    }
}

/// Evaluates a condition; an error is in words for the author.
pub type Holds<'a> = &'a mut dyn FnMut(&Condition) -> Result<bool, String>;

impl Rule {
    /// Whether the rule applies to a request that has its path.
    pub fn decide(&self, asking: &Asking<'_>, holds: Holds<'_>) -> Verdict {
        let mut deciding = Deciding { asking, holds, until: None, of_visitor: false };
        let outcome = deciding.rule(self);
        Verdict { outcome, until: deciding.until, of_visitor: deciding.of_visitor }
    }

    /// The same as far as no condition has a say, of a rule that has the request's place: if this says no, so does
    /// [`Rule::decide`]. Captures are left out. Nothing must be supposed of the rule.
    pub fn stands(&self, asking: &Asking<'_>) -> Verdict {
        let holds: Holds<'_> = &mut |_| Ok(true);
        let mut deciding = Deciding { asking, holds, until: None, of_visitor: false };
        let outcome = deciding.stands(self).map(|()| Captures::new());
        Verdict { outcome, until: deciding.until, of_visitor: deciding.of_visitor }
    }
}

/// A decision under way, with what it rests on so far.
struct Deciding<'a> {
    asking: &'a Asking<'a>,
    holds: Holds<'a>,
    until: Option<Timestamp>,
    of_visitor: bool,
}

impl Deciding<'_> {
    /// The cheap questions come first, code last.
    fn rule(&mut self, rule: &Rule) -> Result<Captures, Reason> {
        let captures = rule.place(self.asking.site, self.asking.request)?;
        if self.asking.supposed.rules.contains(&*rule.name) {
            return self.request_fits(rule).map(|()| captures);
        }
        self.stands(rule)?;
        for campaign in &rule.campaigns {
            campaign.when.iter().try_for_each(|condition| self.holds(condition)).map_err(of_campaign(campaign))?;
        }
        rule.when.iter().try_for_each(|condition| self.holds(condition))?;
        Ok(captures)
    }

    /// All but conditions.
    fn stands(&mut self, rule: &Rule) -> Result<(), Reason> {
        self.is_on(rule.state, &rule.active)?;
        for campaign in &rule.campaigns {
            self.is_on(campaign.state, &campaign.active).map_err(of_campaign(campaign))?;
        }
        self.request_fits(rule)?;
        self.is_in_share(rule)
    }

    fn is_on(&mut self, state: State, active: &Schedule) -> Result<(), Reason> {
        match state {
            State::Stopped => return Err(Reason::Stopped),
            State::Preview if !self.asking.supposed.previews => return Err(Reason::PreviewOnly),
            State::Preview | State::Live => {}
        }
        let (standing, change) = active.standing(self.asking.now, self.asking.zone);
        self.until = [self.until, change].into_iter().flatten().min();
        if standing == Standing::Active { Ok(()) } else { Err(Reason::Inactive(standing)) }
    }

    fn request_fits(&mut self, rule: &Rule) -> Result<(), Reason> {
        let Asking { site, request, .. } = *self.asking;
        self.of_visitor |= rule.matches.iter().chain(&rule.except).any(Match::reads_visitor);
        rule.matches.iter().try_for_each(|wanted| wanted.fits_request(request)).map_err(Reason::NoMatch)?;
        let fits = |except: &Match| except.fits_place(site, request).is_ok() && except.fits_request(request).is_ok();
        if rule.except.iter().any(fits) { Err(Reason::Excepted) } else { Ok(()) }
    }

    fn is_in_share(&mut self, rule: &Rule) -> Result<(), Reason> {
        let Some(share) = rule.share else { return Ok(()) };
        self.of_visitor = true;
        match self.asking.supposed.shares.get(&*rule.name) {
            Some(true) => return Ok(()),
            Some(false) => return Err(Reason::SupposedOutsideShare),
            None => {}
        }
        let visitor = self.asking.visitor.ok_or(Reason::NobodyToShare)?;
        let place = bucket::place(&rule.name, visitor.text());
        if place < share { Ok(()) } else { Err(Reason::OutsideShare { place, share }) }
    }

    fn holds(&mut self, condition: &Condition) -> Result<(), Reason> {
        match (self.holds)(condition) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Reason::When(condition.source.clone())),
            Err(error) => Err(Reason::WhenFailed(condition.source.clone(), error)),
        }
    }
}

fn of_campaign(campaign: &Campaign) -> impl Fn(Reason) -> Reason {
    |reason| Reason::Campaign(campaign.name.clone(), Box::new(reason))
}
