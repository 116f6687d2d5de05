//! Everything that the rule files define, by name, with where it is defined.
//!
//! In: the files as read. Out: definitions that can be looked up; names defined twice are noted with both places. It must not
//! compile any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::files::RuleFolder;
use crate::config::raw::audiences::RawAudience;
use crate::config::raw::collect::RawCollect;
use crate::config::raw::contents::RawContent;
use crate::config::raw::rules::{RawCampaign, RawRule, RuleFile};
use crate::config::raw::sources::RawSource;
use crate::config::read::At;
use crate::config::read::names::suggestion;
use crate::config::read::record::Field;
use crate::config::read::shapes::Named;
use crate::config::report::Report;
use crate::config::source::{SourceId, Span};
use crate::config::variables::Environment;
use crate::content::function::Allowance;
use crate::rule::pattern::Glob;

/// What rules are compiled against.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// `None` where no inlay.yaml is looked at.
    pub deployment: Option<&'a Deployment>,
    pub environment: &'a Environment,
    /// For what is over already.
    pub now: Timestamp,
}

/// What rules may name of inlay.yaml.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// The names of the sites.
    pub sites: Vec<Arc<str>>,
    /// Of all sites.
    pub hosts: Vec<Glob>,
    /// Whether a site takes every host.
    pub any_host: bool,
    /// The names of the origins.
    pub origins: Vec<Arc<str>>,
    /// The languages of all sites.
    pub languages: BTreeSet<Arc<str>>,
    /// What a call of a function may use.
    pub functions: Allowance,
}

impl Deployment {
    /// Whether a site names this host (lower case).
    pub fn names(&self, host: &str) -> bool {
        self.hosts.iter().any(|glob| glob.says_something() && glob.matches(host))
    }
}

/// Definitions of one kind.
pub type Definitions<'a, T> = BTreeMap<String, &'a At<T>>;

/// All definitions.
#[derive(Debug)]
pub struct World<'a> {
    pub audiences: Definitions<'a, RawAudience>,
    pub fragments: Definitions<'a, RawContent>,
    pub sources: Definitions<'a, RawSource>,
    pub campaigns: Definitions<'a, RawCampaign>,
    pub collect: Definitions<'a, RawCollect>,
    /// In the order of files and of each file; with the file whose `match`, `when` and `campaign` hold for it.
    pub rules: Vec<(&'a str, &'a At<RawRule>, File<'a>)>,
    /// Files below `templates`.
    pub templates: &'a BTreeMap<String, SourceId>,
    /// Files below `functions`, by their path below the folder of rules.
    pub functions: &'a BTreeMap<String, SourceId>,
    pub around: Surroundings<'a>,
    /// Names that stand in a file but could not be read: referring to them is no further mistake.
    complete: bool,
}

/// A rule's file.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    pub number: usize,
    pub head: &'a RuleFile,
}

impl<'a> World<'a> {
    /// Gathers the definitions of all files.
    pub fn of(
        files: &'a [(SourceId, RuleFile)],
        folder: &'a RuleFolder,
        around: Surroundings<'a>,
        report: &mut Report,
    ) -> Self {
        let heads = || files.iter().map(|(_, file)| file);
        let audiences = define("audience", heads().map(|file| &file.audiences), report);
        let fragments = define("fragment", heads().map(|file| &file.fragments), report);
        let sources = define("source", heads().map(|file| &file.sources), report);
        let campaigns = define("campaign", heads().map(|file| &file.campaigns), report);
        let collect = define("collect", heads().map(|file| &file.collect), report);
        define("rule", heads().map(|file| &file.rules), report);
        let rules = heads().enumerate().flat_map(|(number, head)| {
            let rules = head.rules.iter().flat_map(|at| &at.value.0);
            rules.map(move |(name, rule)| (name.as_str(), rule, File { number, head }))
        });
        let rules = rules.collect();
        let RuleFolder { templates, functions, .. } = folder;
        let complete = report.complete();
        Self { audiences, fragments, sources, campaigns, collect, rules, templates, functions, around, complete }
    }

    /// The definition of a name, or `None` after noting that there is none.
    pub fn find<T>(
        &self,
        kind: &str,
        definitions: &Definitions<'a, T>,
        name: &str,
        span: Span,
        report: &mut Report,
    ) -> Option<&'a At<T>> {
        let found = definitions.get(name).copied();
        if found.is_none() && self.complete {
            let none = format!("define it under `{kind}s`");
            let remedy = suggestion(name, definitions.keys().map(String::as_str), &none);
            report.error(span, format!("there is no {kind} `{name}`"), remedy);
        }
        found
    }

    /// Whether every file was read.
    pub fn complete(&self) -> bool {
        self.complete
    }
}

fn define<'a, T: 'a>(
    kind: &str,
    sections: impl Iterator<Item = &'a Field<Named<T>>>,
    report: &mut Report,
) -> Definitions<'a, T> {
    let mut definitions: Definitions<'a, T> = BTreeMap::new();
    for (name, at) in sections.flatten().flat_map(|section| &section.value.0) {
        match definitions.get(name) {
            Some(first) => {
                let what = format!("the {kind} `{name}` is defined twice");
                report.error(at.key, what, "rename one of them").see(first.key, "the first is here");
            }
            None => {
                definitions.insert(name.clone(), at);
            }
        }
    }
    definitions
}
