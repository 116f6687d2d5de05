//! What was found, in words for people.
//!
//! In: findings. Out: text. It must not judge.

use std::fmt::Write;

use http::Uri;

use super::compare::Difference;
use super::{Finding, Findings};
use crate::limits::COMPARED_PLACES;

/// The findings for the page at `url`, with the line to write where they prove something.
pub fn text(url: &Uri, findings: &Findings) -> String {
    let mut text = String::new();
    if findings.cookies.is_empty() {
        let _ = writeln!(text, "{url} sets no cookie. Name one to try it: --cookie NAME=VALUE");
        return text;
    }
    for (name, found) in &findings.cookies {
        let _ = writeln!(text, "{name}: {}", told(found));
        if let Finding::Differs(places) = found {
            places.iter().take(COMPARED_PLACES).for_each(|place| show(&mut text, place));
            let more = places.len().saturating_sub(COMPARED_PLACES);
            if more > 0 {
                let _ = writeln!(text, "    and {more} more");
            }
        }
    }
    if findings.left_out > 0 {
        let _ = writeln!(text, "{} more cookies were not tried: name them with --cookie", findings.left_out);
    }
    text + &suggestion(url, findings)
}

fn told(found: &Finding) -> String {
    match found {
        Finding::Independent { varying: 0 } => "independent".to_owned(),
        Finding::Independent { varying: 1 } => "independent (one place varies by itself, and was set aside)".to_owned(),
        Finding::Independent { varying } => {
            format!("independent ({varying} places vary by themselves, and were set aside)")
        }
        Finding::Differs(places) if places.len() == 1 => "differs".to_owned(),
        Finding::Differs(places) => format!("differs in {} places", places.len()),
        Finding::Unknown(reason) => format!("unknown: {reason}"),
    }
}

fn show(text: &mut String, place: &Difference) {
    let named = |location: &Option<String>| location.clone().unwrap_or_else(|| "nothing".to_owned());
    let (place, without, with) = match place {
        Difference::Status(without, with) => ("the status".to_owned(), without.to_string(), with.to_string()),
        Difference::Location(without, with) => ("`Location`".to_owned(), named(without), named(with)),
        Difference::Text { line, without, with } => (format!("line {line}"), without.clone(), with.clone()),
    };
    let _ = writeln!(text, "    {place}\n        without it: {without}\n        with it:    {with}");
}

/// The route that says so, if there is nothing unknown in it.
fn suggestion(url: &Uri, findings: &Findings) -> String {
    let unknown =
        findings.left_out > 0 || findings.cookies.iter().any(|(_, found)| matches!(found, Finding::Unknown(_)));
    if unknown {
        return "Not all is known, so nothing should be asserted yet.\n".to_owned();
    }
    let matter = findings.cookies.iter().filter(|(_, found)| matches!(found, Finding::Differs(_)));
    let names: Vec<String> = matter.map(|(name, _)| quoted(name)).collect();
    let path = quoted(url.path());
    let names = names.join(", ");
    format!(
        "With the values that were tried, this says in inlay.yaml which cookies matter:\n\
         routes: [{{ path: {path}, origin: default, cookies: [{names}] }}]\n"
    )
}

/// A text as YAML takes it whatever it holds.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
