//! Templates and conditions: given to the language, and what it says led back to the files.
//!
//! In: sources as they are met. Out: the language, and problems at their places: syntax, unknown names, `random`
//! where it is refused, audiences that do not exist. It must not parse the language itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chance::Chance;
use super::cycles::{self, named_audiences};
use super::purpose::Purpose;
use super::world::World;
use crate::config::read::names::suggestion;
use crate::config::report::Report;
use crate::config::source::{SourceId, Span};
use crate::config::yaml::Text;
use crate::scope::condition::Condition;
use crate::scope::language::messages::Messages;
use crate::scope::language::{AttributeKind, Language, LanguageBuilder, Mentions, Problem, Severity, Unit};

/// Where a unit was written.
#[derive(Debug)]
enum Origin {
    /// In a scalar.
    Text(Text),
    /// In a file of its own.
    File(SourceId),
}

/// All units.
#[derive(Debug, Default)]
pub struct Units {
    all: BTreeMap<Unit, (Origin, Purpose)>,
    /// Of phrases: the names that they may use.
    names: BTreeMap<Unit, Vec<String>>,
    /// Templates that are whole values of attributes.
    standing: BTreeSet<(Unit, AttributeKind)>,
    /// What templates and conditions may say.
    messages: Arc<Messages>,
}

impl Units {
    /// Units of which there are the files below `templates` so far.
    pub fn new(world: &World<'_>, messages: Arc<Messages>) -> Self {
        let file = |(name, id): (&String, &SourceId)| {
            (Unit::Template(name.as_str().into()), (Origin::File(*id), Purpose::Shared))
        };
        let all = world.templates.iter().map(file).collect();
        Self { all, messages, ..Self::default() }
    }

    /// Adds an audience's condition, or a `when`.
    pub fn condition(&mut self, name: String, text: &Text, purpose: Purpose) -> Condition {
        let name: Arc<str> = name.into();
        self.all.insert(Unit::Condition(name.clone()), (Origin::Text(text.clone()), purpose));
        Condition::new(name, text.value.as_str())
    }

    /// Adds a template that stands in a rule file; its name in the language.
    pub fn template(&mut self, name: String, text: &Text, purpose: Purpose) -> Arc<str> {
        let name: Arc<str> = name.into();
        self.all.insert(Unit::Template(name.clone()), (Origin::Text(text.clone()), purpose));
        name
    }

    /// Adds a phrase of a source, over these names.
    pub fn phrase(&mut self, name: String, text: &Text, names: &[String]) {
        let name = self.template(name, text, Purpose::Phrase);
        self.names.insert(Unit::Template(name), names.to_vec());
    }

    /// Adds the key of an item, over these names.
    pub fn key(&mut self, name: String, text: &Text, names: &[String]) {
        let name = self.template(name, text, Purpose::Key);
        self.names.insert(Unit::Template(name), names.to_vec());
    }

    /// Says that a template is the whole value of an attribute of this kind.
    pub fn stands_in(&mut self, template: Arc<str>, kind: AttributeKind) {
        self.standing.insert((Unit::Template(template), kind));
    }

    /// The language of all units; `None` after noting what is wrong with them.
    pub fn finish(self, world: &World<'_>, report: &mut Report) -> Option<Arc<Language>> {
        let (language, problems) = match self.build(&BTreeSet::new(), report) {
            Ok((language, warnings)) => (Some(language), warnings),
            Err(problems) => (None, problems),
        };
        problems.iter().for_each(|problem| self.note(problem, report));
        // What the sound ones mention is looked at even if others are broken: all problems in one run.
        let broken: BTreeSet<Unit> = problems.into_iter().filter(is_error).map(|problem| problem.unit).collect();
        let sound = match &language {
            Some(language) => Some(language.clone()),
            None => self.build(&broken, report).ok().map(|(language, _)| language),
        };
        if let Some(sound) = sound {
            self.check_mentions(&sound, &broken, world, report);
            cycles::audiences(&sound, world, report);
        }
        language
    }

    /// Compiles; the units in `without` are left empty.
    fn build(&self, without: &BTreeSet<Unit>, report: &Report) -> Result<(Arc<Language>, Vec<Problem>), Vec<Problem>> {
        let mut builder = LanguageBuilder::new();
        builder.messages(self.messages.clone());
        for (unit, (origin, purpose)) in &self.all {
            let text = match origin {
                Origin::Text(text) => text.value.as_str(),
                Origin::File(id) => report.sources.get(*id).text(),
            };
            let text = if without.contains(unit) { "" } else { text };
            match unit {
                Unit::Template(name) => builder.template(name, text),
                Unit::Condition(name) => builder.condition(name, if text.is_empty() { "false" } else { text }),
            };
            builder.refuse(unit.clone(), purpose.refused());
            if let Some(names) = self.names.get(unit) {
                builder.declare(unit, names.iter().cloned());
            }
            if matches!(purpose, Purpose::Line | Purpose::Phrase | Purpose::Key | Purpose::Argument { .. }) {
                builder.printed_in_lines(unit.clone());
            }
        }
        for (unit, kind) in &self.standing {
            builder.stands_in(unit.clone(), *kind);
        }
        builder.build()
    }

    fn note(&self, problem: &Problem, report: &mut Report) {
        let Some(span) = self.place(&problem.unit, problem.span.clone(), report) else { return };
        let remedy = problem.hint.clone().unwrap_or_else(|| match problem.message.starts_with("there is no") {
            true => "check the spelling, or leave it out".to_owned(),
            false => "check the words, brackets and operators around the mark".to_owned(),
        });
        match problem.severity {
            Severity::Error => report.error(span, &problem.message, remedy),
            Severity::Warning => report.warn(span, &problem.message, remedy),
        };
    }

    fn place(&self, unit: &Unit, part: std::ops::Range<usize>, report: &Report) -> Option<Span> {
        self.all.get(unit).map(|(origin, _)| match origin {
            Origin::Text(text) => text.place(&report.sources, part),
            Origin::File(id) => id.span(part),
        })
    }

    /// Where a unit says `words`, or the whole of it.
    fn place_of(&self, unit: &Unit, words: &str, report: &Report) -> Option<Span> {
        let (origin, _) = self.all.get(unit)?;
        let source = match origin {
            Origin::Text(text) => text.value.as_str(),
            Origin::File(id) => report.sources.get(*id).text(),
        };
        let inside = |at: usize| source[at + words.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = source.match_indices(words).map(|(at, _)| at).find(|at| !inside(*at));
        match (found, origin) {
            (Some(at), _) => self.place(unit, at..at + words.len(), report),
            (None, Origin::Text(text)) => Some(text.span),
            (None, Origin::File(id)) => Some(id.start()),
        }
    }

    fn check_mentions(&self, language: &Language, broken: &BTreeSet<Unit>, world: &World<'_>, report: &mut Report) {
        let chance = Chance::new(language, world);
        for (unit, (_, purpose)) in self.all.iter().filter(|(unit, _)| !broken.contains(unit)) {
            let Some(mentions) = language.mentions(unit) else { continue };
            let when = matches!(unit, Unit::Condition(_)) && *purpose != Purpose::Audience;
            if let Some(decisive) = chance.in_what(mentions).filter(|_| when) {
                let span = self.place_of(unit, &decisive, report).expect("invariant: a unit that was added");
                let what = format!("`{decisive}` is refused in `when`: it would decide anew on every page");
                report.error(span, what, "use `share: 20%` for a part of the visitors, who then stay the same");
            }
            self.check_audiences(unit, mentions, world, report);
            if !matches!(purpose, Purpose::Phrase | Purpose::Key) {
                self.check_sources(unit, mentions, world, report);
            }
        }
    }

    /// Every source that is called must exist.
    fn check_sources(&self, unit: &Unit, mentions: &Mentions, world: &World<'_>, report: &mut Report) {
        let names = mentions.paths.iter().filter_map(|path| path.strip_prefix("sources.")?.split('.').next());
        let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
        for name in names.into_iter().filter(|name| world.complete() && !world.sources.contains_key(*name)) {
            let span = self.place_of(unit, &format!("sources.{name}"), report);
            let span = span.expect("invariant: a unit that was added");
            let remedy = suggestion(name, world.sources.keys().map(String::as_str), "define it under `sources`");
            report.error(span, format!("there is no source `{name}`"), remedy);
        }
    }

    /// Every audience that is named must exist. What an included template names is told there.
    fn check_audiences(&self, unit: &Unit, mentions: &Mentions, world: &World<'_>, report: &mut Report) {
        let names: BTreeSet<&str> = named_audiences(mentions).collect();
        for name in names.into_iter().filter(|name| world.complete() && !world.audiences.contains_key(*name)) {
            let span = self.place_of(unit, &format!("audiences.{name}"), report);
            let span = span.expect("invariant: a unit that was added");
            let remedy = suggestion(name, world.audiences.keys().map(String::as_str), "define it under `audiences`");
            report.error(span, format!("there is no audience `{name}`"), remedy);
        }
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}
