//! What the selectors of rules find, in the Prometheus text.
//!
//! In: figures of the current revision. Out: lines. It must not count.

use std::fmt::Write;

use super::label;

/// How the selector of one injection fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectorFigures {
    /// The injection's name: `rule.1`.
    pub injection: String,
    /// Pages in which it was looked for, whether or not its rule applied.
    pub pages: u64,
    /// Elements that it found in them.
    pub found: u64,
    /// It used to match, and found nothing in many pages.
    pub stopped: bool,
}

type Figure = fn(&SelectorFigures) -> u64;

impl SelectorFigures {
    const FIGURES: [(&'static str, &'static str, &'static str, Figure); 3] = [
        ("pages", "counter", "Pages in which a selector was looked for", |figures| figures.pages),
        ("matches", "counter", "Elements that a selector found", |figures| figures.found),
        ("stopped", "gauge", "1 while a selector that used to match finds nothing", |figures| {
            u64::from(figures.stopped)
        }),
    ];

    /// Writes the lines of all selectors behind `text`.
    pub(super) fn write(text: &mut String, selectors: &[Self]) {
        for (name, kind, help, figure) in Self::FIGURES {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let _ = writeln!(text, "# HELP inlay_selector_{name} {help}.\n# TYPE inlay_selector_{name} {kind}");
            for selector in selectors {
                let (injection, value) = (label(&selector.injection), figure(selector));
                let _ = writeln!(text, "inlay_selector_{name}{suffix}{{injection=\"{injection}\"}} {value}");
            }
        }
    }
}
