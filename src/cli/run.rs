//! `inlay run`: fronts a website until it is told to stop.
//!
//! In: flags or a file. Out: a process that serves; SIGHUP reloads it, Ctrl-C and SIGTERM drain it, a second one ends it at once,
//! SIGUSR2 hands its sockets over to a new process of the same name.
//! It must not wire anything itself.

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::flags::Flags;
use super::{PROBLEMS, USAGE, failed, style_for};
use crate::app::{App, StartError, successor};
use crate::clock::Clock;
use crate::config::print::problems;
use crate::config::{self, ConfigSource, Problems};
use crate::server::inherited::Inherited;
use crate::shutdown::Drained;
use crate::telemetry::{self, Causes, LogFormat};

/// What to front, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// How log lines are written [default: `log.format` of the file, else text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    log: Option<LogFormat>,
}

/// Runs until a signal.
pub fn run(args: &Args) -> ExitCode {
    let Some(source) = args.flags.source() else {
        eprintln!("inlay run: name what to front, with --origin URL or with -c FILE; there is no `inlay.yaml` here");
        return ExitCode::from(USAGE);
    };
    let format = args.log.unwrap_or_else(|| log_format(&source));
    telemetry::log_to_stderr(format);
    // Before there are threads: the environment is read, and changed.
    let inherited = match Inherited::from_environment() {
        Ok(inherited) => inherited,
        Err(error) => return failed(&error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(serve(source, format, inherited)) {
        Ok(code) => code,
        Err(StartError::Config(wrong)) => {
            eprint!("{}", problems(&wrong.0, style_for(&std::io::stderr())));
            ExitCode::from(PROBLEMS)
        }
        Err(error) => failed(&error),
    }
}

/// What the file says of the log; if the file is wrong, starting will say so.
fn log_format(source: &ConfigSource) -> LogFormat {
    config::settings(source).map(|settings| settings.log).unwrap_or_default()
}

async fn serve(source: ConfigSource, format: LogFormat, inherited: Inherited) -> Result<ExitCode, StartError> {
    let mut signals = Signals::new().map_err(StartError::Signals)?;
    let (app, warnings) = App::start_on(source, Clock::system(), inherited)?;
    warn_of(&warnings, format);
    for address in app.addresses() {
        tracing::info!(%address, "serving");
    }
    if let Some(address) = app.admin_address() {
        tracing::info!(%address, "admin port");
    }
    successor::announce();
    until_the_end(&app, &mut signals).await;
    let bound = app.drain_wait();
    tracing::info!(seconds = bound.as_secs(), "draining: what runs may end; a second signal cuts it");
    tokio::select! {
        drained = app.stop(bound) => match drained {
            Drained::Whole => tracing::info!("stopped"),
            Drained::Cut { left } => tracing::warn!(left, "stopped; connections were cut"),
        },
        _ = signals.next() => tracing::warn!("stopped at once"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Does as the signals say, until one ends this process or another has taken over.
async fn until_the_end(app: &App, signals: &mut Signals) {
    loop {
        match signals.next().await {
            Told::Reload => {
                app.reload();
            }
            Told::HandOver => match taken_over(app, signals).await {
                Taken::Over => return,
                Taken::No => {}
                Taken::Stopped => return successor::announce_end(),
            },
            Told::Stop => return successor::announce_end(),
        }
    }
}

/// What a hand-over came to.
enum Taken {
    Over,
    /// This process goes on.
    No,
    /// A signal ended it first.
    Stopped,
}

async fn taken_over(app: &App, signals: &mut Signals) -> Taken {
    tracing::info!("handing over: the next process is started");
    let handing = app.hand_over();
    let mut handing = std::pin::pin!(handing);
    loop {
        tokio::select! {
            taken = &mut handing => return match taken {
                Ok(process) => {
                    tracing::info!(process, "the next process serves");
                    Taken::Over
                }
                Err(error) => {
                    tracing::error!(error = %Causes(&error), "not handed over, this process goes on");
                    Taken::No
                }
            },
            // One hand-over at a time; the next process reads all files anyway.
            told = signals.next() => if let Told::Stop = told { return Taken::Stopped },
        }
    }
}

/// Warnings as `check` prints them; as events where a program reads the log line by line.
fn warn_of(warnings: &Problems, format: LogFormat) {
    match format {
        LogFormat::Text => eprint!("{}", problems(&warnings.0, style_for(&std::io::stderr()))),
        LogFormat::Json => warnings.0.iter().for_each(|problem| tracing::warn!("{}", problem.headline())),
    }
}

/// What a signal asks for.
enum Told {
    Reload,
    HandOver,
    Stop,
}

/// The signals that are listened for.
struct Signals {
    hang_up: Signal,
    user_2: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user_2: signal(SignalKind::user_defined2())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hang_up.recv() => Told::Reload,
            _ = self.user_2.recv() => Told::HandOver,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
        }
    }
}
