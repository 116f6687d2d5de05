//! When what happened to one page, from the request on.
//!
//! In: a body as it comes, the page's slots and what sources were asked. Out: times in milliseconds, for the stage's waterfall. It must not
//! hold the body up.

use std::pin::pin;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use http_body_util::{BodyExt, Limited};
use serde::Serialize;

use super::apis::Api;
use super::edge::{Body, BoxError};
use crate::context::Witness;
use crate::exchange::explanation::{SourceExplained, sources};
use crate::exchange::trace::SlotTrace;
use crate::limits::TRACE_PAGE_BYTES;

/// When the page left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// Its first byte.
    pub first: f64,
    /// Its last one.
    pub last: f64,
}

/// The times of one page, in milliseconds from the request on.
#[derive(Clone, Debug, Default)]
pub struct Waterfall {
    pub timeline: Timeline,
    /// By slot: when the page came to it, and when it was settled.
    pub slots: Vec<(f64, f64)>,
    pub sources: Vec<SourceExplained>,
}

impl Waterfall {
    /// Of a page whose request came at `started`.
    pub fn of(started: Instant, timeline: Timeline, slots: &[SlotTrace], witness: &Witness) -> Self {
        let since = |at: Instant| at.saturating_duration_since(started).as_secs_f64() * 1000.0;
        let slots = slots.iter().map(|slot| (since(slot.opened), since(slot.settled))).collect();
        Self { timeline, slots, sources: sources(witness, started) }
    }
}

/// The whole body, and when it came.
///
/// # Errors
/// It broke off, or is longer than [`TRACE_PAGE_BYTES`].
pub async fn timed(body: Body, started: Instant) -> Result<(Bytes, Timeline), BoxError> {
    let mut body = pin!(Limited::new(body, TRACE_PAGE_BYTES));
    let (mut whole, mut first) = (BytesMut::new(), None);
    let since = || started.elapsed().as_secs_f64() * 1000.0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            first.get_or_insert_with(since);
            whole.extend_from_slice(&data);
        }
    }
    let last = since();
    Ok((whole.freeze(), Timeline { first: first.unwrap_or(last), last }))
}

/// Calls that each API had from one count to the next, by name.
pub fn counted(before: [u64; 3], after: [u64; 3]) -> Vec<(&'static str, u64)> {
    Api::ALL.iter().zip(before.iter().zip(after)).map(|(api, (before, after))| (api.name(), after - before)).collect()
}
