//! The command line: one file for each command.
//!
//! In: arguments. Out: exit codes: 0 fine, 1 problems found, 2 wrong usage. It must not do the work itself.

mod admin_port;
mod against;
mod audiences;
pub mod check;
pub mod demo;
mod explain;
mod feed;
mod flags;
pub mod independence;
mod items;
mod preview;
mod profiles;
mod purge;
mod remembered;
mod run;
mod switch;
mod test;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::print::Style;
use crate::exchange::Switch;
use crate::telemetry::Causes;
use admin_port::AdminPort;

/// An edge proxy that lays personalised fragments into a website's HTML as it streams by.
#[derive(Debug, Parser)]
#[command(name = "inlay", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Front a website: proxy it and lay in what the rules say.
    Run(run::Args),
    /// See the main job: a bundled shop, fronted by the rules in `rules/`, side by side with the original.
    Demo(demo::Args),
    /// Say what is wrong with the files, all of it at once.
    Check(check::Args),
    /// Run the tests below `rules/tests`: pages, requests, and what is expected.
    Test(test::Args),
    /// Say why a page is as it is: each rule, audience and slot of one request, with what they read.
    Explain(explain::Args),
    /// Print a signed link that shows a page as it would be: at another time, for other visitors.
    Preview(preview::Args),
    /// Switch personalisation off in the running process: pure pass-through, at once.
    Off(AdminPort),
    /// Switch personalisation on again.
    On(AdminPort),
    /// Take responses out of the running process's cache: by URL, by prefix or by tag.
    Purge(purge::Args),
    /// What is remembered of visitors and customers: import, export, look, erase.
    #[command(subcommand)]
    Profiles(profiles::Command),
    /// Audiences: how large they are, and who is on those that are lists.
    #[command(subcommand)]
    Audiences(audiences::Command),
    /// Items, what the site sells or publishes: import a feed, look, list, remove.
    #[command(subcommand)]
    Items(items::Command),
}

/// Problems were found, or the work could not be done.
const PROBLEMS: u8 = 1;
/// The arguments do not say what to do.
const USAGE: u8 = 2;

/// Runs the command of this process's arguments. Wrong usage ends the process with exit code 2.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run_command(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Preview(args) => preview::run(&args),
        Command::Off(args) => switch::run(&args, Switch::Off),
        Command::On(args) => switch::run(&args, Switch::On),
        Command::Purge(args) => purge::run(&args),
        Command::Profiles(command) => profiles::run(&command),
        Command::Audiences(command) => audiences::run(&command),
        Command::Items(command) => items::run(&command),
    }
}

/// Prints an error with its causes, and gives the exit code for it.
fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("inlay: {}", Causes(error));
    ExitCode::from(PROBLEMS)
}

/// Colours for people who did not decline them, plain text for files and pipes.
fn style_for(out: &impl IsTerminal) -> Style {
    let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if coloured { Style::Coloured } else { Style::Plain }
}
