//! From sources to a [`Language`], or to everything that is wrong with them.
//!
//! In: names and sources. Out: the compiled language, or all problems, each with its place in the author's source. It must
//! not stop at the first problem.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, State, UndefinedBehavior, tests};

use super::splice::{Spliced, splice};
use super::survey::{Link, Survey, Use, survey};
use super::{Compiled, Language, Mentions, builtins, print};
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// The names that code may see; which of them are there depends on the exchange.
pub const SCOPE_NAMES: [&str; 17] = [
    "request",
    "params",
    "element",
    "each",
    "site",
    "visitor",
    "session",
    "geo",
    "profile",
    "events",
    "items",
    "audiences",
    "experiments",
    "sources",
    "now",
    "random",
    "csp",
];

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Which source is meant; templates and conditions have names of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    Template(Arc<str>),
    Condition(Arc<str>),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(name) => write!(f, "template {name}"),
            Self::Condition(name) => write!(f, "condition {name}"),
        }
    }
}

/// What conditions are called among the compiled templates; no file's name has such a character.
const CONDITION: &str = "condition\0";

impl Unit {
    pub(super) fn compiled_name(&self) -> String {
        match self {
            Self::Template(name) => name.to_string(),
            Self::Condition(name) => format!("{CONDITION}{name}"),
        }
    }

    pub(super) fn of_compiled_name(name: &str) -> Self {
        match name.strip_prefix(CONDITION) {
            Some(name) => Self::Condition(name.into()),
            None => Self::Template(name.into()),
        }
    }
}

/// Something wrong with a source, in the author's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub unit: Unit,
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where it is in the source, in bytes.
    pub span: Range<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Line and column, both from 1, of a byte offset.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Collects sources. All of them are added before [`build`](Self::build), so that they may include one another.
#[derive(Debug, Default)]
pub struct LanguageBuilder {
    sources: BTreeMap<Unit, Source>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Source {
    text: Arc<str>,
    spliced: Spliced,
    prefix: usize,
    survey: Survey,
}

impl LanguageBuilder {
    /// A builder without sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a template under a name by which others may include it. The last of two with one name counts.
    pub fn template(&mut self, name: &str, source: &str) -> &mut Self {
        self.add(Unit::Template(name.into()), source, 0, source)
    }

    /// Adds a condition: one expression.
    pub fn condition(&mut self, name: &str, source: &str) -> &mut Self {
        let unit = Unit::Condition(name.into());
        if let Err(error) = parse_expr(source) {
            let problem = syntax_problem(unit, source, 0, &error);
            self.problems.push(problem);
            return self;
        }
        let (before, after) = ("{% if ", " %}1{% endif %}");
        self.add(unit, source, before.len(), &format!("{before}{source}{after}"))
    }

    fn add(&mut self, unit: Unit, text: &str, prefix: usize, compiled: &str) -> &mut Self {
        let name = unit.compiled_name();
        match parse(compiled, &name, SyntaxConfig::default()) {
            Ok(tree) => {
                let source = Source::new(text, prefix, compiled, &tree);
                self.sources.insert(unit, source);
            }
            Err(error) => self.problems.push(syntax_problem(unit, text, prefix, &error)),
        }
        self
    }

    /// The language with its warnings, or all problems, warnings among them.
    pub fn build(mut self) -> Result<(Arc<Language>, Vec<Problem>), Vec<Problem>> {
        let mut html = environment(AutoEscape::Html);
        let mut script = environment(AutoEscape::Json);
        self.check(&html.empty_state());
        for (unit, source) in &self.sources {
            for environment in [&mut html, &mut script] {
                if let Err(error) = environment.add_template_owned(unit.compiled_name(), source.spliced.source.clone())
                {
                    self.problems.push(syntax_problem(unit.clone(), &source.text, source.prefix, &error));
                }
            }
        }
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(self.problems);
        }
        let (units, problems) = self.compile();
        Ok((Arc::new(Language { html, script, units }), problems))
    }

    fn compile(self) -> (BTreeMap<Unit, Compiled>, Vec<Problem>) {
        let closures: Vec<_> = self.sources.keys().map(|unit| self.closure(unit)).collect();
        let facts: Vec<_> = closures.iter().map(|closure| (self.mentions(closure), self.identity(closure))).collect();
        let compiled = self.sources.into_iter().zip(facts).map(|((unit, source), (mentions, identity))| {
            let Source { text, spliced, prefix, .. } = source;
            (unit, Compiled { source: text, spliced, prefix, mentions, identity })
        });
        (compiled.collect(), self.problems)
    }

    /// This source and all that it leads to; the flag says that a name is only known at run time, so that it may be any.
    fn closure(&self, unit: &Unit) -> (Vec<&Unit>, bool) {
        let mut found: Vec<&Unit> = Vec::new();
        let mut open = false;
        let mut next: Vec<&Unit> = self.sources.get_key_value(unit).map(|(unit, _)| unit).into_iter().collect();
        while let Some(unit) = next.pop() {
            if found.contains(&unit) {
                continue;
            }
            found.push(unit);
            for link in &self.sources[unit].survey.links {
                open |= link.names.is_none();
                let names = link.names.iter().flatten().map(|name| Unit::Template(name.as_str().into()));
                next.extend(names.filter_map(|unit| self.sources.get_key_value(&unit).map(|(unit, _)| unit)));
            }
        }
        if open {
            found = self.sources.keys().filter(|any| matches!(any, Unit::Template(_)) || *any == unit).collect();
        }
        (found, open)
    }

    fn mentions(&self, (closure, open): &(Vec<&Unit>, bool)) -> Mentions {
        let paths = closure.iter().flat_map(|unit| self.sources[*unit].survey.paths());
        let of_scope = paths.filter(|path| SCOPE_NAMES.contains(&path.split('.').next().unwrap_or(path)));
        Mentions { paths: of_scope.map(str::to_owned).collect(), open: *open }
    }

    fn identity(&self, (closure, _): &(Vec<&Unit>, bool)) -> Fingerprint {
        let sources: Vec<_> = closure.iter().map(|unit| (*unit, &self.sources[*unit].text)).collect();
        Fingerprint::of(sources)
    }
}

impl Source {
    fn new(text: &str, prefix: usize, compiled: &str, tree: &Stmt<'_>) -> Self {
        Self { text: text.into(), spliced: splice(compiled, tree), prefix, survey: survey(tree) }
    }
}

fn environment(escape: AutoEscape) -> Environment<'static> {
    let mut environment = Environment::new();
    builtins::install(&mut environment);
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(print::format);
    environment.set_fuel(Some(limits::TEMPLATE_FUEL));
    environment.set_recursion_limit(limits::TEMPLATE_RECURSION);
    environment.set_debug(false);
    environment
}

fn syntax_problem(unit: Unit, source: &str, prefix: usize, error: &minijinja::Error) -> Problem {
    let span = error.range().unwrap_or(0..0);
    let message = error.detail().unwrap_or("cannot be understood").to_owned();
    problem(unit, source, prefix, span, message, None)
}

fn problem(
    unit: Unit,
    source: &str,
    prefix: usize,
    span: Range<usize>,
    message: String,
    hint: Option<String>,
) -> Problem {
    let [start, end] = [span.start, span.end].map(|offset| offset.saturating_sub(prefix).min(source.len()));
    let (line, column) = position(source, start);
    Problem { unit, severity: Severity::Error, line, column, span: start..end.max(start), message, hint }
}

/// What only shows when all sources are known.
impl LanguageBuilder {
    fn check(&mut self, state: &State<'_, '_>) {
        let declared: BTreeSet<&str> =
            self.sources.values().flat_map(|source| source.survey.declared.iter().map(String::as_str)).collect();
        let mut problems = Vec::new();
        for (unit, source) in &self.sources {
            let mut report = |at: &Range<usize>, message: String, hint: Option<String>| {
                problems.push(problem(unit.clone(), &source.text, source.prefix, at.clone(), message, hint));
            };
            for used in source.survey.filters.iter().filter(|used| !filter_exists(state, &used.name)) {
                report(&used.at, format!("there is no filter `{}`", used.name), None);
            }
            for used in source.survey.tests.iter().filter(|used| !tests::is_test(state, &used.name)) {
                report(&used.at, format!("there is no test `{}`", used.name), None);
            }
            check_names(&source.survey, &declared, &mut report);
            self.check_links(unit, &source.survey.links, &mut report);
        }
        self.problems.extend(problems);
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

fn filter_exists(state: &State<'_, '_>, name: &str) -> bool {
    tests::is_filter(state, name)
}

fn check_names(
    survey: &Survey,
    declared: &BTreeSet<&str>,
    report: &mut impl FnMut(&Range<usize>, String, Option<String>),
) {
    let called: BTreeSet<_> = survey.calls.iter().map(|used| used.at.start).collect();
    let known = |used: &Use| {
        let name = used.name.as_str();
        declared.contains(name)
            || SCOPE_NAMES.contains(&name)
            || builtins::FUNCTIONS.contains(&name)
            || matches!(name, "loop" | "self")
    };
    for used in survey.names.iter().filter(|used| !known(used)) {
        let (kind, hint) = match (&*used.name, called.contains(&used.at.start)) {
            ("debug", true) => {
                ("function", Some("it would show everything to everybody; print the value itself".into()))
            }
            ("namespace", true) => ("function", Some("use `{% set %}` and the filters `sum`, `map`, `select`".into())),
            (name, true) => ("function", nearest(name, declared.iter().copied().chain(builtins::FUNCTIONS))),
            (name, false) => ("value", nearest(name, declared.iter().copied().chain(SCOPE_NAMES))),
        };
        report(&used.at, format!("there is no {kind} `{}`", used.name), hint);
    }
}

fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let near = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min()?;
    (near.0 <= 2).then(|| format!("did you mean `{}`?", near.1))
}
