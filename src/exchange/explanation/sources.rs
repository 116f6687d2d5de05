//! What sources were asked, in words.
//!
//! In: a witness of the exchange, and when that began. Out: its questions as plain data, in order. It must not ask anything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{CallExplained, SourceExplained, moment};
use crate::content::source::{Asking, Became, Call, State, Witness};

/// The questions that were put, each with what became of it. `started`: when the exchange began.
pub fn sources(witness: &Witness, started: Instant) -> Vec<SourceExplained> {
    let mut numbers = BTreeMap::new();
    let now = Instant::now();
    let told = |asking: &Asking| source(asking, started, now, &mut numbers);
    witness.askings().iter().map(told).collect()
}

fn source(asking: &Asking, started: Instant, now: Instant, numbers: &mut BTreeMap<u64, usize>) -> SourceExplained {
    let Asking { source, arguments, asked, became } = asking;
    let ended = became.as_ref().map_or(now, |became| became.at);
    SourceExplained {
        name: source.to_string(),
        arguments: arguments.clone(),
        how: how(became.as_ref()).to_owned(),
        asked: milliseconds(asked.saturating_duration_since(started)),
        milliseconds: milliseconds(ended.saturating_duration_since(*asked)),
        until: became.as_ref().and_then(|became| became.until).map(moment),
        error: became.as_ref().and_then(|became| became.failed.clone()),
        call: became.as_ref().and_then(|became| became.call).map(|call| told(&call, started, numbers)),
    }
}

/// Where an answer comes from, in one word.
fn how(became: Option<&Became>) -> &'static str {
    match became {
        None => "late",
        Some(Became { state: None, .. }) => "failed",
        Some(Became { state: Some(state), .. }) => match state {
            State::Called => "fetched",
            State::Fresh => "fresh",
            State::Stale => "stale",
            State::Fallback => "fallback",
        },
    }
}

/// Calls are numbered anew, from 1, in the order in which they are met.
fn told(call: &Call, started: Instant, numbers: &mut BTreeMap<u64, usize>) -> CallExplained {
    let next = numbers.len() + 1;
    CallExplained {
        number: *numbers.entry(call.number).or_insert(next),
        asks: call.asks,
        // One that others had begun began before.
        began: milliseconds(call.began.saturating_duration_since(started)),
        milliseconds: milliseconds(call.took),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_has_one_number_however_many_asked() {
        let now = Instant::now();
        let call = |number| Call { number, asks: 2, began: now, took: Duration::from_millis(3) };
        let mut numbers = BTreeMap::new();
        let told = [7, 9, 7].map(|number| told(&call(number), now, &mut numbers).number);
        assert_eq!(told, [1, 2, 1]);
    }
}
