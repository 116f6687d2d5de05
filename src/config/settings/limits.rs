//! What clients may take.
//!
//! In: `limits` as written. Out: [`Bounds`], with the defaults where nothing is said. It must not enforce them.

use std::ops::RangeInclusive;

use crate::config::raw::limits::RawLimits;
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::{ByteRate, Duration, Integer, Size};
use crate::config::report::Report;
use crate::http::bounds::{Bounds, MinimumRate};

/// Heads that are smaller than this would refuse ordinary browsers; larger than this they are held in memory for nothing.
const HEAD_BYTES: RangeInclusive<u64> = 1024..=16 * 1024 * 1024;
/// What the library that parses targets takes at most.
const URI_BYTES: RangeInclusive<u64> = 64..=65_534;
/// What the library that holds headers takes at most.
const HEADERS: RangeInclusive<u64> = 8..=24_576;
/// What has a number; streams are counted in 31 bits (RFC 9113 section 6.5.2).
const COUNT: RangeInclusive<u64> = 1..=i32::MAX as u64;

/// The bounds.
pub fn bounds(raw: Option<&At<RawLimits>>, report: &mut Report) -> Bounds {
    let default = Bounds::default();
    let Some(raw) = raw.map(|at| &at.value) else { return default };
    let window = wait(&raw.rate_window, default.body_rate.window, report);
    let rate = |bytes_per_second: u64| MinimumRate { bytes_per_second, window };
    let of = |field: &Field<ByteRate>, default: MinimumRate| {
        field.as_ref().map_or(default.bytes_per_second, |at| at.value.0)
    };
    Bounds {
        request_head: size(&raw.request_head, HEAD_BYTES, default.request_head, report),
        headers: count(&raw.headers, HEADERS, default.headers as u64, report) as usize,
        uri: size(&raw.uri, URI_BYTES, default.uri, report),
        body: raw.body.as_ref().map_or(default.body, |at| Some(at.value.0)),
        connections: count(&raw.connections, COUNT, default.connections as u64, report) as usize,
        connections_per_client: count(&raw.connections_per_client, COUNT, default.connections_per_client as u64, report)
            as usize,
        requests_per_connection: count(&raw.requests_per_connection, COUNT, default.requests_per_connection, report),
        streams: u32::try_from(count(&raw.streams, COUNT, default.streams.into(), report)).unwrap_or(default.streams),
        handshake_wait: wait(&raw.handshake_wait, default.handshake_wait, report),
        request_head_wait: wait(&raw.request_head_wait, default.request_head_wait, report),
        idle_wait: wait(&raw.idle_wait, default.idle_wait, report),
        body_rate: rate(of(&raw.body_rate, default.body_rate)),
        response_rate: rate(of(&raw.response_rate, default.response_rate)),
        drain_wait: raw.drain_wait.as_ref().map_or(default.drain_wait, |at| at.value.0),
    }
}

fn count(field: &Field<Integer>, range: RangeInclusive<u64>, default: u64, report: &mut Report) -> u64 {
    let Some(at) = field else { return default };
    match u64::try_from(at.value.0).ok().filter(|number| range.contains(number)) {
        Some(number) => number,
        None => {
            let what = format!("`{}` is no such number", at.value.0);
            report.error(at.span, what, format!("write one from {} to {}", range.start(), range.end()));
            default
        }
    }
}

fn size(field: &Field<Size>, range: RangeInclusive<u64>, default: usize, report: &mut Report) -> usize {
    let Some(at) = field else { return default };
    if !range.contains(&at.value.0) {
        let what = format!("{} bytes is no such size", at.value.0);
        report.error(at.span, what, format!("write one from {}B to {}B", range.start(), range.end()));
        return default;
    }
    usize::try_from(at.value.0).unwrap_or(default)
}

/// Nothing happens in no time.
fn wait(field: &Field<Duration>, default: std::time::Duration, report: &mut Report) -> std::time::Duration {
    let Some(at) = field else { return default };
    if at.value.0.is_zero() {
        report.error(at.span, "there is no time in it", "write how long, such as `10s`");
        return default;
    }
    at.value.0
}
