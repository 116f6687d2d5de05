//! `inlay test`: runs the tests below `rules/tests`.
//!
//! In: flags. Out: what passed and what did not, each failure with the line that expects otherwise; coverage of the rules; JUnit on request. Exit
//! code 0 where all passed, 1 where one failed or a file is wrong, 2 for wrong usage. The pages go through the real exchange. It
//! must not judge anything itself.

mod coverage;
mod judge;
mod junit;
mod report;
mod run;
mod snapshot;
mod stage;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use thiserror::Error;

use super::flags::{FILE, Flags};
use super::{PROBLEMS, USAGE, failed, style_for};
use crate::app::{BuildError, Look};
use crate::clock::Clock;
use crate::config::print::{Style, problems};
use crate::config::testing::{TestFile, tests};
use crate::config::{self, ConfigSource, Loaded, Problems};
use crate::limits::TEST_WATCH_PAUSE;
use crate::server::BindError;
use run::Results;
use stage::Stage;

/// What to run, and how it is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only tests whose name holds this text.
    filter: Option<String>,
    /// The deployment's file, with the rules that it names; by default `inlay.yaml`, if it is there.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of rules, with the tests below its `tests` [default: those of the file, else `rules`]; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<String>,
    /// Keeps the pages of tests with `snapshot` as they are now.
    #[arg(long)]
    update: bool,
    /// Runs again whenever a file changes, until Ctrl-C.
    #[arg(long, conflicts_with = "junit")]
    watch: bool,
    /// Writes the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Why nothing could be run.
#[derive(Debug, Error)]
pub enum TestError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("no port of this machine could be opened")]
    Bind(#[from] BindError),
    #[error("{0} can't be written")]
    Junit(PathBuf, #[source] std::io::Error),
}

/// Runs the tests, and prints to standard output.
pub fn run(args: &Args) -> ExitCode {
    let Some(source) = source(args) else {
        eprintln!(
            "inlay test: there is no `{FILE}` and no `rules` here; name a file with -c, or a folder with --rules"
        );
        return ExitCode::from(USAGE);
    };
    loop {
        let look = args.watch.then(|| Look::at(&watched(&source)));
        let code = told(once(args, &source));
        let Some(look) = look else { return code };
        println!("\nWaiting for a change; Ctrl-C ends it.");
        while Look::at(&watched(&source)) == look {
            std::thread::sleep(TEST_WATCH_PAUSE);
        }
        settle(&source);
    }
}

/// Waits until what is being written is there.
fn settle(source: &ConfigSource) {
    let mut before = Look::at(&watched(source));
    loop {
        std::thread::sleep(TEST_WATCH_PAUSE);
        let now = Look::at(&watched(source));
        if now == before {
            return;
        }
        before = now;
    }
}

fn told(ran: Result<Results, TestError>) -> ExitCode {
    match ran {
        Ok(results) => {
            let mut out = std::io::stdout();
            let text = report::text(&results, style_for(&out) == Style::Coloured);
            // Fails where whoever reads has seen enough.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            if results.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) }
        }
        Err(TestError::Config(wrong)) => {
            eprint!("{}", problems(&wrong.0, style_for(&std::io::stderr())));
            ExitCode::from(PROBLEMS)
        }
        Err(error) => failed(&error),
    }
}

/// Reads all files and runs all tests, once.
fn once(args: &Args, source: &ConfigSource) -> Result<Results, TestError> {
    let Loaded { settings, rules, .. } = config::load(source, Clock::system().now())?;
    let files = tests(&settings.rules, &rules, &settings.environment)?;
    let files = files.into_iter().map(|file| chosen(file, args.filter.as_deref())).collect::<Vec<_>>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let results = runtime.map_err(TestError::Start)?.block_on(async {
        let stage = Stage::set(settings, rules)?;
        Ok::<_, TestError>(run::all(&stage, &files, args.update).await)
    })?;
    if let Some(file) = &args.junit {
        std::fs::write(file, junit::xml(&results)).map_err(|error| TestError::Junit(file.clone(), error))?;
    }
    Ok(results)
}

fn chosen(mut file: TestFile, filter: Option<&str>) -> TestFile {
    file.cases.retain(|case| filter.is_none_or(|filter| case.name.contains(filter)));
    file
}

/// Where the rules are. An origin is named because every deployment has one; nobody asks it.
fn source(args: &Args) -> Option<ConfigSource> {
    let config = args.config.clone().or_else(|| Path::new(FILE).is_file().then(|| FILE.into()));
    let mut rules = args.rules.clone();
    if config.is_none() && rules.is_empty() {
        rules = vec!["rules".to_owned()];
        if !Path::new("rules").is_dir() {
            return None;
        }
    }
    let origin = config.is_none().then(|| "http://localhost".to_owned());
    Flags { config, origin, rules, ..Flags::default() }.source()
}

/// What is looked at for changes.
fn watched(source: &ConfigSource) -> Vec<PathBuf> {
    config::settings(source).map(|settings| settings.rules).unwrap_or_else(|_| vec![PathBuf::from("rules")])
}
