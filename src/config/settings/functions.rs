//! What functions may use.
//!
//! In: `functions` as written, or `bounds` of a content. Out: an [`Allowance`], with the defaults where nothing is said. It must not
//! enforce it.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::raw::functions::{RawBounds, RawFunctions};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::{Integer, Size};
use crate::config::report::Report;
use crate::content::function::Allowance;

/// Less is over before it began; more is no fragment of a page.
const CPU: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(10);
/// An engine needs a quarter of a million bytes for itself.
const MEMORY: RangeInclusive<u64> = 1024 * 1024..=1024 * 1024 * 1024;
const OUTPUT: RangeInclusive<u64> = 1..=64 * 1024 * 1024;
const ASKS: RangeInclusive<u64> = 0..=1_000;
const CONSOLE: RangeInclusive<u64> = 0..=1_000;
const THREADS: RangeInclusive<u64> = 1..=256;

/// What all functions of a deployment may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionSettings {
    pub allowance: Allowance,
    /// `None`: as the machine has it.
    pub threads: Option<usize>,
}

/// The settings.
pub fn functions(raw: Option<&At<RawFunctions>>, report: &mut Report) -> FunctionSettings {
    let Some(raw) = raw.map(|at| &at.value) else { return FunctionSettings::default() };
    FunctionSettings {
        allowance: allowance(&raw.bounds, Allowance::default(), report),
        threads: raw.threads.as_ref().map(|_| count(&raw.threads, THREADS, 1, report)),
    }
}

/// What is written, and otherwise what holds without it.
pub fn allowance(raw: &RawBounds, otherwise: Allowance, report: &mut Report) -> Allowance {
    let cpu = raw.cpu.as_ref().map_or(otherwise.cpu, |at| match at.value.0 {
        time if CPU.contains(&time) => time,
        _ => {
            report.error(at.span, "this is no time that a function may compute", "write one from 1ms to 10s");
            otherwise.cpu
        }
    });
    Allowance {
        cpu,
        memory: size(&raw.memory, MEMORY, otherwise.memory, report),
        output: size(&raw.output, OUTPUT, otherwise.output, report),
        asks: count(&raw.asks, ASKS, otherwise.asks, report),
        console: count(&raw.console, CONSOLE, otherwise.console, report),
    }
}

fn count(field: &Field<Integer>, range: RangeInclusive<u64>, otherwise: usize, report: &mut Report) -> usize {
    let Some(at) = field else { return otherwise };
    match u64::try_from(at.value.0).ok().filter(|number| range.contains(number)) {
        Some(number) => number as usize,
        None => {
            let what = format!("`{}` is no such number", at.value.0);
            report.error(at.span, what, format!("write one from {} to {}", range.start(), range.end()));
            otherwise
        }
    }
}

fn size(field: &Field<Size>, range: RangeInclusive<u64>, otherwise: usize, report: &mut Report) -> usize {
    let Some(at) = field else { return otherwise };
    match range.contains(&at.value.0) {
        true => at.value.0 as usize,
        false => {
            let what = format!("{} bytes are no such size", at.value.0);
            report.error(at.span, what, format!("write one from {}B to {}B", range.start(), range.end()));
            otherwise
        }
    }
}
