//! `inlay audiences`: how large audiences are, and who is on those that are lists.
//!
//! In: files, names, and where the process or its store is. Out: sizes; members in and out. It must not evaluate conditions.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::admin_port::AdminPort;
use super::failed;
use super::feed::import::{self, Destination, Line, Told};
use super::profiles::{ExportArgs, export, told};
use super::remembered::lines::{Gathered, HandOver, member};
use super::remembered::{Lined, Remembered, RememberedError};
use crate::limits::FEED_BATCH_LINES;
use crate::profile::Name;

/// What is done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show all audiences with their sizes.
    List(ListArgs),
    /// Put customers on the list of an audience: a table with a column `id`, or JSON lines.
    Import(ImportArgs),
    /// Write who is on the list of an audience, as lines of JSON.
    Export(NamedExportArgs),
}

/// Where they are.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    at: AdminPort,
}

/// Who is put on which list.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The audience, which is a list: `NAME: { list: true }`.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    feed: import::Args,
    /// The field that is what the site calls the customer.
    #[arg(long, value_name = "FIELD", default_value = "id")]
    id: String,
    /// Take everybody else from the list.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    at: AdminPort,
}

/// Which list is written.
#[derive(Debug, clap::Args)]
pub struct NamedExportArgs {
    /// The audience, which is a list.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    export: ExportArgs,
}

/// Does it.
pub fn run(command: &Command) -> ExitCode {
    match command {
        Command::List(args) => match list(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Command::Import(args) => import(args),
        Command::Export(args) => {
            export(&args.export.at, &Lined::Members(args.name.clone()), args.export.out.as_deref())
        }
    }
}

fn list(args: &ListArgs) -> Result<(), RememberedError> {
    let remembered = Remembered::reach(&args.at)?;
    let audiences = remembered.audiences()?;
    remembered.close()?;
    audiences.as_array().into_iter().flatten().for_each(|audience| println!("{}", shown(audience)));
    Ok(())
}

/// One audience on one line.
fn shown(audience: &Json) -> String {
    let name = audience["name"].as_str().unwrap_or_default();
    let members = audience["members"].as_u64().map(|members| format!("{members} on the list"));
    let met = audience["met"].as_u64().map(|met| format!("about {met} met since yesterday"));
    let when = audience["when"].as_str().map(str::to_owned);
    let parts: Vec<String> = [members, met, when].into_iter().flatten().collect();
    format!("{name}: {}", parts.join("; "))
}

fn import(args: &ImportArgs) -> ExitCode {
    let done = if args.feed.dry_run { "would be put on the list" } else { "put on the list" };
    told(imported(args), "member", done)
}

fn imported(args: &ImportArgs) -> Result<Told, Box<dyn std::error::Error>> {
    let list = Name::parse(&args.name)?;
    let lined = Lined::Members(args.name.clone());
    let read = |destination: Option<&mut dyn Destination>| {
        import::run(&args.feed, &[&args.id], |row| member(&row, &args.id, &list), destination)
    };
    if args.feed.dry_run {
        return Ok(read(None)?);
    }
    let mut remembered = Remembered::reach(&args.at)?;
    let told = match args.replace {
        false => read(Some(&mut HandOver { remembered: &mut remembered, lined }))?,
        true => {
            let mut gathered = Gathered::default();
            let told = read(Some(&mut gathered))?;
            replace(&mut remembered, &lined, &gathered.0)?;
            told
        }
    };
    remembered.close()?;
    Ok(told)
}

/// Takes everybody from the list who is not among `stay`, then puts those on it: who is on both never leaves.
fn replace(remembered: &mut Remembered, lined: &Lined, stay: &BTreeSet<String>) -> Result<(), RememberedError> {
    let mut before = Vec::new();
    remembered.export(lined, &mut before)?;
    let before = String::from_utf8_lossy(&before);
    let gone = before.lines().filter(|line| !stay.contains(*line)).map(left);
    hand_over(remembered, lined, gone)?;
    hand_over(remembered, lined, stay.iter().cloned())
}

/// The line by which somebody leaves a list, of the one that said they are on it.
fn left(line: &str) -> String {
    let member: Json = serde_json::from_str(line).unwrap_or_default();
    json!({ "id": member["id"], "member": false }).to_string()
}

fn hand_over(
    remembered: &mut Remembered,
    lined: &Lined,
    lines: impl Iterator<Item = String>,
) -> Result<(), RememberedError> {
    let lines: Vec<Line> = lines.enumerate().map(|(at, json)| Line { number: at as u64 + 1, json }).collect();
    for batch in lines.chunks(FEED_BATCH_LINES) {
        // Each was judged when it was read.
        remembered.take(lined, batch)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_shown_on_a_line() {
        let vip = json!({ "name": "vip", "members": 12, "met": 3 });
        assert_eq!(shown(&vip), "vip: 12 on the list; about 3 met since yesterday");
        let gold = json!({ "name": "gold", "when": "profile.tier == 'gold'" });
        assert_eq!(shown(&gold), "gold: profile.tier == 'gold'");
    }
}
