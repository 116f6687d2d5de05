//! One table for people, a row at a time.
//!
//! In: what was measured. Out: text. It must not measure.

use std::time::Duration;

use crate::closed::Measured;

/// From this share of its core's time a process counts as busy.
const BUSY: f64 = 0.9;

/// A line of the table.
pub struct Line<'a> {
    name: &'a str,
    measured: &'a Measured,
}

pub fn print_head() {
    println!(
        "{:<40} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "server", "CPU µs/rq", "rq/s", "p50 µs", "p99 µs", "p99.9 µs", "bytes", "RSS MiB"
    );
}

/// A row whose server is not here.
pub fn print_missing(name: &str) {
    println!("{name:<40} not installed");
}

impl<'a> Line<'a> {
    pub fn new(name: &'a str, measured: &'a Measured) -> Self {
        Self { name, measured }
    }

    pub fn print(&self) {
        let Measured { latencies, bytes, took, server_time, resident_bytes, .. } = self.measured;
        let requests = latencies.len().max(1);
        println!(
            "{:<40} {:>9.1} {:>9.0} {:>8} {:>8} {:>8} {:>8} {:>8.1}  {}",
            self.name,
            server_time.as_secs_f64() * 1e6 / requests as f64,
            requests as f64 / took.as_secs_f64(),
            latencies.value_at_quantile(0.5),
            latencies.value_at_quantile(0.99),
            latencies.value_at_quantile(0.999),
            bytes / requests,
            *resident_bytes as f64 / (1024.0 * 1024.0),
            self.note(),
        );
    }

    /// Why the rate and the latencies are not the server's limit, if they are not.
    fn note(&self) -> String {
        let share = |time: Duration| time.as_secs_f64() / self.measured.took.as_secs_f64();
        let (server, load) = (share(self.measured.server_time), share(self.measured.load_time));
        match (server >= BUSY, load >= BUSY) {
            (true, _) => String::new(),
            (false, true) => format!("the load is the bottleneck: the server idles {:.0} %", (1.0 - server) * 100.0),
            (false, false) => {
                let (server, load) = (server * 100.0, load * 100.0);
                format!("the machine is not quiet: the server had {server:.0} % of a core, the load {load:.0} %")
            }
        }
    }
}
