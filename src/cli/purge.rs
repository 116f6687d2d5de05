//! `inlay purge`: takes stored responses out of the running process's cache over its admin port.
//!
//! In: what is meant, and where the admin port is. Out: a line that says how many went. It must not judge what is named: the
//! admin port does.

use std::process::ExitCode;

use http::Method;
use serde_json::{Value, json};

use super::admin_port::AdminPort;
use super::failed;

/// What goes, and where.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("meant").required(true).multiple(true).args(["url", "prefix", "tag"]))]
pub struct Args {
    /// All that is stored for this URL, as visitors see it; one that begins with `/` means all hosts. May be repeated.
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// All that is stored for URLs that begin so. May be repeated.
    #[arg(long, value_name = "URL")]
    prefix: Vec<String>,
    /// All that the origin tagged so in `Surrogate-Key` or `Cache-Tag`. May be repeated.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only make it stale: it is confirmed before it is used again, and stands in if the origin is down.
    #[arg(long)]
    soft: bool,
    #[command(flatten)]
    port: AdminPort,
}

/// Purges.
pub fn run(args: &Args) -> ExitCode {
    let Args { url, prefix, tag, soft, port } = args;
    let order = json!({ "url": url, "prefix": prefix, "tag": tag, "soft": soft }).to_string();
    match port.call(Method::POST, "/api/v1/purge", order) {
        Ok(answer) => {
            println!("{}", told(&answer, *soft));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn told(answer: &[u8], soft: bool) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let done = if soft { "made stale" } else { "purged" };
    match answer.get("purged").and_then(Value::as_u64) {
        Some(1) => format!("{done}: 1 stored response"),
        Some(number) => format!("{done}: {number} stored responses"),
        None => done.to_owned(),
    }
}
