//! How fragments fared, in the Prometheus text.
//!
//! In: figures. Out: lines. It must not count.

use std::fmt::Write;

use super::label;

/// How a fragment fared in the current revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FragmentFigures {
    pub name: String,
    pub renders: u64,
    pub hits: u64,
    pub blanks: u64,
    pub failures: u64,
    /// The paths that its code read so far, separated by spaces.
    pub varies_by: String,
}

type Figure = fn(&FragmentFigures) -> u64;

impl FragmentFigures {
    const NAMES: [(&'static str, &'static str, Figure); 4] = [
        ("renders", "Renders of a fragment", |figures| figures.renders),
        ("hits", "Fragments taken from the cache", |figures| figures.hits),
        ("blanks", "Fragments that had nothing to show", |figures| figures.blanks),
        ("failures", "Fragments that failed", |figures| figures.failures),
    ];

    /// Writes the lines of all fragments behind `text`.
    pub(super) fn write(text: &mut String, fragments: &[Self]) {
        for (name, help, figure) in Self::NAMES {
            let _ = writeln!(text, "# HELP inlay_fragment_{name} {help}.\n# TYPE inlay_fragment_{name} counter");
            for fragment in fragments {
                let _ = writeln!(
                    text,
                    "inlay_fragment_{name}_total{{fragment=\"{}\"}} {}",
                    label(&fragment.name),
                    figure(fragment)
                );
            }
        }
        text.push_str(
            "# HELP inlay_fragment_varies What a fragment was seen to vary by.\n# TYPE inlay_fragment_varies gauge\n",
        );
        for fragment in fragments {
            let (name, by) = (label(&fragment.name), label(&fragment.varies_by));
            let _ = writeln!(text, "inlay_fragment_varies{{fragment=\"{name}\",by=\"{by}\"}} 1");
        }
    }
}
