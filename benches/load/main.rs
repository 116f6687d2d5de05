//! A load bench: what a request costs Inlay, beside what it costs a bare hyper proxy and, as the limit, a bare hyper server
//! that sends the same bytes from memory; where they are installed, also beside nginx and Varnish. All of them serve one real
//! page in the same run, each in processes of its own on one core; the load comes from this process, on another core where there is one.
//!
//! `cargo bench --bench load -- --duration 10s --connections 16` prints one table. Processor time is the server's own (user
//! and system), so it holds also where the load, not the server, is what limits the rate; the last column says so.
//!
//! `cargo bench --bench load -- --held` measures memory instead, `-- --start` the time from start to first answer.
//!
//! `cargo bench --bench load -- --url http://localhost:8080/ --rate 2000 --duration 60s` puts load on a deployment instead.

mod closed;
mod held;
mod inlay;
mod open;
mod outside;
mod peers;
mod plot;
mod rewriter;
mod rows;
mod server;
mod start;
mod subject;
mod table;
mod wire;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use closed::Load;
use rows::{ROWS, Who};
use server::{Role, Server};
use subject::Subject;

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
    /// Instead of the comparison: puts load on this address, which is your own deployment, at a given rate.
    #[arg(long, value_name = "URL")]
    url: Option<hyper::Uri>,
    /// With --url: requests per second, sent when they are due whatever the answers take.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), requires = "url")]
    rate: u32,
    /// With --url: where the picture of the latencies is written.
    #[arg(long, value_name = "FILE", default_value = "latencies.svg", requires = "url")]
    plot: std::path::PathBuf,
    /// Instead of the comparison: what Inlay holds in memory for idle connections, and for pages that stand still half-way.
    #[arg(long, conflicts_with = "url")]
    held: bool,
    /// Instead of the comparison: how long Inlay takes from its start to its first answer.
    #[arg(long, conflicts_with_all = ["url", "held"])]
    start: bool,
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
    #[arg(long, hide = true, required_if_eq_any([("serve", "proxy"), ("serve", "rewriter"), ("serve", "inlay"), ("serve", "inlay-logging")]))]
    origin: Option<SocketAddr>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds = number.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("`{text}` is no length of time: try `5s`"))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.serve {
        Some(role) => serve(role, options.origin),
        None => match &options.url {
            Some(url) => open::run(url, &open::Pace { rate: options.rate, duration: options.duration }, &options.plot),
            None if options.held => held::measure(server::Cores::choose()),
            None if options.start => start::measure(server::Cores::choose()),
            None => compare(&options),
        },
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
        Role::Rewriter => server::until_abandoned(rewriter::rewriter(behind()?)),
        Role::Inlay => server::until_abandoned(inlay::serve(behind()?, "warn")),
        Role::InlayLogging => server::until_abandoned(inlay::serve(behind()?, "info")),
    }
}

/// All rows, one after the other.
fn compare(options: &Options) -> Result<(), Failure> {
    let cores = server::Cores::choose();
    cores.pin_load();
    let subject = Subject::load()?;
    println!("{}", subject.describe());
    println!("{cores}; {} connections, {:?} per row\n", options.connections, options.duration);
    // Beside the load: what the origin costs is nobody's figure, and must not take time from the server that is measured.
    let origin = Server::start(Role::Origin, None, cores.of_load())?;
    table::print_head();
    for row in ROWS.into_iter().filter(|row| row.name.contains(&options.only)) {
        let started = match row.who {
            Who::Ours(role) => Some(Server::start(role, Some(origin.address), cores.of_server())?),
            Who::Theirs(outside) => outside.start(&subject, origin.address, cores.of_server())?,
        };
        let Some(server) = started else {
            table::print_missing(row.name);
            continue;
        };
        let load = Load { server: &server, origin: &origin, row, connections: options.connections };
        let measured = closed::measure(&load, &subject, options.duration)?;
        table::Line::new(row.name, &measured).print();
    }
    Ok(())
}
