//! `inlay preview URL`: prints a signed link that shows a page as it would be.
//!
//! In: a URL, what is supposed, for how long. Out: the link, on standard output. It is signed with `visitor.secret` of the file; without one the
//! running process signs. Exit code 0, 1 if there is no link, 2 for wrong usage. It must not ask for the page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use http::{Method, Uri};
use serde_json::{Value as Json, json};
use thiserror::Error;

use super::admin_port::{AdminPort, CallError};
use super::explain::side;
use super::flags::FILE;
use super::{failed, independence};
use crate::app::{BuildError, Standalone};
use crate::clock::Clock;
use crate::config::{self, ConfigSource, Loaded, Problems};
use crate::exchange::explain::{Inquiry, InquiryError, Supposing};

/// What is to be shown, and who signs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The page, as a visitor asks for it.
    #[arg(value_parser = independence::url)]
    url: Uri,
    /// As it would be then; without an offset in the site's time: `2026-12-20T10:00`.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// As if the visitor were in an audience, or not; may be repeated.
    #[arg(long, value_name = "NAME=true|false", value_parser = side)]
    audience: Vec<(String, bool)>,
    /// As if this rule applied; may be repeated. Rules in state `preview` are shown in any case.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// For how long the link is good: `30m`, `2h`, `3d`; a week at most.
    #[arg(long, value_name = "TIME", value_parser = life, default_value = "1h")]
    expires: Duration,
    /// With `visitor.secret` in its `-c` file the link is signed here, else over the admin port.
    #[command(flatten)]
    port: AdminPort,
}

/// Why there is no link.
#[derive(Debug, Error)]
enum PreviewError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error("the running process signs, because no file with a `visitor.secret` is here (name it with -c)")]
    Call(#[from] CallError),
    #[error("the admin port's answer is no link: is it another version of Inlay?")]
    Answer,
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
}

/// Makes a link, and prints it.
pub fn run(args: &Args) -> ExitCode {
    match link(args) {
        Ok(link) => {
            println!("{link}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn link(args: &Args) -> Result<String, PreviewError> {
    let suppose = Supposing {
        at: args.at.clone(),
        audiences: args.audience.iter().cloned().collect(),
        rules: args.rule.clone(),
        ..Supposing::default()
    };
    let inquiry = Inquiry { url: args.url.to_string(), suppose, ..Inquiry::default() };
    let file = args.port.config.clone().or_else(|| Path::new(FILE).is_file().then(|| PathBuf::from(FILE)));
    if let Some(loaded) = file.as_ref().map(with_secret).transpose()?.flatten() {
        return signed_here(loaded, &inquiry, args.expires);
    }
    let order = json!({ "inquiry": inquiry, "seconds": args.expires.as_secs() }).to_string();
    // An address that is named counts before that of a file.
    let config = file.filter(|_| args.port.admin.is_none());
    let port = AdminPort { config, admin: args.port.admin, token: args.port.token.clone() };
    let answer = port.call(Method::POST, "/api/v1/preview", order)?;
    let answer: Json = serde_json::from_slice(&answer).map_err(|_| PreviewError::Answer)?;
    answer["link"].as_str().map(str::to_owned).ok_or(PreviewError::Answer)
}

/// The files, where they have a secret to sign with.
fn with_secret(file: &PathBuf) -> Result<Option<Loaded>, Problems> {
    let source = ConfigSource::file(file);
    match config::settings(&source)?.visitor.secrets.is_empty() {
        true => Ok(None),
        false => config::load(&source, Clock::system().now()).map(Some),
    }
}

fn signed_here(loaded: Loaded, inquiry: &Inquiry, life: Duration) -> Result<String, PreviewError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PreviewError::Start)?;
    runtime.block_on(async {
        let standalone = Standalone::new(&loaded.settings, loaded.rules, &Clock::system())?;
        Ok(standalone.exchange.preview_link(inquiry, life)?)
    })
}

/// Reads `--expires`.
///
/// # Errors
/// It is no time, in words.
fn life(text: &str) -> Result<Duration, String> {
    let life = text.parse::<jiff::Span>().ok().and_then(|span| {
        // A day of a link is 24 hours.
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()
    });
    life.and_then(|life| Duration::try_from(life).ok()).ok_or_else(|| "write such as `30m`, `2h` or `3d`".to_owned())
}
