//! The checks that need all sources: names, filters, tests and templates that do not exist, includes without end.
//!
//! In: a builder with everything added. Out: problems in it. It must not change the sources.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::{State, tests};

use super::builder::{LanguageBuilder, SCOPE_NAMES};
use super::messages::{self, Messages, Translation};
use super::problem::{Unit, problem};
use super::survey::{Link, Survey, Use};
use super::{builtins, filter_names, members, offers};

impl LanguageBuilder {
    /// Notes what only shows when all sources are known.
    pub(super) fn check(&mut self, state: &State<'_, '_>) {
        let declared: BTreeSet<&str> =
            self.sources.values().flat_map(|source| source.survey.declared.iter().map(String::as_str)).collect();
        let mut problems = Vec::new();
        for (unit, source) in &self.sources {
            let mut report = |at: &Range<usize>, message: String, hint: Option<String>| {
                problems.push(problem(unit.clone(), &source.text, source.prefix, at.clone(), message, hint));
            };
            for used in source.survey.filters.iter().filter(|used| !tests::is_filter(state, &used.name)) {
                let near = nearest(&used.name, filter_names());
                report(&used.at, format!("there is no filter `{}`", used.name), near);
            }
            for used in source.survey.tests.iter().filter(|used| !tests::is_test(state, &used.name)) {
                let near = nearest(&used.name, builtins::TESTS.into_iter());
                report(&used.at, format!("there is no test `{}`", used.name), near);
            }
            for (at, message, hint) in source.survey.invocations.iter().flat_map(offers::faults) {
                report(&at, message, hint);
            }
            for (at, message, hint) in source.unprintable(unit, &self.lines, &self.standing) {
                report(&at, message, Some(hint));
            }
            check_names(&source.survey, &declared, &self.messages, &mut report);
            let translations = || source.survey.translations.iter().filter(|_| !declared.contains("t"));
            translations().for_each(|call| check_translation(call, &self.messages, &mut report));
            self.check_links(unit, &source.survey.links, &mut report);
            self.check_refused(unit, &source.survey, &mut report);
            problems.extend(members::fruitless(&source.survey).map(|found| {
                problem(unit.clone(), &source.text, source.prefix, found.at, found.message, Some(found.hint)).warning()
            }));
            let idle = translations().flat_map(|call| idle(call, &self.messages));
            problems.extend(idle.map(|(at, message, hint)| {
                problem(unit.clone(), &source.text, source.prefix, at, message, Some(hint)).warning()
            }));
            let own = |root: &String| source.survey.declared.contains(root);
            problems.extend(source.survey.mismatches.iter().filter(|found| !own(&found.root)).map(|found| {
                let (message, hint) = (found.message.clone(), Some(found.hint.clone()));
                problem(unit.clone(), &source.text, source.prefix, found.at.clone(), message, hint).warning()
            }));
        }
        self.problems.extend(problems);
    }

    /// Names that have no value where the source is used.
    fn check_refused(
        &self,
        unit: &Unit,
        survey: &Survey,
        report: &mut impl FnMut(&Range<usize>, String, Option<String>),
    ) {
        for refused in self.refused.get(unit).into_iter().flatten() {
            let uses = survey.names.iter().filter(|used| used.name == refused.name);
            for used in uses.filter(|used| !survey.declared.contains(&used.name)) {
                report(&used.at, refused.what.clone(), Some(refused.hint.clone()));
            }
        }
    }

    fn check_links(&self, unit: &Unit, links: &[Link], report: &mut impl FnMut(&Range<usize>, String, Option<String>)) {
        for link in links {
            let names: Vec<_> = link.names.iter().flatten().map(|name| Unit::Template(name.as_str().into())).collect();
            let known: Vec<_> = names.iter().filter(|name| self.sources.contains_key(name)).collect();
            if !names.is_empty() && known.is_empty() && !link.optional {
                let templates = self.sources.keys().filter_map(|unit| match unit {
                    Unit::Template(name) => Some(&**name),
                    Unit::Condition(_) => None,
                });
                let wanted = link.names.iter().flatten().next().map_or("", String::as_str);
                report(&link.at, format!("there is no {}", names[0]), nearest(wanted, templates));
            }
            if known.iter().any(|target| self.closure(target).0.contains(&unit) && !self.closure(target).1) {
                report(&link.at, format!("{} includes itself here, without end", unit), None);
            }
        }
    }
}

fn check_names(
    survey: &Survey,
    declared: &BTreeSet<&str>,
    messages: &Messages,
    report: &mut impl FnMut(&Range<usize>, String, Option<String>),
) {
    let called: BTreeSet<_> = survey.calls.iter().map(|used| used.at.start).collect();
    let known = |used: &Use| {
        let name = used.name.as_str();
        declared.contains(name)
            || SCOPE_NAMES.contains(&name)
            || builtins::FUNCTIONS.contains(&name)
            || (name == "t" && !messages.is_empty())
            || matches!(name, "loop" | "self")
    };
    for used in survey.names.iter().filter(|used| !known(used)) {
        let (kind, hint) = match (&*used.name, called.contains(&used.at.start)) {
            ("debug", true) => {
                ("function", Some("it would show everything to everybody; print the value itself".into()))
            }
            ("t", true) => {
                let hint = "nothing is said in any language yet: put messages into `rules/locales/en.ftl`";
                ("function", Some(hint.into()))
            }
            ("namespace", true) => ("function", Some("use `{% set %}` and the filters `sum`, `map`, `select`".into())),
            (name, true) => ("function", nearest_function(name, declared)),
            (name, false) => ("value", nearest(name, declared.iter().copied().chain(SCOPE_NAMES))),
        };
        report(&used.at, format!("there is no {kind} `{}`", used.name), hint);
    }
}

/// A message that nobody has written, or that needs what it is not given.
fn check_translation(
    call: &Translation,
    messages: &Messages,
    report: &mut impl FnMut(&Range<usize>, String, Option<String>),
) {
    let Some((key, at)) = call.key.as_ref().filter(|_| !messages.is_empty()) else { return };
    if !messages.has(key) {
        let hint = messages::nearest(key, messages.keys().into_iter(), "write it into the files of `rules/locales`");
        return report(at, format!("there is no message `{key}`"), Some(hint));
    }
    let given = |name: &str| call.spread || call.given.iter().any(|(given, _)| given == name);
    for name in messages.values(key).into_iter().filter(|name| !given(name)) {
        let hint = format!("write `t('{key}', {name}=…)`");
        report(at, format!("the message `{key}` needs `{name}`"), Some(hint));
    }
}

/// What a message is given and does not use in any language.
fn idle(call: &Translation, messages: &Messages) -> Vec<(Range<usize>, String, String)> {
    let Some((key, _)) = call.key.as_ref().filter(|(key, _)| messages.has(key)) else { return Vec::new() };
    let values = messages.values(key);
    let idle = call.given.iter().filter(|(name, _)| !values.contains(&**name));
    let idle = idle.map(|(name, at)| {
        let hint = messages::nearest(name, values.iter().copied(), "leave it out");
        (at.clone(), format!("the message `{key}` does not use `{name}` in any language"), hint)
    });
    idle.collect()
}

/// A function of this name, or the filter that was meant: `length(x)` is written `x|length`.
fn nearest_function(name: &str, declared: &BTreeSet<&str>) -> Option<String> {
    let function = nearest(name, declared.iter().copied().chain(builtins::FUNCTIONS));
    let filter = || filter_names().find(|filter| strsim::damerau_levenshtein(name, filter) <= 1);
    function.or_else(|| filter().map(|filter| format!("it is a filter: `value|{filter}`")))
}

fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let near = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min()?;
    (near.0 <= 2 && near.0 * 2 < name.len()).then(|| format!("did you mean `{}`?", near.1))
}
