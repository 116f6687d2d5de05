//! `inlay check --against URL`: what a live page says to the rules, and what the rules find in it.
//!
//! In: the page's URL, rules. Out: which selectors match how often, selectors worth using, charset, policy, cacheability, slots that a
//! framework would revert; as text or JSON. Exit code 0 where all is well, 1 where something is to be mended or the page can't
//! be had. It must not change anything at the site.

mod frameworks;
mod policy;
mod report;
mod suggest;

use std::process::ExitCode;

use http::response::Parts;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde::Serialize;
use serde_json::json;

use super::independence::fetch::{FetchError, Site};
use super::{PROBLEMS, failed};
use crate::clock::Clock;
use crate::config::Rules;
use crate::content::Kind;
use crate::http::headers::{is_html, is_no_transform};
use crate::origin::policy::storing::{Asked, CookiesMatter, SetCookie, storable};
use crate::origin::policy::{NotStored, Received};
use crate::page::{Charset, Findings, FoundElement};
use crate::revision::Injection;
use crate::rule::Rule;
use frameworks::Root;
use policy::Policy;
use suggest::Suggestion;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    url: String,
    status: u16,
    content_type: Option<String>,
    bytes: usize,
    charset: &'static str,
    /// Whether the shared cache would keep it, and why not.
    stored: String,
    /// What its policy says to content.
    policy: Vec<String>,
    /// Of the page's path.
    slots: Vec<SlotFound>,
    /// Rules that have other paths.
    elsewhere: usize,
    suggestions: Vec<Suggestion>,
    warnings: Vec<String>,
}

/// What one slot's selector found.
#[derive(Debug, Serialize)]
pub struct SlotFound {
    name: String,
    select: String,
    found: usize,
}

/// Looks, and prints to standard output. `rules`: those to try; `None` where there are none.
pub fn run(url: &Uri, rules: Option<&Rules>, json: bool) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(look(url, rules)) {
        Ok(found) => {
            let text = if json { format!("{:#}\n", json!(found)) } else { report::text(&found) };
            print!("{text}");
            if found.warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) }
        }
        Err(error) => failed(&error),
    }
}

async fn look(url: &Uri, rules: Option<&Rules>) -> Result<Found, FetchError> {
    let (head, page) = Site::new(url)?.page(&[]).await?;
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok());
    let charset = Charset::settle(content_type, &page, true).unwrap_or(Charset::Unknown);
    let mut found = Found {
        url: url.to_string(),
        status: head.status.as_u16(),
        content_type: content_type.map(str::to_owned),
        bytes: page.len(),
        charset: charset.name(),
        stored: stored(&head.headers, head.status),
        policy: Vec::new(),
        slots: Vec::new(),
        elsewhere: 0,
        suggestions: Vec::new(),
        warnings: unfit(&head, charset),
    };
    let policy = Policy::of(&head.headers);
    found.policy = policy.in_words();
    let roots = frameworks::roots(&page, charset);
    found.suggestions = suggest::suggest(&page, charset, &roots);
    if let Some(rules) = rules {
        let (own, elsewhere) = on_path(rules, url.path());
        found.elsewhere = elsewhere;
        Trial { page: &page, charset, roots: &roots, policy: &policy, found: &mut found }.all(&own);
    }
    Ok(found)
}

/// Why nothing would be laid into the page at all.
fn unfit(head: &Parts, charset: Charset) -> Vec<String> {
    let html = is_html(&head.headers);
    let reasons = [
        (!head.status.is_success(), "its status is no success: nothing is laid into such an answer"),
        (!html, "it is not `text/html`: it passes as it is"),
        (is_no_transform(&head.headers), "`Cache-Control: no-transform` forbids changes: it passes as it is"),
        (matches!(charset, Charset::Foreign(_)), "markup is not ASCII in its charset: it passes as it is"),
    ];
    reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason.to_owned()).collect()
}

/// Whether the shared cache would keep the page for others, as far as its head says.
fn stored(headers: &HeaderMap, status: StatusCode) -> String {
    let now = Clock::system().now();
    let none = HeaderMap::new();
    let asked = Asked {
        method: &Method::GET,
        headers: &none,
        no_store: false,
        cookies: CookiesMatter::No,
        set_cookie: SetCookie::Forbids,
    };
    match storable(asked, status, headers, Received { asked: now, at: now }) {
        Ok(stored) => match stored.terms.ttl(now) {
            seconds @ 1.. => {
                format!("kept for {seconds} s; a visitor with cookies shares it only if `routes` says which matter")
            }
            _ => "kept, and confirmed by the origin each time".to_owned(),
        },
        Err(reason) => format!("not kept: {}", why_not(&reason)),
    }
}

fn why_not(reason: &NotStored) -> &'static str {
    match reason {
        NotStored::NoStore => "`Cache-Control: no-store`",
        NotStored::Private => "`Cache-Control: private`",
        NotStored::Status => "its status is none that is kept",
        NotStored::SetCookie => "it sets a cookie; `set_cookie: strip` on a route leaves it out, where nobody needs it",
        NotStored::Vary(_) => "it varies by more than a cache can tell apart (`Vary`)",
        NotStored::Inlay => "it tells Inlay of one visitor",
        NotStored::Useless => "it is stale at once, and has nothing by which it could be confirmed",
        NotStored::EventStream => "it is a stream of events",
        NotStored::Method | NotStored::Credentials | NotStored::Cookies => "its request may not be shared",
    }
}

/// The rules that have the path, with what they lay in; and how many have not.
fn on_path<'r>(rules: &'r Rules, path: &str) -> (Vec<(&'r Rule, &'r [Injection])>, usize) {
    let path = crate::http::path::normalise(path);
    let fits = |rule: &Rule| {
        let all = rule.matches.iter();
        all.clone().all(|wanted| wanted.paths.is_empty() || wanted.paths.iter().any(|pattern| pattern.matches(&path)))
    };
    let all = rules.rules.iter().zip(&rules.injections);
    let own: Vec<_> =
        all.filter(|(rule, _)| fits(rule)).map(|(rule, injections)| (rule, injections.as_slice())).collect();
    let elsewhere = rules.rules.len() - own.len();
    (own, elsewhere)
}

/// The page, tried with rules.
struct Trial<'a> {
    page: &'a [u8],
    charset: Charset,
    roots: &'a [Root],
    policy: &'a Policy,
    found: &'a mut Found,
}

impl Trial<'_> {
    fn all(&mut self, rules: &[(&Rule, &[Injection])]) {
        for injection in rules.iter().flat_map(|(_, injections)| *injections) {
            let select = injection.marker.whole_selector();
            // Selectors that can't be looked for were refused when the rules were read.
            let Ok(findings) = Findings::of(self.page, self.charset, &[&select]) else { continue };
            let elements = &findings.elements[0];
            self.judge(injection, &select, elements);
            let name = injection.name.to_string();
            self.found.slots.push(SlotFound { name, select, found: elements.len() });
        }
    }

    fn judge(&mut self, injection: &Injection, select: &str, elements: &[FoundElement]) {
        let warnings = &mut self.found.warnings;
        let name = &injection.name;
        if elements.is_empty() {
            warnings.push(format!("{name}: `{select}` finds nothing in this page"));
        }
        let reverting = self
            .roots
            .iter()
            .find(|root| elements.iter().any(|element| root.reverts(element, &injection.marker.target)));
        if let Some(root) = reverting {
            warnings.push(format!(
                "{name}: `{select}` lies inside `{}`, which {} takes over in the browser and so may revert; lay in \
                 outside of it, or let the site's own code ask a surface",
                root.selector, root.framework
            ));
        }
        if let Some(Kind::Html(html)) = injection.content.as_ref().map(|content| &content.kind) {
            let blocked = self.policy.blocks(&String::from_utf8_lossy(html));
            warnings.extend(blocked.into_iter().map(|blocked| format!("{name}: {blocked}")));
        }
    }
}
