//! Files → [`Settings`] and [`Rules`] (the part of a revision that files make), or all problems with file, line and
//! column.
//!
//! In: `inlay.yaml`, the folders of rules, the command line's overrides, the environment. Out: everything compiled,
//! with warnings; or every problem of every file in one list. It must not open sockets, start anything, or keep
//! anything.
//!
//! The way of a file: [`source`] (text) → `yaml` (tree with places) → `read` (typed values) → `raw` (records as
//! written) → [`settings`] and [`compile`] (what they mean).

pub mod compile;
mod files;
pub mod print;
pub mod problem;
pub mod problems;
mod raw;
mod read;
pub mod report;
pub mod schema;
pub mod settings;
pub mod source;
pub mod testing;
pub mod variables;
mod yaml;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::rule::pattern::Glob;
use compile::Surroundings;
use raw::deployment::Deployment;
use read::record::Record;
use read::{Read, Reader};
use report::Report;
use source::Source;
use variables::Environment;
use yaml::{Node, Value};

pub use compile::Rules;
pub use problem::Problem;
pub use problems::Problems;
pub use settings::{Overrides, Settings};

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    pub deployment: DeploymentSource,
    pub overrides: Overrides,
    pub environment: Environment,
}

/// Where `inlay.yaml` comes from.
#[derive(Clone, Debug, Default)]
pub enum DeploymentSource {
    /// There is none: the overrides say it all.
    #[default]
    Nothing,
    File(PathBuf),
    /// Its text, with a name for messages; relative paths start from the current folder.
    Text {
        name: String,
        text: String,
    },
}

impl ConfigSource {
    /// The configuration of this `inlay.yaml`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { deployment: DeploymentSource::File(path.into()), ..Self::default() }
    }

    /// The folder that relative paths of the file start from.
    fn folder(&self) -> PathBuf {
        match &self.deployment {
            DeploymentSource::File(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
            DeploymentSource::Nothing | DeploymentSource::Text { .. } => PathBuf::new(),
        }
    }
}

/// A whole configuration.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub rules: Rules,
    /// No errors among them; may be empty.
    pub warnings: Problems,
}

/// Reads everything. `now` is for dates that are over already.
///
/// # Errors
/// Every problem of every file, warnings among them.
pub fn load(source: &ConfigSource, now: Timestamp) -> Result<Loaded, Problems> {
    let mut report = Report::default();
    let settings = read_settings(source, &mut report);
    // Without settings the rules are read all the same, from where they likely are: all problems in one run.
    let folders = settings.as_ref().map_or_else(|| likely_folders(source), |settings| settings.rules.clone());
    let deployment = settings.as_ref().map(deployment_of);
    let around = Surroundings { deployment: deployment.as_ref(), environment: &source.environment, now };
    let rules = compile::compile(&folders, around, &mut report);
    let failed = report.failed();
    let problems = report.finish();
    match (settings, rules) {
        (Some(settings), Some(rules)) if !failed => Ok(Loaded { settings, rules, warnings: Problems(problems) }),
        _ => Err(Problems(problems)),
    }
}

/// Reads the deployment's file alone.
///
/// # Errors
/// Every problem of it, warnings among them.
pub fn settings(source: &ConfigSource) -> Result<Settings, Problems> {
    let mut report = Report::default();
    let settings = read_settings(source, &mut report);
    let failed = report.failed();
    settings.filter(|_| !failed).ok_or_else(|| Problems(report.finish()))
}

/// Reads the rules again, for settings that stay.
///
/// # Errors
/// Every problem of every rule file, warnings among them.
pub fn load_rules(settings: &Settings, now: Timestamp) -> Result<(Rules, Problems), Problems> {
    let deployment = deployment_of(settings);
    rules(&settings.rules, Surroundings { deployment: Some(&deployment), environment: &settings.environment, now })
}

/// Reads folders of rules alone.
///
/// # Errors
/// Every problem of every rule file, warnings among them.
pub fn rules(folders: &[PathBuf], around: Surroundings<'_>) -> Result<(Rules, Problems), Problems> {
    let mut report = Report::default();
    for folder in folders.iter().filter(|folder| !folder.is_dir()) {
        let id = report.add(Source::named(folder.display().to_string()));
        report.error(id.start(), "there is no such folder", "name the folder that holds the rules");
    }
    let rules = compile::compile(folders, around, &mut report);
    let failed = report.failed();
    let problems = report.finish();
    match rules {
        Some(rules) if !failed => Ok((rules, Problems(problems))),
        _ => Err(Problems(problems)),
    }
}

fn deployment_of(settings: &Settings) -> compile::Deployment {
    compile::Deployment {
        sites: settings.sites.iter().map(|site| site.name.clone()).collect(),
        hosts: settings.sites.iter().flat_map(|site| site.hosts.clone()).collect(),
        any_host: settings.sites.iter().any(|site| !site.hosts.iter().any(Glob::says_something)),
        languages: settings.sites.iter().flat_map(|site| site.languages.iter().cloned()).collect(),
        origins: settings.origins.iter().map(|origin| origin.name.clone()).collect(),
        functions: settings.functions.allowance,
    }
}

fn likely_folders(source: &ConfigSource) -> Vec<PathBuf> {
    if !source.overrides.rules.is_empty() {
        return source.overrides.rules.iter().map(PathBuf::from).collect();
    }
    vec![source.folder().join("rules")]
}

fn read_settings(source: &ConfigSource, report: &mut Report) -> Option<Settings> {
    let (id, root) = match &source.deployment {
        DeploymentSource::File(path) => {
            let id = files::read(path, &path.display().to_string(), report)?;
            (id, yaml::parse(id, report)?)
        }
        DeploymentSource::Text { name, text } => {
            let id = report.add(Source::new(name, text));
            (id, yaml::parse(id, report)?)
        }
        DeploymentSource::Nothing => {
            let id = report.add(Source::named("command line"));
            (id, Node::whole(id.start(), Value::Map(Vec::new())).into())
        }
    };
    let mut raw = Deployment::read(&root, &mut Reader::new(report, &source.environment))?;
    source.overrides.apply(&mut raw, report);
    if root.cut {
        // What is missing may stand where nothing could be read.
        return None;
    }
    let base = settings::Base { folder: &source.folder(), whole: id.start(), environment: &source.environment };
    settings::compile(raw, &base, report)
}

/// Names of the keys that both readers accept, for the test that holds them to their schemas.
#[doc(hidden)]
pub fn accepted_keys(kind: schema::Kind) -> Vec<&'static str> {
    let keys = match kind {
        schema::Kind::Inlay => Deployment::keys(),
        schema::Kind::Rules => raw::rules::RuleFile::keys(),
        schema::Kind::Tests => raw::tests::TestsFile::keys(),
    };
    keys.into_iter().map(|key| key.name).collect()
}
