//! YAML 1.2 as a tree that knows where every node stands.
//!
//! In: a source. Out: its tree, and problems for what is no YAML or no YAML that we take. Scalars stay text with their
//! style: what a scalar means depends on who reads it, so `no`, `1.10` and `09:00` are never mangled. It must not know
//! which keys exist.

mod build;
mod flow;
mod offsets;
pub mod origin;
mod traps;
mod tree;

use std::ops::Range;
use std::rc::Rc;

use super::report::Report;
use super::source::SourceId;
use crate::limits::CONFIG_REPARSES;
pub use origin::Text;
pub use tree::{Entry, Node, Scalar, Style, Value};

/// The tree of a source; `None` if nothing of it can be read. An empty file is an empty map.
///
/// A trap that stops the YAML parser is noted and masked, then the source is read again: so one such mistake does not
/// hide the others. What cannot be masked ends the tree there, and leaves what stands above it.
pub fn parse(id: SourceId, report: &mut Report) -> Option<Rc<Node>> {
    let mut text = report.sources.get(id).text().to_owned();
    let mut masked: Vec<Range<usize>> = Vec::new();
    loop {
        let built = build::build(id, &text, &masked);
        let trap = built.stop.as_ref().map(|stop| traps::explain(&text, stop));
        if let Some(trap) = &trap {
            report.error(id.span(trap.at.clone()), trap.what.clone(), trap.remedy.clone());
        }
        let new = trap.as_ref().and_then(|trap| trap.mask.clone()).filter(|range| !masked.contains(range));
        match new.filter(|_| masked.len() < CONFIG_REPARSES) {
            Some(range) => {
                text.replace_range(range.clone(), &"x".repeat(range.len()));
                masked.push(range);
            }
            None => {
                for found in built.findings {
                    report.error(found.span, found.what, found.remedy).see_all(found.related);
                }
                if trap.is_some() {
                    report.set_incomplete();
                }
                return built.root;
            }
        }
    }
}

#[cfg(test)]
mod tests;
