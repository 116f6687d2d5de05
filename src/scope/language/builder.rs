//! From sources to a [`Language`], or to everything that is wrong with them.
//!
//! In: names and sources. Out: the compiled language, or all problems, each with its place in the author's source. It must
//! not stop at the first problem.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::direct::Direct;
use super::messages::{self, Messages};
use super::places::{AttributeKind, Start, analyse};
use super::problem::{Problem, Severity, Unit, syntax_problem};
use super::splice::{Spliced, splice};
use super::survey::{Survey, survey};
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

/// Collects sources. All of them are added before [`build`](Self::build), so that they may include one another.
#[derive(Debug, Default)]
pub struct LanguageBuilder {
    pub(super) sources: BTreeMap<Unit, Source>,
    pub(super) problems: Vec<Problem>,
    /// Names of the scope that a source must not use itself.
    pub(super) refused: BTreeMap<Unit, Vec<Refused>>,
    /// Templates that are printed into URLs and fields.
    pub(super) lines: BTreeSet<Unit>,
    /// Templates that are whole values of attributes.
    pub(super) standing: BTreeSet<(AttributeKind, Unit)>,
    /// What `t` says.
    pub(super) messages: Arc<Messages>,
}

/// A name of the scope that has no value, or no sense, where a source is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub name: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do instead.
    pub hint: String,
}

#[derive(Debug)]
pub(super) struct Source {
    pub text: Arc<str>,
    /// As it is compiled for lines.
    pub spliced: Spliced,
    /// As it is compiled for a place whose markup is known, with what can't be printed there.
    placed: BTreeMap<Start, (Spliced, Vec<Unprintable>)>,
    /// Bytes that stand before the author's when it is compiled.
    pub prefix: usize,
    pub survey: Survey,
    /// If it is a condition that needs no machine.
    pub direct: Option<Direct>,
}

/// Where something is printed that can't be, what is wrong, and what to do.
type Unprintable = (Range<usize>, String, String);

impl LanguageBuilder {
    /// A builder without sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the sources what `t` says.
    pub fn messages(&mut self, messages: Arc<Messages>) -> &mut Self {
        self.messages = messages;
        self
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

    /// Makes it an error that a source itself, not what it includes, uses these names.
    pub fn refuse(&mut self, unit: Unit, names: Vec<Refused>) -> &mut Self {
        self.refused.insert(unit, names);
        self
    }

    /// Lets a template be printed by [`Language::line`], into URLs and fields; others need not be compiled for those.
    pub fn printed_in_lines(&mut self, unit: Unit) -> &mut Self {
        self.lines.insert(unit);
        self
    }

    /// Gives names a meaning in a template, as if it declared them itself: those of the values that it is [said](Language::say)
    /// over. A template that could not be parsed has no names.
    pub fn declare(&mut self, unit: &Unit, names: impl IntoIterator<Item = String>) -> &mut Self {
        if let Some(source) = self.sources.get_mut(unit) {
            source.survey.declared.extend(names);
        }
        self
    }

    /// Says that a template is the whole value of an attribute. Of those that it includes nothing need be said.
    pub fn stands_in(&mut self, unit: Unit, kind: AttributeKind) -> &mut Self {
        if kind != AttributeKind::Plain {
            self.standing.insert((kind, unit));
        }
        self
    }

    fn add(&mut self, unit: Unit, text: &str, prefix: usize, compiled: &str) -> &mut Self {
        let name = unit.compiled_name();
        match parse(compiled, &name, SyntaxConfig::default()) {
            Ok(tree) => {
                let direct = matches!(unit, Unit::Condition(_)).then(|| Direct::of(&tree)).flatten();
                let source = Source { direct, ..Source::new(text, prefix, compiled, &tree) };
                self.sources.insert(unit, source);
            }
            Err(error) => self.problems.push(syntax_problem(unit, text, prefix, &error)),
        }
        self
    }

    /// The language with its warnings, or all problems, warnings among them.
    pub fn build(mut self) -> Result<(Arc<Language>, Vec<Problem>), Vec<Problem>> {
        let spoken = self.messages.clone();
        let environment = |escape| environment(escape, &spoken);
        let mut html = environment(AutoEscape::Html);
        let mut script = environment(AutoEscape::Json);
        let mut url = environment(print::URL);
        let mut component = environment(print::COMPONENT);
        let mut field = environment(AutoEscape::None);
        self.place_in_attributes();
        self.check(&html.empty_state());
        let mut attributes: BTreeMap<AttributeKind, Environment<'static>> = BTreeMap::new();
        for (unit, source) in &self.sources {
            for (start, (spliced, _)) in &source.placed {
                let into = match start {
                    Start::Markup => &mut html,
                    Start::RawText => &mut script,
                    Start::Attribute(kind) => attributes.entry(*kind).or_insert_with(|| environment(AutoEscape::Html)),
                };
                if let Err(error) = into.add_template_owned(unit.compiled_name(), spliced.source.clone()) {
                    self.problems.push(syntax_problem(unit.clone(), &source.text, source.prefix, &error));
                }
            }
        }
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(self.problems);
        }
        let of_lines: BTreeSet<&Unit> = self.lines.iter().flat_map(|unit| self.closure(unit).0).collect();
        for unit in of_lines {
            for into in [&mut url, &mut component, &mut field] {
                into.add_template_owned(unit.compiled_name(), self.sources[unit].spliced.source.clone())
                    .expect("invariant: it compiled above");
            }
        }
        let direct = self.direct();
        let (units, problems) = self.compile();
        Ok((Arc::new(Language { html, attributes, script, url, component, field, units, direct }), problems))
    }

    fn direct(&self) -> HashMap<Arc<str>, Direct> {
        let direct = self.sources.iter().filter_map(|(unit, source)| match unit {
            Unit::Condition(name) => Some((name.clone(), source.direct.clone()?)),
            Unit::Template(_) => None,
        });
        direct.collect()
    }

    /// Makes the forms of templates that are whole values of attributes, and of what these include.
    fn place_in_attributes(&mut self) {
        let standing = self.standing.iter();
        let all: BTreeSet<(AttributeKind, Unit)> = standing
            .filter(|(_, unit)| self.sources.contains_key(unit))
            .flat_map(|(kind, unit)| self.closure(unit).0.into_iter().map(|unit| (*kind, unit.clone())))
            .collect();
        for (kind, unit) in all {
            let source = self.sources.get_mut(&unit).expect("invariant: closures hold what was added");
            let text = source.text.clone();
            if let Ok(tree) = parse(&text, &unit.compiled_name(), SyntaxConfig::default()) {
                source.place(&text, &tree, Start::Attribute(kind));
            }
        }
    }

    fn compile(self) -> (BTreeMap<Unit, Compiled>, Vec<Problem>) {
        let closures: Vec<_> = self.sources.keys().map(|unit| self.closure(unit)).collect();
        let facts: Vec<_> = closures.iter().map(|closure| (self.mentions(closure), self.identity(closure))).collect();
        let compiled = self.sources.into_iter().zip(facts).map(|((unit, source), (mentions, identity))| {
            let Source { text, spliced, placed, prefix, .. } = source;
            let placed = placed.into_iter().map(|(start, (spliced, _))| (start, spliced)).collect();
            (unit, Compiled { source: text, spliced, placed, prefix, mentions, identity })
        });
        (compiled.collect(), self.problems)
    }

    /// This source and all that it leads to; the flag says that a name is only known at run time, so that it may be any.
    pub(super) fn closure(&self, unit: &Unit) -> (Vec<&Unit>, bool) {
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
        let speaks = closure.iter().any(|unit| !self.sources[*unit].survey.translations.is_empty());
        Fingerprint::of((sources, self.messages.identity().filter(|_| speaks)))
    }
}

impl Source {
    fn new(text: &str, prefix: usize, compiled: &str, tree: &Stmt<'_>) -> Self {
        let spliced = splice(compiled, tree, &BTreeMap::new());
        let (text, placed, survey) = (text.into(), BTreeMap::new(), survey(tree));
        let mut source = Self { text, spliced, placed, prefix, survey, direct: None };
        for start in [Start::Markup, Start::RawText] {
            source.place(compiled, tree, start);
        }
        source
    }

    fn place(&mut self, compiled: &str, tree: &Stmt<'_>, start: Start) {
        let analysis = analyse(tree, start);
        self.placed.insert(start, (splice(compiled, tree, &analysis.places), analysis.problems));
    }

    /// What can't be printed, where the source is used: between tags unless somebody says otherwise.
    pub(super) fn unprintable(
        &self,
        unit: &Unit,
        lines: &BTreeSet<Unit>,
        standing: &BTreeSet<(AttributeKind, Unit)>,
    ) -> Vec<Unprintable> {
        let stands = standing.iter().any(|(_, standing)| standing == unit);
        let counts = |start: &Start| match start {
            Start::Markup => !lines.contains(unit) && !stands,
            Start::RawText => false,
            Start::Attribute(_) => true,
        };
        let placed = self.placed.iter().filter(|(start, _)| counts(start));
        placed.flat_map(|(_, (_, problems))| problems.iter().cloned()).collect()
    }
}

pub(super) fn environment(escape: AutoEscape, messages: &Arc<Messages>) -> Environment<'static> {
    let mut environment = Environment::new();
    builtins::install(&mut environment);
    messages::install(&mut environment, messages);
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(print::format);
    environment.set_fuel(Some(limits::TEMPLATE_FUEL));
    environment.set_recursion_limit(limits::TEMPLATE_RECURSION);
    environment.set_debug(false);
    environment
}
