//! `inlay check --against URL --cookies`: which cookies a page depends on, before anybody asserts it in `routes`.
//!
//! In: the page's URL, cookies to try or those that the page sets. Out: for each whether the page differs by it, and where;
//! the line to write. Exit code 0 where none does, 1 where one does or nothing can be said, 2 for wrong usage. It must
//! not change anything at the site, nor judge values that were not tried.

mod compare;
pub(super) mod fetch;
mod report;

use std::process::ExitCode;

use http::Uri;

use super::{PROBLEMS, failed};
use crate::limits::COMPARED_COOKIES;
use crate::telemetry::Causes;
use compare::{Answer, Compared, Difference, compare};
use fetch::{FetchError, Pair, Site};

/// What came of one cookie.
#[derive(Debug)]
pub enum Finding {
    Independent { varying: usize },
    Differs(Vec<Difference>),
    Unknown(String),
}

/// What came of a page.
#[derive(Debug)]
pub struct Findings {
    pub cookies: Vec<(String, Finding)>,
    /// More were set than are tried.
    pub left_out: usize,
}

/// Reads `--against`.
///
/// # Errors
/// It is no URL of a website, in words.
pub fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("it cannot be read as a URL: {error}"))?;
    let usable = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    usable.then_some(url).ok_or_else(|| "write the whole URL, such as `https://www.example.com/shop`".to_owned())
}

/// Reads `--cookie`.
///
/// # Errors
/// It is no cookie, in words.
pub fn cookie(text: &str) -> Result<Pair, String> {
    let (name, value) = text.split_once('=').ok_or("write `NAME=VALUE`")?;
    let bad = |c: char| c.is_control() || c.is_whitespace() || ";,\"\\".contains(c);
    if name.is_empty() || name.contains(bad) || value.contains(|c: char| c.is_control() || c == ';') {
        return Err("a cookie is `NAME=VALUE`, without `;`".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Checks, and prints to standard output.
pub fn run(url: &Uri, cookies: &[Pair]) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(answer(url, cookies)) {
        Ok((text, code)) => {
            print!("{text}");
            ExitCode::from(code)
        }
        Err(error) => failed(&error),
    }
}

/// What to print, and the exit code.
///
/// # Errors
/// The page cannot be had at all.
pub async fn answer(url: &Uri, cookies: &[Pair]) -> Result<(String, u8), FetchError> {
    let site = Site::new(url)?;
    let tried = if cookies.is_empty() { learned(&site).await? } else { cookies.to_vec() };
    let left_out = tried.len().saturating_sub(COMPARED_COOKIES);
    let tried = &tried[..tried.len() - left_out];
    let mut found = Vec::with_capacity(tried.len());
    for pair in tried {
        found.push((pair.0.clone(), finding(&site, pair, tried).await));
    }
    let findings = Findings { cookies: found, left_out };
    let proved =
        left_out == 0 && findings.cookies.iter().all(|(_, found)| matches!(found, Finding::Independent { .. }));
    Ok((report::text(url, &findings), if proved { 0 } else { PROBLEMS }))
}

/// The cookies that the page sets, each once.
async fn learned(site: &Site<'_>) -> Result<Vec<Pair>, FetchError> {
    let (_, set) = site.ask(&[]).await?;
    let mut known: Vec<Pair> = Vec::new();
    for pair in set {
        if !known.iter().any(|(name, _)| *name == pair.0) {
            known.push(pair);
        }
    }
    Ok(known)
}

/// Tries one cookie: alone, and in the company of all others, because some mean something only together.
async fn finding(site: &Site<'_>, pair: &Pair, all: &[Pair]) -> Finding {
    let alone = tried(site, pair, &[]).await;
    let others: Vec<&Pair> = all.iter().filter(|other| other.0 != pair.0).collect();
    match alone {
        Ok(Finding::Independent { .. }) if !others.is_empty() => tried(site, pair, &others).await,
        found => found,
    }
    .unwrap_or_else(|error| Finding::Unknown(Causes(&error).to_string()))
}

/// Asks in turns without and with a cookie, so that what changes meanwhile shows among equal requests too.
async fn tried(site: &Site<'_>, pair: &Pair, company: &[&Pair]) -> Result<Finding, FetchError> {
    let with: Vec<&Pair> = company.iter().copied().chain([pair]).collect();
    let (mut plain, mut carrying): (Vec<Answer>, Vec<Answer>) = (Vec::new(), Vec::new());
    plain.push(site.ask(company).await?.0);
    for _ in 0..2 {
        carrying.push(site.ask(&with).await?.0);
        plain.push(site.ask(company).await?.0);
    }
    Ok(match compare(&plain, &carrying) {
        Compared::Alike { varying } => Finding::Independent { varying },
        Compared::Different(places) => Finding::Differs(places),
        Compared::Restless => Finding::Unknown("more than half of the page varies by itself".to_owned()),
    })
}
