//! Lines of log, on standard error.
//!
//! In: what `tracing` is told, errors with their causes. Out: lines, as text or as JSON. It must not rotate files: who runs the
//! process keeps what it says.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// An error with all its causes, on one line: the last of them is often the only one that helps.
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Sends logs to standard error, in colours if that is a terminal. `INLAY_LOG` chooses what is logged (`inlay=debug`); by default everything from `info`.
/// A second call changes nothing.
pub fn log_to_stderr(format: LogFormat) {
    log_to_stderr_from(format, "info");
}

/// The same with another default than `info`.
pub fn log_to_stderr_from(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env("INLAY_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    // Fails only if a subscriber is set already, as in tests that run in one process.
    let _ = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
