//! Which rules have this request: patterns, schedule, priority. Pure.

pub mod matching;
pub mod pattern;
pub mod schedule;
