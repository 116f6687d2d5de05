//! `inlay check`: says what is wrong with the files, all of it at once.
//!
//! In: flags. Out: problems with their lines, as text or JSON, or a summary; a JSON Schema on request. Exit code 0
//! fine, 1 problems found, 2 wrong usage. It must not start anything.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::Uri;
use serde_json::json;

use super::flags::FILE;
use super::{PROBLEMS, USAGE, against, independence, style_for};
use crate::clock::Clock;
use crate::config::compile::Surroundings;
use crate::config::print::{self, Style};
use crate::config::problem::Severity;
use crate::config::schema::{self, Kind};
use crate::config::variables::Environment;
use crate::config::{self, ConfigSource, DeploymentSource, Overrides, Problems, Rules};

/// The folder that is checked if nothing is named and there is no file.
const RULES: &str = "rules";

/// What to check, and how to say it.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The deployment's file, with the rules that it names; by default `inlay.yaml`, if it is there.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A folder of rules; alone or instead of the file's; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    pub rules: Vec<PathBuf>,
    /// Problems as a JSON list.
    #[arg(long)]
    pub json: bool,
    /// Prints the JSON Schema of a kind of file, for editors, and checks nothing; without a kind, an object of all.
    #[arg(long, value_name = "KIND", conflicts_with_all = ["config", "rules", "json"])]
    pub schema: Option<Option<Kind>>,
    /// Looks at a page of the site behind: what the rules find in it, selectors worth using, charset, policy, caching, and slots that
    /// a framework would revert.
    #[arg(long, value_name = "URL", value_parser = independence::url, conflicts_with = "schema")]
    pub against: Option<Uri>,
    /// Instead: which cookies the page depends on. Asks for it with and without each, those that it sets or those of `--cookie`.
    #[arg(long, requires = "against", conflicts_with_all = ["config", "rules", "json"])]
    pub cookies: bool,
    /// A cookie to try, instead of those that the page sets; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = independence::cookie, requires = "cookies")]
    pub cookie: Vec<(String, String)>,
}

/// What there is to read.
enum Subject {
    Deployment(ConfigSource),
    Rules(Vec<PathBuf>),
}

/// Checks, and prints to standard output.
pub fn run(args: &Args) -> ExitCode {
    if let Some(url) = &args.against {
        return if args.cookies { independence::run(url, &args.cookie) } else { try_against(url, args) };
    }
    let mut out = std::io::stdout();
    let Some((text, code)) = answer(args, style_for(&out)) else {
        eprintln!(
            "inlay check: there is no `{FILE}` and no `{RULES}` here; name a file with -c, or a folder with --rules"
        );
        return ExitCode::from(USAGE);
    };
    // Fails where whoever reads has seen enough (`inlay check | head`): what is so stays so.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ExitCode::from(code)
}

/// Tries the rules, if there are any and they are fine, on a live page.
fn try_against(url: &Uri, args: &Args) -> ExitCode {
    match subject(args).map(|subject| rules(&subject)).transpose() {
        Ok(rules) => against::run(url, rules.as_ref().map(|(rules, _)| rules), args.json),
        Err(problems) => {
            eprint!("{}{}", print::problems(&problems.0, style_for(&std::io::stderr())), found(&problems));
            ExitCode::from(PROBLEMS)
        }
    }
}

fn rules(subject: &Subject) -> Result<(Rules, Problems), Problems> {
    match subject {
        Subject::Deployment(source) => {
            config::load(source, Clock::system().now()).map(|loaded| (loaded.rules, loaded.warnings))
        }
        Subject::Rules(folders) => {
            let environment = Environment::Process;
            let around = Surroundings { deployment: None, environment: &environment, now: Clock::system().now() };
            config::rules(folders, around)
        }
    }
}

/// What to print, and the exit code; `None` if there is nothing to check.
pub fn answer(args: &Args, style: Style) -> Option<(String, u8)> {
    if let Some(wanted) = args.schema {
        let both = || {
            json!({
                "inlay": schema::schema(Kind::Inlay),
                "rules": schema::schema(Kind::Rules),
                "tests": schema::schema(Kind::Tests),
            })
        };
        return Some((format!("{:#}\n", wanted.map_or_else(both, schema::schema)), 0));
    }
    let result = rules(&subject(args)?);
    let code = u8::from(result.is_err());
    let text = match (args.json, result) {
        (true, Ok((_, problems)) | Err(problems)) => format!("{:#}\n", json!(problems)),
        (false, Ok((rules, warnings))) => print::problems(&warnings.0, style) + &fine(&rules, &warnings),
        (false, Err(problems)) => print::problems(&problems.0, style) + &found(&problems),
    };
    Some((text, code))
}

fn subject(args: &Args) -> Option<Subject> {
    let file = args
        .config
        .clone()
        .or_else(|| Some(PathBuf::from(FILE)).filter(|path| args.rules.is_empty() && path.is_file()));
    match file {
        Some(file) => {
            let rules = args.rules.iter().map(|folder| folder.display().to_string()).collect();
            let overrides = Overrides { rules, ..Overrides::default() };
            Some(Subject::Deployment(ConfigSource {
                deployment: DeploymentSource::File(file),
                overrides,
                environment: Environment::Process,
            }))
        }
        None if !args.rules.is_empty() => Some(Subject::Rules(args.rules.clone())),
        None => Some(Subject::Rules(vec![PathBuf::from(RULES)])).filter(|_| Path::new(RULES).is_dir()),
    }
}

fn fine(rules: &Rules, warnings: &Problems) -> String {
    let counts = [
        counted(rules.rules.len(), "rule"),
        counted(rules.fragments.len(), "fragment"),
        counted(rules.audiences.len(), "audience"),
    ];
    let warnings = match warnings.count(Severity::Warning) {
        0 => String::new(),
        count => format!(", {}", counted(count, "warning")),
    };
    format!("Fine: {} in {}{warnings}.\n", counts.join(", "), counted(rules.files, "file"))
}

fn found(problems: &Problems) -> String {
    let errors = counted(problems.count(Severity::Error), "error");
    match problems.count(Severity::Warning) {
        0 => format!("{errors}.\n"),
        count => format!("{errors}, {}.\n", counted(count, "warning")),
    }
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
