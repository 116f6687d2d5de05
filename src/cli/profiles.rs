//! `inlay profiles`: what is remembered of visitors and customers.
//!
//! In: files, ids, and where the process or its store is. Out: what was imported, known or erased. It must not change anything
//! that was not named.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value as Json;

use super::admin_port::AdminPort;
use super::feed::import::{self, Destination, Told};
use super::remembered::lines::{HandOver, profile};
use super::remembered::{Lined, Remembered, RememberedError};
use super::{PROBLEMS, USAGE, failed};
use crate::profile::ProfileId;

/// What is done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Take in customers from a table (a column `id`, all others are traits) or from JSON lines, such as an export's.
    Import(ImportArgs),
    /// Write every profile as a line of JSON, which `import` takes back.
    Export(ExportArgs),
    /// Show what is known under an id.
    Get(OneArgs),
    /// Forget everything of somebody: traits, events, counters, lists, timers, and which visitors they were.
    Erase(OneArgs),
}

/// What is imported, and where to.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    #[command(flatten)]
    feed: import::Args,
    /// The field that is what the site calls the customer.
    #[arg(long, value_name = "FIELD", default_value = "id")]
    id: String,
    #[command(flatten)]
    at: AdminPort,
}

/// Where from, and where to.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The file to write [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub at: AdminPort,
}

/// Who is meant.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// What the site calls the customer, or `visitor:ID` for the id of a cookie.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    at: AdminPort,
}

/// Does it.
pub fn run(command: &Command) -> ExitCode {
    match command {
        Command::Import(args) => import(args),
        Command::Export(args) => export(&args.at, &Lined::Profiles, args.out.as_deref()),
        Command::Get(args) => one(args, get),
        Command::Erase(args) => one(args, erase),
    }
}

fn import(args: &ImportArgs) -> ExitCode {
    let into = |destination: Option<&mut dyn Destination>| {
        import::run(&args.feed, &[&args.id], |row| profile(row, &args.id), destination)
    };
    if args.feed.dry_run {
        return told(into(None).map_err(|error| error.into()), "profile", "would be imported");
    }
    let imported = Remembered::reach(&args.at).map_err(Into::into).and_then(|mut remembered| {
        let told = into(Some(&mut HandOver { remembered: &mut remembered, lined: Lined::Profiles }));
        remembered.close()?;
        Ok(told?)
    });
    told(imported, "profile", "imported")
}

/// Says how an import went; what was skipped is a problem.
pub fn told(imported: Result<Told, Box<dyn std::error::Error>>, what: &str, done: &str) -> ExitCode {
    match imported {
        Ok(Told { imported, skipped: 0 }) => {
            println!("{imported} {what}{} {done}", plural(imported));
            ExitCode::SUCCESS
        }
        Ok(Told { imported, skipped }) => {
            println!("{imported} {what}{} {done}, {skipped} line{} left out", plural(imported), plural(skipped));
            ExitCode::from(PROBLEMS)
        }
        Err(error) => failed(&*error),
    }
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// Writes lines to a file, or to standard output.
pub fn export(at: &AdminPort, lined: &Lined, out: Option<&Path>) -> ExitCode {
    let exported = Remembered::reach(at).and_then(|remembered| {
        let out: Box<dyn Write> = match out {
            Some(path) => Box::new(File::create(path).map_err(RememberedError::Write)?),
            None => Box::new(stdout().lock()),
        };
        let mut out = BufWriter::new(out);
        remembered.export(lined, &mut out)?;
        out.flush().map_err(RememberedError::Write)?;
        remembered.close()
    });
    exported.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn one(args: &OneArgs, done: fn(&Remembered, &ProfileId) -> Result<ExitCode, RememberedError>) -> ExitCode {
    let id = match ProfileId::parse(&args.id) {
        Ok(id) => id,
        Err(error) => {
            eprintln!("inlay: {error}");
            return ExitCode::from(USAGE);
        }
    };
    let done = Remembered::reach(&args.at).and_then(|remembered| {
        let code = done(&remembered, &id)?;
        remembered.close()?;
        Ok(code)
    });
    done.unwrap_or_else(|error| failed(&error))
}

fn get(remembered: &Remembered, id: &ProfileId) -> Result<ExitCode, RememberedError> {
    match remembered.known(id)? {
        Some(known) => {
            println!("{known:#}");
            Ok(ExitCode::SUCCESS)
        }
        None => {
            eprintln!("inlay: nothing is known under `{id}`");
            Ok(ExitCode::from(PROBLEMS))
        }
    }
}

fn erase(remembered: &Remembered, id: &ProfileId) -> Result<ExitCode, RememberedError> {
    println!("{}", erased(id, &remembered.erase(id)?));
    Ok(ExitCode::SUCCESS)
}

/// What is gone, in words.
fn erased(id: &ProfileId, erased: &Json) -> String {
    let count = |key: &str| erased[key].as_u64().unwrap_or_default();
    let kinds = ["traits", "events", "counters", "lists", "timers"];
    let ids: Vec<&str> = erased["ids"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let others = ids.iter().filter(|other| **other != id.text()).copied().collect::<Vec<_>>();
    if kinds.iter().all(|kind| count(kind) == 0) && others.is_empty() {
        return format!("nothing was known under {id}");
    }
    let counts: Vec<String> = kinds.iter().map(|kind| format!("{} {kind}", count(kind))).collect();
    let also = if others.is_empty() { String::new() } else { format!("; the same person: {}", others.join(", ")) };
    format!("erased {id}: {}{also}", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_erased_is_told() {
        let id = ProfileId::customer("42").expect("an id");
        let answer = json!({ "ids": ["customer:42", "visitor:v"], "traits": 2, "events": 7, "counters": 1, "lists": 0, "timers": 1 });
        let told = "erased customer:42: 2 traits, 7 events, 1 counters, 0 lists, 1 timers; the same person: visitor:v";
        assert_eq!(erased(&id, &answer), told);
        assert_eq!(erased(&id, &json!({ "ids": ["customer:42"] })), "nothing was known under customer:42");
    }
}
