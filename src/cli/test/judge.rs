//! Whether what was expected is so.
//!
//! In: an expectation, and the page with its explanation. Out: met, or what is there instead, with the line that expects otherwise. Pure, but for
//! snapshots, which stand in files.

use http::header;

use super::snapshot::{Compared, Snapshots};
use super::stage::Played;
use crate::config::problem::Place;
use crate::config::testing::{Check, Expectation, Expected, WantedVerdict};
use crate::exchange::explain::Walked;
use crate::page::{Charset, Findings, FoundElement};

/// What became of an expectation.
#[derive(Debug)]
pub enum Judged {
    Met,
    /// A snapshot was written.
    Written,
    Missed(Miss),
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// `file:line:column`.
    pub place: String,
    pub what: String,
    /// What was wanted, and what was found; or lines of a diff.
    pub more: Vec<String>,
}

impl Miss {
    /// A miss of which there is no more to say.
    pub fn at(place: &Place, what: &str) -> Self {
        Self { place: place.to_string(), what: what.to_owned(), more: Vec::new() }
    }

    fn instead(place: &Place, what: String, wanted: impl AsRef<str>, found: impl AsRef<str>) -> Self {
        let (wanted, found) = (quoted(wanted.as_ref()), quoted(found.as_ref()));
        Self { place: place.to_string(), what, more: vec![format!("wanted  {wanted}"), format!("found   {found}")] }
    }
}

/// Judges one expectation. `case` is the test's name, for its snapshot.
pub fn judge(expectation: &Expectation, played: &Played, case: &str, snapshots: &Snapshots) -> Judged {
    let walked = &played.walked;
    let Expectation { place, what } = expectation;
    let miss = match what {
        Expected::Rule { name, verdict } => rule(place, name, *verdict, walked),
        Expected::Audience { name, inside } => audience(place, name, *inside, walked),
        Expected::Status(wanted) => {
            let status = walked.explanation.answer.as_ref().map_or(0, |answer| answer.status);
            (status != *wanted)
                .then(|| Miss::instead(place, "another status".to_owned(), wanted.to_string(), status.to_string()))
        }
        Expected::Header { name, value, written } => {
            let lines: Vec<_> =
                walked.headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
            let found = lines.join(", ");
            (!value.matches(&found))
                .then(|| Miss::instead(place, format!("the header `{name}` is another"), written, found))
        }
        Expected::Element { select, nth, check } => element(place, select, *nth, check, walked),
        Expected::Calls { source, count } => {
            let found = played.asked.calls.get(source).copied().unwrap_or_default();
            let what = || format!("source `{source}` was called another number of times");
            (found != *count).then(|| Miss::instead(place, what(), count.to_string(), found.to_string()))
        }
        Expected::Snapshot => return snapshot(place, case, walked, snapshots),
    };
    miss.map_or(Judged::Met, Judged::Missed)
}

fn rule(place: &Place, name: &str, wanted: WantedVerdict, walked: &Walked) -> Option<Miss> {
    let rule = walked.explanation.rule(name)?;
    let (met, word) = match wanted {
        WantedVerdict::Applies => (rule.applies, "applies"),
        WantedVerdict::Skipped => (!rule.applies, "skipped"),
        WantedVerdict::Because(word) => (rule.verdict == word, word),
    };
    if met {
        return None;
    }
    let found =
        if rule.reason.is_empty() { rule.verdict.clone() } else { format!("{}: {}", rule.verdict, rule.reason) };
    let mut miss = Miss::instead(place, format!("rule `{name}`"), word, found);
    let reads = rule.conditions.iter().flat_map(|condition| &condition.reads);
    miss.more.extend(reads.map(|read| format!("        {} = {}", read.asked, read.answer)));
    Some(miss)
}

fn audience(place: &Place, name: &str, inside: bool, walked: &Walked) -> Option<Miss> {
    let found = walked.explanation.audiences.iter().find(|audience| audience.name == name)?;
    if found.inside == inside {
        return None;
    }
    let mut miss = Miss::instead(place, format!("audience `{name}`"), inside.to_string(), found.inside.to_string());
    miss.more.extend(found.reads.iter().map(|read| format!("        {} = {}", read.asked, read.answer)));
    Some(miss)
}

fn element(place: &Place, select: &str, nth: usize, check: &Check, walked: &Walked) -> Option<Miss> {
    let content_type = walked.headers.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok());
    let charset = Charset::settle(content_type, &walked.page, true).unwrap_or(Charset::Unknown);
    // Selectors that can't be looked for were refused when the test was read.
    let findings = Findings::of(&walked.page, charset, &[select]).ok()?;
    let found = &findings.elements[0];
    if let Check::Count(wanted) = check {
        let what = || format!("`{select}` finds another number of elements");
        return (found.len() != *wanted)
            .then(|| Miss::instead(place, what(), wanted.to_string(), found.len().to_string()));
    }
    let Some(element) = found.get(nth - 1) else {
        let there = if nth == 1 { "nothing".to_owned() } else { format!("{} elements, and not {nth}", found.len()) };
        return Some(Miss::at(place, &format!("`{select}` finds {there}")));
    };
    inside(place, select, check, &findings, element, &walked.page)
}

fn inside(
    place: &Place,
    select: &str,
    check: &Check,
    findings: &Findings,
    element: &FoundElement,
    page: &[u8],
) -> Option<Miss> {
    let text = findings.text(element);
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match check {
        Check::Present | Check::Count(_) => None,
        Check::Text(wanted) => (text != joined(wanted))
            .then(|| Miss::instead(place, format!("`{select}` has another text"), joined(wanted), text)),
        Check::Contains(wanted) => (!text.contains(&joined(wanted)))
            .then(|| Miss::instead(place, format!("`{select}` lacks a text"), joined(wanted), text)),
        Check::Lacks(unwanted) => text.contains(&joined(unwanted)).then(|| {
            Miss::instead(place, format!("`{select}` has a text that it must not have"), format!("no {unwanted}"), text)
        }),
        Check::Html(wanted) => {
            let html = String::from_utf8_lossy(&page[element.inner.clone()]);
            (html.trim() != wanted.trim())
                .then(|| Miss::instead(place, format!("`{select}` holds other HTML"), wanted.trim(), html.trim()))
        }
        Check::Attribute { name, value, written } => {
            let found = element.attribute(name);
            let what = || format!("`{select}` has another `{name}`");
            (!found.is_some_and(|found| value.matches(found)))
                .then(|| Miss::instead(place, what(), written, found.unwrap_or("no such attribute")))
        }
    }
}

fn snapshot(place: &Place, case: &str, walked: &Walked, snapshots: &Snapshots) -> Judged {
    match snapshots.compare(case, &walked.page) {
        Compared::Same => Judged::Met,
        Compared::Written => Judged::Written,
        Compared::Failed(error) => Judged::Missed(Miss::at(place, &error)),
        Compared::Differs(more) => {
            let what = "the page is not as it was kept; `inlay test --update` keeps it as it is now".to_owned();
            Judged::Missed(Miss { place: place.to_string(), what, more })
        }
    }
}

/// On one line.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
