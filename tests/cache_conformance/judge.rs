//! What came, held against what must hold.
//!
//! In: one step, its answer, and what the origin was asked. Out: the first thing that does not hold. It must not send.

use super::client::Answer;
use super::origin::Seen;
use super::script::{Case, Check, Expected, Line};
use super::time::dated;

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// It does what it should not.
    Fails(String),
    /// It never came to the point: what was given did not hold.
    Unshown(String),
}

/// What is known when a step is over.
pub struct Outcome<'a> {
    pub case: &'a Case,
    /// The case's key: the body of answers that script none.
    pub key: &'a str,
    /// From 1.
    pub step: usize,
    pub answer: &'a Answer,
    pub seen: &'a [Seen],
}

impl Outcome<'_> {
    /// Judges the step by its own lines, and by what goes without saying.
    pub fn verdict(&self) -> Verdict {
        for line in &self.case.steps[self.step - 1].checks {
            if let Err(wrong) = self.check(line) {
                let wrong = format!("step {}: `{}`: {wrong}", self.step, line.text);
                return if line.given { Verdict::Unshown(wrong) } else { Verdict::Fails(wrong) };
            }
        }
        match self.plain() {
            Ok(()) => Verdict::Holds,
            Err(wrong) => Verdict::Unshown(format!("step {}: {wrong}", self.step)),
        }
    }

    /// Status and body are those of the answer that this one claims to be, unless lines of the case say otherwise.
    fn plain(&self) -> Result<(), String> {
        let said =
            |about: fn(&Check) -> bool| self.case.steps[self.step - 1].checks.iter().any(|line| about(&line.check));
        if said(|check| matches!(check, Check::OwnAnswer | Check::Cut)) {
            return Ok(());
        }
        let step = self.answer.step();
        let replied = step.and_then(|step| self.whole_reply(step));
        if !said(|check| matches!(check, Check::Status(_))) {
            let status =
                replied.map(|reply| reply.0).ok_or(format!("status {}, not the origin's", self.answer.status))?;
            same(self.answer.status, status, "status")?;
        }
        let asked = self.case.steps[self.step - 1].method.as_str();
        let bodiless = asked == "HEAD" || matches!(self.answer.status, 204 | 304);
        if said(|check| matches!(check, Check::Body(_))) || bodiless {
            return Ok(());
        }
        match (replied, &self.answer.body) {
            (_, None) => Err("the body broke off".to_owned()),
            (Some((_, expected)), Some(body)) => same(body.as_str(), expected, "body"),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Status and body of the answer to this step; a 304 stands for the one before.
    fn whole_reply(&self, step: usize) -> Option<(u16, &str)> {
        let was_304 = self.seen.iter().rfind(|seen| seen.step == step).is_some_and(|seen| seen.status == 304);
        let reply = &self.case.steps.get(step - 1)?.reply;
        if was_304 && reply.status != 304 {
            return self.whole_reply(step - 1);
        }
        Some((reply.status, reply.body.as_deref().unwrap_or(self.key)))
    }

    fn check(&self, line: &Line) -> Result<(), String> {
        let asked: Vec<&Seen> = self.seen.iter().filter(|seen| seen.step == self.step).collect();
        let last = asked.last();
        match &line.check {
            Check::Cached => match self.answer.step() {
                Some(step) if step < self.step => Ok(()),
                None if self.answer.status == 304 && last.is_none() => Ok(()),
                _ => Err("it came from the origin".to_owned()),
            },
            Check::NotCached if self.answer.step() == Some(self.step) => Ok(()),
            Check::NotCached => Err("it came from the cache".to_owned()),
            Check::ValidatedByEtag => {
                last.and_then(|seen| seen.header("if-none-match")).map(drop).ok_or_else(unvalidated)
            }
            Check::ValidatedByDate => {
                last.and_then(|seen| seen.header("if-modified-since")).map(drop).ok_or_else(unvalidated)
            }
            Check::OwnAnswer if self.answer.status == 0 => Err("there was no answer".to_owned()),
            Check::OwnAnswer => self.answer.step().map_or(Ok(()), |step| Err(format!("the origin's, of step {step}"))),
            Check::Status(status) => same(self.answer.status, *status, "status"),
            Check::Has(name, expected) => self.expect(name, self.answer.header(name), expected),
            Check::HasNot(name, part) => absent(name, self.answer.header(name).filter(|value| value.contains(part))),
            Check::HasNo(name) => absent(name, self.answer.header(name)),
            Check::Body(text) => same(self.answer.body.as_deref().unwrap_or("(broken off)"), text, "body"),
            Check::Cut => self.answer.body.as_ref().map_or(Ok(()), |_| Err("the body ended as if whole".to_owned())),
            Check::AskedTimes(times) => same(self.seen.len(), *times, "requests to the origin"),
            Check::AskedWith(method) => {
                same(last.map_or("nothing", |seen| seen.method.as_str()), method, "method of the request to the origin")
            }
            Check::Asked(name, expected) => self.expect(name, last.and_then(|seen| seen.header(name)), expected),
            Check::AskedNo(name) => absent(name, last.and_then(|seen| seen.header(name))),
            Check::Interim(status) if self.answer.interim.contains(status) => Ok(()),
            Check::Interim(status) => Err(format!("no {status} came before the answer")),
            Check::NoInterim if self.answer.interim.is_empty() => Ok(()),
            Check::NoInterim => Err(format!("{:?} came before the answer", self.answer.interim)),
        }
    }

    fn expect(&self, name: &str, value: Option<String>, expected: &Expected) -> Result<(), String> {
        let value = value.ok_or(format!("there is no {name}"))?;
        match expected {
            Expected::Anything => Ok(()),
            Expected::Contains(part) if value.contains(part) => Ok(()),
            Expected::MoreThan(least) if value.parse().is_ok_and(|number: i64| number > *least) => Ok(()),
            Expected::Equal(expected) => same(value.as_str(), &self.written(expected), name),
            Expected::Contains(_) | Expected::MoreThan(_) => Err(format!("{name} is `{value}`")),
        }
    }

    /// A date in a line stands as seen from when the origin made this answer.
    fn written(&self, value: &str) -> String {
        let made = self.seen.iter().find(|seen| Some(seen.step) == self.answer.step());
        made.map_or_else(|| value.to_owned(), |seen| dated(value, seen.at))
    }
}

fn unvalidated() -> String {
    "the origin was not asked whether it changed".to_owned()
}

fn absent(name: &str, value: Option<String>) -> Result<(), String> {
    value.map_or(Ok(()), |value| Err(format!("{name} is `{value}`")))
}

fn same<T: PartialEq + std::fmt::Display>(is: T, should: T, what: &str) -> Result<(), String> {
    let short = |value: T| value.to_string().chars().take(80).collect::<String>();
    if is == should { Ok(()) } else { Err(format!("{what} is `{}`, not `{}`", short(is), short(should))) }
}
