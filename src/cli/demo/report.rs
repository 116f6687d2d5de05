//! What the stage's panel tells of one traced page.
//!
//! In: a [`Record`]. Out: JSON. Texts for people are made here, so that the stage's script only lays them out. It
//! must not judge.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::persona::Persona;
use super::proof::Proof;
use super::waterfall::{Timeline, Waterfall};
use crate::exchange::explanation::SourceExplained;
use crate::exchange::trace::{Made, SlotTrace, Traced};
use crate::limits::TRACE_EXCERPT_BYTES;
use crate::page::{Place, Target};

/// One page as it was served to one of the stage's visitors.
#[derive(Clone, Debug)]
pub struct Record {
    pub persona: Persona,
    /// Path and query, as the site saw them.
    pub place: String,
    pub status: StatusCode,
    /// The response's headers as they left.
    pub headers: HeaderMap,
    pub traced: Traced,
    pub proof: Proof,
    pub waterfall: Waterfall,
    /// Requests that each API had meanwhile.
    pub calls: Vec<(&'static str, u64)>,
}

/// The panel's text.
#[derive(Debug, Serialize)]
pub struct Report {
    place: String,
    visitor: &'static str,
    proof: ProofReport,
    origin_bytes: usize,
    served_bytes: usize,
    timeline: Timeline,
    calls: BTreeMap<&'static str, u64>,
    sources: Vec<SourceExplained>,
    slots: Vec<SlotReport>,
}

#[derive(Debug, Serialize)]
struct ProofReport {
    holds: bool,
    slots: usize,
    bytes: u64,
    /// What is wrong, where it does not hold.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct SlotReport {
    rule: String,
    place: String,
    content: String,
    outcome: &'static str,
    /// Why the origin's content stayed.
    reason: Option<String>,
    made: Option<String>,
    /// When the page came to it, and when it was settled: milliseconds.
    opened: f64,
    settled: f64,
    before: String,
    after: String,
}

impl From<&Record> for Report {
    fn from(record: &Record) -> Self {
        let traced = &record.traced;
        Self {
            place: record.place.clone(),
            visitor: record.persona.key(),
            proof: proof(&record.proof),
            origin_bytes: traced.origin.len(),
            served_bytes: traced.served.len(),
            timeline: record.waterfall.timeline,
            calls: record.calls.iter().copied().collect(),
            sources: record.waterfall.sources.clone(),
            slots: (traced.slots.iter().zip(&record.waterfall.slots))
                .map(|(slot, times)| report(slot, traced, *times))
                .collect(),
        }
    }
}

fn proof(proof: &Proof) -> ProofReport {
    let (slots, bytes, problem) = match *proof {
        Proof::Identical { slots, bytes } => (slots, bytes, None),
        Proof::Differs { at } => (0, 0, Some(format!("differs outside the slots, at byte {at}"))),
        Proof::Misplaced { slot } => (0, 0, Some(format!("slot {slot} is not where the trace says"))),
    };
    ProofReport { holds: problem.is_none(), slots, bytes, problem }
}

fn report(slot: &SlotTrace, traced: &Traced, (opened, settled): (f64, f64)) -> SlotReport {
    SlotReport {
        opened,
        settled,
        rule: slot.rule.to_string(),
        place: place(&slot.target, &slot.select),
        content: slot.content.to_string(),
        outcome: slot.outcome.word(),
        reason: slot.reason.as_deref().map(str::to_owned),
        made: made(slot),
        before: excerpt(&traced.origin, &slot.source),
        after: excerpt(&traced.served, &slot.output),
    }
}

fn place(target: &Target, select: &str) -> String {
    let what = match target {
        Target::Attribute(name) => format!("attribute {name} of"),
        Target::Class { .. } => "class of".to_owned(),
        Target::Place(place) => match place {
            Place::Before => "before",
            Place::Prepend => "at the start of",
            Place::Append => "at the end of",
            Place::After => "after",
            Place::Inner => "inside",
            Place::Replace => "instead of",
            Place::Remove => "without",
        }
        .to_owned(),
    };
    format!("{what} {select}")
}

fn made(slot: &SlotTrace) -> Option<String> {
    match slot.made {
        Made::Fixed => None,
        Made::Found => Some("from the fragment cache".to_owned()),
        Made::Rendered(took) => Some(format!("rendered in {}", time(took))),
    }
}

fn time(took: Duration) -> String {
    match took.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros => format!("{:.1} ms", micros as f64 / 1_000.0),
    }
}

/// The start of a range, as text; what is no UTF-8 is shown as such.
fn excerpt(page: &Bytes, range: &Range<u64>) -> String {
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let end = usize::try_from(range.end).unwrap_or(usize::MAX);
    let Some(bytes) = page.get(start..end) else {
        return String::new();
    };
    let cut = bytes.len().min(TRACE_EXCERPT_BYTES);
    let mut text = String::from_utf8_lossy(&bytes[..cut]).into_owned();
    if cut < bytes.len() {
        text.push('…');
    }
    text
}
