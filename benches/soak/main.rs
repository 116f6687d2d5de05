//! A soak: mixed traffic against the whole of Inlay, for as long as one likes. Pages with rules and without, from caches and
//! not, in every coding, over HTTP/1.1 and HTTP/2; big bodies, WebSockets; clients that are slow or go away; origins
//! that refuse, hang, die in mid-body or send nonsense; and rules that change meanwhile. Every answer is compared.
//!
//! `cargo bench --bench soak -- --duration 60s` prints a row every ten seconds. It ends with an error if an answer was
//! wrong, or if memory, descriptors or tasks grew after the warm-up. `tests/soak.rs` runs the same for some seconds.

mod chance;
mod held;
mod origin;
mod run;
mod site;
mod subject;
mod visits;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use chance::Chance;
use run::Plan;

/// Any error: a soak that fails says why and ends.
type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "soak")]
struct Options {
    /// How long: `60s`, `20m`, `1h`.
    #[arg(long, default_value = "60s", value_parser = length_of_time)]
    duration: Duration,
    /// Clients at a time.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Of the clients' choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What all caches may take together (`48MiB`): small, they are full and throw out for most of a soak.
    #[arg(long, default_value = "320MiB")]
    cache: String,
    /// Another build of the program.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_inlay"))]
    program: PathBuf,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn length_of_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.chars().last()),
        None => (text, None),
    };
    let seconds = match unit {
        Some('h') => 3600.0,
        Some('m') => 60.0,
        _ => 1.0,
    };
    let number = number.parse::<f64>().ok().filter(|number| *number > 0.0);
    let too_odd = || format!("`{text}` is no length of time: try `60s`, `20m` or `1h`");
    number.map(|number| Duration::from_secs_f64(number * seconds)).ok_or_else(too_odd)
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let plan = Plan {
        duration: options.duration,
        clients: options.clients,
        seed: options.seed,
        every: Duration::from_secs(10),
        // Caches have filled and pools have grown.
        warm_up: (options.duration / 5).clamp(Duration::from_secs(10), Duration::from_secs(900)),
        cache: &options.cache,
    };
    match run::run(&options.program, plan, |row| println!("{row}")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("soak: {failure}");
            ExitCode::FAILURE
        }
    }
}
