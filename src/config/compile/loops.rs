//! Redirects that lead back to their own rule.
//!
//! In: all rules, compiled, with the language of their conditions. Out: an error for each loop that is certain. What
//! hangs on the URL that was asked for is not certain, and is left to the exchange.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::actions::is_literal;
use super::cycles::named_audiences;
use super::world::World;
use crate::config::raw::actions::RawRedirect;
use crate::config::read::At;
use crate::config::report::Report;
use crate::http::path::normalise;
use crate::rule::Rule;
use crate::rule::action::Query;
use crate::rule::matching::Match;
use crate::rule::pattern::{PathPattern, Segment};
use crate::scope::condition::Condition;
use crate::scope::language::{Language, Unit};

/// Notes every redirect that its own rule would redirect again.
pub fn redirects(rules: &[Rule], language: &Language, world: &World<'_>, report: &mut Report) {
    let written = world.rules.iter().filter_map(|(name, raw, _)| Some((*name, raw.redirect.as_ref()?)));
    let written: BTreeMap<&str, &At<RawRedirect>> = written.collect();
    for rule in rules {
        let Some(redirect) = written.get(&*rule.name) else { continue };
        let Some(to) = &redirect.to else { continue };
        let keeps = redirect.query.as_ref().is_none_or(|at| at.value == Query::Keep);
        let target = Target::of(to.value.value.trim(), keeps);
        if target.is_some_and(|target| target.leads_back(rule, language)) {
            let what = format!("the rule `{}` redirects to a path that it redirects again", rule.name);
            report.error(to.span, what, "leave the target out: `except: { path: … }`");
        }
    }
}

/// What is certain about where a redirect leads.
struct Target {
    /// The path, or the folder in which it certainly is.
    path: String,
    whole: bool,
    keeps_query: bool,
}

impl Target {
    /// `None` if nothing is certain, or it leads to another host.
    fn of(to: &str, keeps: bool) -> Option<Self> {
        if !to.starts_with('/') {
            return None;
        }
        let (whole, text) = match is_literal(to) {
            true => (true, to.split(['?', '#']).next()?),
            false => {
                let certain = &to[..to.find(['{', '?', '#'])?];
                (false, &certain[..=certain.rfind('/')?])
            }
        };
        Some(Self { path: normalise(text), whole, keeps_query: keeps && !to.contains('?') })
    }

    fn leads_back(&self, rule: &Rule, language: &Language) -> bool {
        let conditions = rule.campaigns.iter().filter_map(|campaign| campaign.when.as_ref()).chain(&rule.when);
        rule.matches.iter().all(|wanted| self.fits(wanted))
            && !rule.except.iter().any(|except| self.may_fit(except))
            && !conditions.into_iter().any(|condition| reads_url(condition, language))
    }

    fn fits(&self, wanted: &Match) -> bool {
        let same_query = wanted.query.is_empty() || self.keeps_query;
        let followed = wanted.methods.is_empty() || wanted.methods.contains(&Method::GET);
        same_query && followed && (wanted.paths.is_empty() || wanted.paths.iter().any(|path| self.is_matched(path)))
    }

    fn is_matched(&self, pattern: &PathPattern) -> bool {
        let any_below = pattern.segments().last() == Some(&Segment::Deep);
        (self.whole || any_below) && pattern.matches(&self.path)
    }

    fn may_fit(&self, except: &Match) -> bool {
        !self.whole || except.paths.is_empty() || except.paths.iter().any(|path| path.matches(&self.path))
    }
}

/// Whether a condition may answer otherwise once the visitor is at another URL.
fn reads_url(condition: &Condition, language: &Language) -> bool {
    const OF_URL: [&str; 8] = [
        "params",
        "session",
        "request.method",
        "request.scheme",
        "request.host",
        "request.path",
        "request.query",
        "request.headers.referer",
    ];
    let mut seen = BTreeSet::new();
    let mut open = vec![Unit::Condition(condition.name.clone())];
    while let Some(unit) = open.pop() {
        let Some(mentions) = language.mentions(&unit) else { return true };
        let whole = ["request", "request.headers", "audiences"].iter().any(|path| mentions.paths.contains(*path));
        if whole || OF_URL.iter().any(|path| mentions.mentions(path)) {
            return true;
        }
        let audiences = named_audiences(mentions).map(|name| format!("audiences.{name}"));
        open.extend(audiences.filter(|name| seen.insert(name.clone())).map(|name| Unit::Condition(name.into())));
    }
    false
}
