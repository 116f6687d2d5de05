//! How the servers behind fared, in the Prometheus text.
//!
//! In: figures. Out: lines. It must not count.

use std::fmt::Write;

use super::label;

/// How one server of an origin fared since it was first configured as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFigures {
    pub origin: String,
    pub server: String,
    /// Neither down by its health checks nor ejected.
    pub up: bool,
    pub in_flight: u64,
    pub requests: u64,
    /// Requests without an answer, or with 502, 503 or 504.
    pub failures: u64,
    /// Requests that came to it because a try before had failed.
    pub retries: u64,
    pub ejections: u64,
}

type Figure = fn(&ServerFigures) -> u64;

impl ServerFigures {
    const GAUGES: [(&'static str, &'static str, Figure); 2] = [
        ("up", "1 while a server is neither down nor ejected", |figures| u64::from(figures.up)),
        ("in_flight", "Exchanges with a server that have not ended", |figures| figures.in_flight),
    ];
    const COUNTERS: [(&'static str, &'static str, Figure); 4] = [
        ("requests", "Requests sent to a server", |figures| figures.requests),
        ("failures", "Requests that a server did not answer well", |figures| figures.failures),
        ("retries", "Requests that a server got because a try had failed", |figures| figures.retries),
        ("ejections", "Times a server was ejected", |figures| figures.ejections),
    ];

    /// Writes the lines of all servers behind `text`.
    pub(super) fn write(text: &mut String, servers: &[Self]) {
        for (kind, suffix, table) in [("gauge", "", &Self::GAUGES[..]), ("counter", "_total", &Self::COUNTERS)] {
            for (name, help, figure) in table {
                let _ = writeln!(text, "# HELP inlay_origin_{name} {help}.\n# TYPE inlay_origin_{name} {kind}");
                for server in servers {
                    let (origin, name_of) = (label(&server.origin), label(&server.server));
                    let value = figure(server);
                    let _ = writeln!(
                        text,
                        "inlay_origin_{name}{suffix}{{origin=\"{origin}\",server=\"{name_of}\"}} {value}"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_line() {
        let figures = ServerFigures {
            origin: "shop".into(),
            server: "10.0.0.5:3000".into(),
            up: true,
            in_flight: 2,
            requests: 40,
            ..ServerFigures::default()
        };
        let mut text = String::new();
        ServerFigures::write(&mut text, &[figures]);
        for line in [
            "inlay_origin_up{origin=\"shop\",server=\"10.0.0.5:3000\"} 1\n",
            "inlay_origin_in_flight{origin=\"shop\",server=\"10.0.0.5:3000\"} 2\n",
            "inlay_origin_requests_total{origin=\"shop\",server=\"10.0.0.5:3000\"} 40\n",
            "# TYPE inlay_origin_ejections counter\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
