//! `inlay explain URL`: the whole decision trace of one request.
//!
//! In: a URL, what of the request matters, what is to be supposed. Out: the explanation, as text or JSON. It asks the running process;
//! without one the files are evaluated, without a store. Exit code 0, 1 if nothing can be said, 2 for wrong usage. It must not
//! explain anything itself.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::{Method, Uri};
use serde_json::json;
use thiserror::Error;

use super::admin_port::{AdminPort, CallError};
use super::flags::{FILE, Flags};
use super::{failed, independence};
use crate::app::{BuildError, Standalone};
use crate::clock::Clock;
use crate::config::{self, Problems};
use crate::exchange::explain::{Inquiry, InquiryError, Supposing};
use crate::exchange::explanation::Explanation;
use crate::exchange::explanation::text::{self, Paint};

/// Which request, and where it is answered.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The page, as a visitor would ask for it.
    #[arg(value_parser = independence::url)]
    url: Uri,
    #[command(flatten)]
    asked: AskedArgs,
    /// Rules in state `preview` count as live.
    #[arg(long)]
    previews: bool,
    /// The explanation as JSON.
    #[arg(long)]
    json: bool,
    /// Evaluates the files, and asks no running process; so do `--origin` and `--rules`.
    #[arg(long)]
    files: bool,
    /// The deployment's file, also for the running process's `admin` address and token [default: `inlay.yaml`, if it is here].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The website behind, if not that of the file or of the URL.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// The folder of rules; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<String>,
    /// The admin address of the running process [default: that of the file, else 127.0.0.1:9900].
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// The token of `admin.token`.
    #[arg(long, env = "INLAY_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// How the request looks, and what is supposed.
#[derive(Debug, clap::Args)]
pub struct AskedArgs {
    /// The request's method.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A field of the request; may be repeated.
    #[arg(long, value_name = "NAME: VALUE", value_parser = field)]
    header: Vec<(String, String)>,
    /// A cookie of the request; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = independence::cookie)]
    cookie: Vec<(String, String)>,
    /// As it would be then; without an offset in the site's time: `2026-12-20T10:00`.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// As if the visitor were in an audience, or not; may be repeated.
    #[arg(long, value_name = "NAME=true|false", value_parser = side)]
    audience: Vec<(String, bool)>,
    /// As if this rule applied; may be repeated.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
}

/// Why nothing can be said.
#[derive(Debug, Error)]
enum ExplainError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the admin port's answer is no explanation: is it another version of Inlay?")]
    Answer(#[source] serde_json::Error),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
}

/// Explains, and prints to standard output.
pub fn run(args: &Args) -> ExitCode {
    match explanation(args) {
        Ok(explanation) => {
            let mut out = std::io::stdout();
            let text = match args.json {
                true => format!("{:#}\n", json!(explanation)),
                false => text::text(&explanation, paint_for(&out)),
            };
            // Fails where whoever reads has seen enough.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// Colours for people who did not decline them.
pub fn paint_for(out: &impl IsTerminal) -> Paint {
    let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if coloured { Paint::Coloured } else { Paint::Plain }
}

fn explanation(args: &Args) -> Result<Explanation, ExplainError> {
    let inquiry = args.asked.inquiry(&args.url, args.previews);
    if args.files || args.origin.is_some() || !args.rules.is_empty() {
        return from_files(args, &inquiry);
    }
    match from_process(args, &inquiry) {
        Err(ExplainError::Call(error @ (CallError::Unreachable(..) | CallError::NoAdmin(_))))
            if args.admin.is_none() =>
        {
            eprintln!("inlay explain: {error}\nThe files are evaluated instead, without a store.\n");
            from_files(args, &inquiry)
        }
        told => told,
    }
}

fn from_process(args: &Args, inquiry: &Inquiry) -> Result<Explanation, ExplainError> {
    let port = AdminPort { config: file(args), admin: args.admin, token: args.token.clone() };
    let answer = port.call(Method::POST, "/api/v1/explain", json!(inquiry).to_string())?;
    serde_json::from_slice(&answer).map_err(ExplainError::Answer)
}

fn from_files(args: &Args, inquiry: &Inquiry) -> Result<Explanation, ExplainError> {
    let own =
        args.url.authority().map(|authority| format!("{}://{authority}", args.url.scheme_str().unwrap_or("http")));
    let config = file(args);
    let mut rules = args.rules.clone();
    if config.is_none() && rules.is_empty() && Path::new("rules").is_dir() {
        rules.push("rules".to_owned());
    }
    let origin = args.origin.clone().or_else(|| own.filter(|_| config.is_none()));
    let flags = Flags { config, origin, rules, ..Flags::default() };
    let source = flags.source().expect("invariant: there is a file or an origin");
    let clock = Clock::system();
    let loaded = config::load(&source, clock.now())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(ExplainError::Start)?.block_on(async {
        let standalone = Standalone::new(&loaded.settings, loaded.rules, &clock)?;
        Ok(standalone.exchange.inquire(inquiry).await?.explanation)
    })
}

/// The deployment's file, if there is one.
fn file(args: &Args) -> Option<PathBuf> {
    args.config.clone().or_else(|| Path::new(FILE).is_file().then(|| PathBuf::from(FILE)))
}

impl AskedArgs {
    /// The inquiry about a page.
    pub fn inquiry(&self, url: &Uri, previews: bool) -> Inquiry {
        let cookies: Vec<String> = self.cookie.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = (!cookies.is_empty()).then(|| ("cookie".to_owned(), cookies.join("; ")));
        Inquiry {
            url: url.to_string(),
            method: self.method.clone(),
            headers: self.header.iter().cloned().chain(cookies).collect(),
            suppose: Supposing {
                at: self.at.clone(),
                audiences: self.audience.iter().cloned().collect(),
                rules: self.rule.clone(),
                previews,
                ..Supposing::default()
            },
        }
    }
}

/// Reads `--header`.
///
/// # Errors
/// It is no field, in words.
fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write `NAME: VALUE`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Reads `--audience`.
///
/// # Errors
/// It says neither in nor out, in words.
pub fn side(text: &str) -> Result<(String, bool), String> {
    match text.split_once('=') {
        Some((name, "true")) => Ok((name.to_owned(), true)),
        Some((name, "false")) => Ok((name.to_owned(), false)),
        _ => Err("write `NAME=true` or `NAME=false`".to_owned()),
    }
}
