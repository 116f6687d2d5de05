//! A load bench: what a request costs Inlay, beside what it costs a bare hyper proxy and, as the limit, a bare hyper server
//! that sends the same bytes from memory. All of them serve one real page in the same run, each in a process of its own
//! on one core; the load comes from this process, on another core where there is one.
//!
//! `cargo bench --bench load -- --duration 10s --connections 16` prints one table. Processor time is the server's own (user
//! and system), so it holds also where the load, not the server, is what limits the rate; the last column says so.

mod closed;
mod inlay;
mod peers;
mod server;
mod subject;
mod table;
mod wire;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use closed::Load;
use server::{Role, Server};
use subject::{Subject, Wanted};
use table::Row;
use wire::Coding;

/// Any error: a bench that can't measure says why and ends.
type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "load")]
struct Options {
    /// How long each row is measured, after a second of warming up.
    #[arg(long, default_value = "5s", value_parser = seconds)]
    duration: Duration,
    /// Keep-alive connections, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only the rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// What this process serves, when it is one of the servers.
    #[arg(long, hide = true)]
    serve: Option<Role>,
    /// Where the site behind is, for a server that has one.
    #[arg(long, hide = true, required_if_eq_any([("serve", "proxy"), ("serve", "inlay"), ("serve", "inlay-logging")]))]
    origin: Option<SocketAddr>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds = number.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("`{text}` is no length of time: try `5s`"))
}

/// What is measured, in the order of the table.
const ROWS: [(&str, Role, Wanted, Coding); 9] = [
    ("limit: bytes from memory", Role::Limit, Wanted::FirstSegment, Coding::Identity),
    ("limit, gzip", Role::Limit, Wanted::FirstSegment, Coding::Gzip),
    ("bare proxy", Role::Proxy, Wanted::AsMade, Coding::Identity),
    ("bare proxy, gzip", Role::Proxy, Wanted::AsMade, Coding::Gzip),
    ("Inlay, path without rules", Role::Inlay, Wanted::AsMade, Coding::Identity),
    ("Inlay, path without rules, gzip", Role::Inlay, Wanted::AsMade, Coding::Gzip),
    ("Inlay, personalised", Role::Inlay, Wanted::OwnSegment, Coding::Identity),
    ("Inlay, personalised, gzip", Role::Inlay, Wanted::OwnSegment, Coding::Gzip),
    ("Inlay, personalised, access log", Role::InlayLogging, Wanted::OwnSegment, Coding::Identity),
];

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.serve {
        Some(role) => serve(role, options.origin),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One server, until whoever started it goes away.
fn serve(role: Role, origin: Option<SocketAddr>) -> Result<(), Failure> {
    let behind = || origin.ok_or("a proxy needs --origin");
    match role {
        Role::Origin => server::until_abandoned(peers::origin(Subject::load()?)),
        Role::Limit => server::until_abandoned(peers::limit(Subject::load()?)),
        Role::Proxy => server::until_abandoned(peers::proxy(behind()?)),
        Role::Inlay => server::until_abandoned(inlay::serve(behind()?, "warn")),
        Role::InlayLogging => server::until_abandoned(inlay::serve(behind()?, "info")),
    }
}

/// All rows, one after the other.
fn measure(options: &Options) -> Result<(), Failure> {
    let cores = server::Cores::choose();
    cores.pin_load();
    let subject = Subject::load()?;
    println!("{}", subject.describe());
    println!("{cores}; {} connections, {:?} per row\n", options.connections, options.duration);
    // Beside the load: what the origin costs is nobody's figure, and must not take time from the server that is measured.
    let origin = Server::start(Role::Origin, None, cores.of_load())?;
    table::print_head();
    for (name, role, wanted, coding) in ROWS.into_iter().filter(|(name, ..)| name.contains(&options.only)) {
        let server = Server::start(role, Some(origin.address), cores.of_server())?;
        let load = Load { server: &server, origin: &origin, wanted, coding, connections: options.connections };
        let measured = closed::measure(&load, &subject, options.duration)?;
        Row::new(name, &measured).print();
    }
    Ok(())
}
