//! Rule files as written → rules, contents, audiences and language that belong together.
//!
//! In: every rule file of a deployment. Out: [`Rules`], the part of a revision that `rules/` makes. Everything is
//! looked at before anything is refused. It must not know inlay.yaml beyond the names of its sites.

mod actions;
mod audiences;
mod attributes;
mod chance;
mod collect;
mod contents;
mod cycles;
mod fetches;
mod fields;
mod functions;
mod injections;
mod locales;
mod loops;
mod making;
pub mod matching;
mod on_error;
mod purpose;
mod rules;
mod sources;
mod units;
mod warnings;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::files::{self, RuleFolder};
use super::raw::rules::RuleFile;
use super::read::{Read, Reader};
use super::report::Report;
use super::source::SourceId;
use super::variables::Environment;
use super::yaml;
use crate::content::function::Functions;
use crate::content::source::House;
use crate::content::source::definition::Definition;
use crate::content::{Content, Lasting, Library};
use crate::decide::audience::{Audience, Audiences};
use crate::revision::{Collects, Injection, Revision, Sites};
use crate::rule::action::Actions;
use crate::rule::{Rule, RuleBook};
use crate::scope::language::{Language, Unit};
use units::Units;
use world::World;

pub use world::{Deployment, Surroundings};

/// What the folders of rules say, compiled.
#[derive(Debug)]
pub struct Rules {
    /// A hash over the texts of all files and the variables in them; equal ones give equal ids.
    pub id: Arc<str>,
    /// In the order of precedence.
    pub rules: Vec<Rule>,
    /// By the rule's number.
    pub injections: Vec<Vec<Injection>>,
    /// By the rule's number.
    pub actions: Vec<Actions>,
    pub fragments: BTreeMap<Arc<str>, Content>,
    pub audiences: Audiences,
    pub sources: Vec<Definition>,
    /// What is read from pages.
    pub collects: collect::Compiled,
    pub language: Arc<Language>,
    pub functions: Arc<Functions>,
    /// Rule files read.
    pub files: usize,
}

/// Reads and compiles folders of rules. `None` if there is an error; every problem is noted.
pub fn compile(folders: &[impl AsRef<Path>], around: Surroundings<'_>, report: &mut Report) -> Option<Rules> {
    let mut folder = RuleFolder::default();
    for path in folders.iter().map(AsRef::as_ref).filter(|path| path.is_dir()) {
        let more = files::read_folder(path, report);
        folder.files.extend(more.files);
        for (name, id) in more.functions {
            if let Some(first) = folder.functions.insert(name.clone(), id) {
                let what = format!("there are two files `{name}`");
                report.error(id.start(), what, "rename one of them").see(first.start(), "the first is here");
            }
        }
        for (name, id) in more.templates {
            if let Some(first) = folder.templates.insert(name.clone(), id) {
                let what = format!("there are two templates `{name}`");
                report.error(id.start(), what, "rename one of them").see(first.start(), "the first is here");
            }
        }
        for (name, id) in more.locales {
            if let Some(first) = folder.locales.insert(name.clone(), id) {
                let what = format!("there are two files of messages `{name}`");
                report.error(id.start(), what, "rename one of them").see(first.start(), "the first is here");
            }
        }
    }
    let mut exchanged = Vec::new();
    let read = |id: &SourceId| Some((*id, read(*id, around.environment, &mut exchanged, report)?));
    let read: Vec<(SourceId, RuleFile)> = folder.files.iter().filter_map(read).collect();
    let messages = locales::messages(&folder.locales, &around, report);
    let functions = functions::compile(&folder.functions, &messages, report);
    let world = World::of(&read, &folder, around, report);
    let mut units = Units::new(&world, messages.clone());
    let audiences = audiences::audiences(&world, &mut units, report);
    let fragments = contents::fragments(&world, &mut units, report);
    let rules::Compiled { rules, injections, actions } = rules::compile(&world, &mut units, report);
    for (template, kind) in attributes::standing(injections.iter().flatten(), &fragments) {
        units.stands_in(template, kind);
    }
    let mut phrases = Units::default();
    sources::phrases(&world, &mut phrases);
    let collects = collect::compile(&world, &mut phrases, report);
    let (language, phrases) = (units.finish(&world, report), phrases.finish(&world, report));
    // What phrases have wrong is noted; all else that is wrong with sources is looked for all the same.
    let phrases = phrases.unwrap_or_else(Language::empty);
    let collects = collects.said_in(&phrases);
    let sources = sources::definitions(&world, &phrases, report);
    let language = language?;
    loops::redirects(&rules, &language, &world, report);
    warnings::warn(&world, report);
    let id = id(&folder, &exchanged, report);
    let files = folder.files.len();
    let functions = functions.filter(|_| !report.failed())?;
    Some(Rules { id, rules, injections, actions, fragments, audiences, sources, collects, language, functions, files })
}

fn read(id: SourceId, environment: &Environment, exchanged: &mut Vec<String>, report: &mut Report) -> Option<RuleFile> {
    let root = yaml::parse(id, report)?;
    let mut reader = Reader::new(report, environment);
    let file = RuleFile::read(&root, &mut reader);
    exchanged.append(&mut reader.exchanged);
    file
}

/// A hash over the files' texts, in their order, and what variables made of them.
fn id(folder: &RuleFolder, exchanged: &[String], report: &Report) -> Arc<str> {
    let mut hash = Sha256::new();
    let files = folder.files.iter().chain(folder.templates.values()).chain(folder.functions.values());
    let files = files.chain(folder.locales.values());
    let texts = files.map(|id| report.sources.get(*id).text());
    for text in texts.chain(exchanged.iter().map(String::as_str)) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    // 64 bits tell the revisions of one deployment apart, and can be read out over the telephone.
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

impl Rules {
    /// The revision of these rules for these sites, with what outlives it, sources among that.
    pub fn revision(self, sites: Arc<Sites>, lasting: Lasting, house: &House) -> Revision {
        let library = Library::with_functions(self.language.clone(), self.fragments, self.functions, lasting)
            .expect("invariant: unknown names and circles were refused when the rules were compiled");
        let mut injections = self.injections;
        for injection in injections.iter_mut().flatten() {
            let reads = |name: &str| {
                let when = injection.when.as_ref().map(|when| Unit::Condition(when.name.clone()));
                let when = when.and_then(|unit| self.language.mentions(&unit));
                when.is_some_and(|mentions| mentions.mentions(name))
                    || injection.content.as_ref().is_some_and(|content| library.mentions(content, name))
            };
            injection.marker.wants_element = reads("element") || reads("each");
        }
        // What functions ask is only known when they run.
        let recalls = ["profile", "events", "session"].iter().any(|name| self.language.mentions_anywhere(name))
            || self.audiences.values().any(|audience| matches!(audience, Audience::List(_)))
            || library.has_functions();
        Revision {
            recalls,
            id: self.id,
            sites,
            book: RuleBook::new(self.rules),
            injections,
            actions: self.actions,
            language: self.language,
            library,
            audiences: Arc::new(self.audiences),
            sources: house.furnish(self.sources),
            collects: Collects { book: RuleBook::new(self.collects.rules), list: self.collects.list },
        }
    }
}
