//! Contents: `html`, `text`, `template`, `function`, `fetch`, `fragment`, with deadline, blank and fallback.
//!
//! In: a content as written. Out: a [`Content`], with its templates given to the language. It must not
//! look for circles among fragments; those show only when all are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cycles;
use super::fetches;
use super::making::Making;
use super::purpose::Purpose;
use super::units::Units;
use super::world::World;
use crate::config::raw::contents::{RawContent, RawFallback, RawTemplate};
use crate::config::read::At;
use crate::config::read::names::{listed, suggestion};
use crate::config::report::Report;
use crate::config::settings::functions::allowance;
use crate::config::source::Span;
use crate::content::function::FOLDER;
use crate::content::{Content, Fallback, Invocation, Kind};
use crate::limits::SLOT_DEADLINE;

/// The kinds, those of later versions too: who wrote one of them did not forget the content.
const KINDS: [&str; 8] = ["html", "text", "template", "fragment", "function", "fetch", "decision", "json"];

/// All named fragments. Those with problems are left out.
pub fn fragments(world: &World<'_>, units: &mut Units, report: &mut Report) -> BTreeMap<Arc<str>, Content> {
    cycles::fragments(world, report);
    let one = |(name, at): (&String, &&At<RawContent>)| {
        let mut making = Making { world, units, report, purpose: Purpose::Shared };
        let content = making.content(&at.value, at.key, name.as_str().into(), &format!("fragments.{name}"))?;
        Some((Arc::from(name.as_str()), content))
    };
    world.fragments.iter().filter_map(one).collect()
}

impl Making<'_, '_> {
    /// A content; `span` is where a missing kind is noted, `unit` the name of its templates.
    pub fn content(&mut self, raw: &RawContent, span: Span, name: Arc<str>, unit: &str) -> Option<Content> {
        let kinds = raw.kinds();
        if let [(_, first), rest @ ..] = kinds.as_slice()
            && let Some((_, second)) = rest.first()
        {
            let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
            let what = format!("{} contents stand here: {}", kinds.len(), listed(&names));
            self.report
                .error(*second, what, "keep one; what may stand in for it goes under `fallback`")
                .see(*first, "the first");
        }
        self.check_arguments(raw);
        let kind = self.kind(raw, span, unit);
        let fallback = self.fallback(raw, &name, unit);
        Some(Content {
            kind: kind?,
            fallback: fallback?,
            on_error: None,
            deadline: raw.deadline.as_ref().map_or(SLOT_DEADLINE, |at| at.value.0),
            blank: raw.blank.as_ref().map(|at| at.value).unwrap_or_default(),
            name,
        })
    }

    fn kind(&mut self, raw: &RawContent, span: Span, unit: &str) -> Option<Kind> {
        if let Some(at) = &raw.html {
            return Some(Kind::Html(at.value.value.clone().into()));
        }
        if let Some(at) = &raw.text {
            return Some(Kind::Text(at.value.value.as_str().into()));
        }
        if let Some(at) = &raw.fragment {
            let name = at.value.value.as_str();
            self.world.find("fragment", &self.world.fragments, name, at.span, self.report)?;
            return Some(Kind::Fragment(name.into()));
        }
        if let Some(at) = &raw.fetch {
            return fetches::compile(at, unit, self);
        }
        if let Some(at) = &raw.function {
            return self.function(raw, &at.value.value, at.span);
        }
        match raw.template.as_ref().map(|at| &at.value) {
            Some(RawTemplate::Source(text)) => {
                Some(Kind::Template(self.units.template(unit.to_owned(), text, self.purpose)))
            }
            Some(RawTemplate::File(file)) => {
                let file = file.file.as_ref()?;
                let name = file.value.value.as_str();
                if !self.world.templates.contains_key(name) {
                    let known = self.world.templates.keys().map(String::as_str);
                    let remedy = suggestion(name, known, "put it into `templates` in the folder of rules");
                    self.report.error(file.span, format!("there is no template file `{name}`"), remedy);
                    return None;
                }
                Some(Kind::Template(name.into()))
            }
            None => {
                if !raw.unreadable.any(&KINDS) {
                    self.report.error(
                        span,
                        "there is no content",
                        "add `html`, `text`, `template`, `function`, `fetch` or `fragment`",
                    );
                }
                None
            }
        }
    }

    /// What is given to a function has no effect without one.
    fn check_arguments(&mut self, raw: &RawContent) {
        if raw.function.is_some() {
            return;
        }
        let with = raw.with.as_ref().map(|at| ("with", at.key));
        for (key, at) in with.into_iter().chain(raw.bounds.as_ref().map(|at| ("bounds", at.key))) {
            self.report.error(
                at,
                format!("`{key}` is for a function, and there is none"),
                "add `function`, or leave it out",
            );
        }
    }

    fn function(&mut self, raw: &RawContent, name: &str, span: Span) -> Option<Kind> {
        let functions = &self.world.functions;
        if name.starts_with("lib/") || !functions.contains_key(&format!("{FOLDER}{name}.js")) {
            let name_of = |path: &'_ String| path.strip_prefix(FOLDER)?.strip_suffix(".js").map(str::to_owned);
            let known: Vec<String> =
                functions.keys().filter_map(name_of).filter(|name| !name.starts_with("lib/")).collect();
            let none = format!("put `{name}.js` into `functions` in the folder of rules");
            let remedy = suggestion(name, known.iter().map(String::as_str), &none);
            self.report.error(span, format!("there is no function `{name}`"), remedy);
            return None;
        }
        let otherwise = self.world.around.deployment.map(|deployment| deployment.functions).unwrap_or_default();
        let allowance = match &raw.bounds {
            Some(at) => allowance(&at.value, otherwise, self.report),
            None => otherwise,
        };
        let with = raw.with.as_ref().map_or_else(|| "null".to_owned(), |at| at.value.0.to_string());
        Some(Kind::Function(Invocation { function: name.into(), with: with.into(), allowance }))
    }

    fn fallback(&mut self, raw: &RawContent, name: &Arc<str>, unit: &str) -> Option<Fallback> {
        let Some(at) = &raw.fallback else { return Some(Fallback::Keep) };
        match &at.value {
            RawFallback::Keep => Some(Fallback::Keep),
            RawFallback::Empty => Some(Fallback::Empty),
            RawFallback::Try(contents) => {
                let made = contents.iter().enumerate().map(|(number, content)| {
                    let unit = format!("{unit}.fallback.{}", number + 1);
                    self.content(&content.value, content.span, name.clone(), &unit)
                });
                // All are looked at before one that failed ends it.
                let made: Vec<Option<Content>> = made.collect();
                made.into_iter().collect::<Option<Vec<_>>>().map(Fallback::Try)
            }
        }
    }
}
