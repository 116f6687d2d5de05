//! One table for people, a row at a time.
//!
//! In: what was measured. Out: text. It must not measure.

use crate::closed::Measured;

/// Below this share of its core's time the server waited for work: the rate is then the load's limit, not the server's.
const BUSY: f64 = 0.9;

/// A row.
pub struct Row<'a> {
    name: &'a str,
    measured: &'a Measured,
}

pub fn print_head() {
    println!(
        "{:<32} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "server", "CPU µs/rq", "rq/s", "p50 µs", "p99 µs", "p99.9 µs", "bytes", "RSS MiB"
    );
}

impl<'a> Row<'a> {
    pub fn new(name: &'a str, measured: &'a Measured) -> Self {
        Self { name, measured }
    }

    pub fn print(&self) {
        let Measured { latencies, bytes, took, processor_time, resident_bytes } = self.measured;
        let requests = latencies.len().max(1);
        let processor = processor_time.as_secs_f64();
        let busy = processor / took.as_secs_f64();
        let note = match busy < BUSY {
            true => format!("the load is the bottleneck: the server idles {:.0} %", (1.0 - busy) * 100.0),
            false => String::new(),
        };
        println!(
            "{:<32} {:>9.1} {:>9.0} {:>8} {:>8} {:>8} {:>8} {:>8.1}  {note}",
            self.name,
            processor * 1e6 / requests as f64,
            requests as f64 / took.as_secs_f64(),
            latencies.value_at_quantile(0.5),
            latencies.value_at_quantile(0.99),
            latencies.value_at_quantile(0.999),
            bytes / requests,
            *resident_bytes as f64 / (1024.0 * 1024.0),
        );
    }
}
