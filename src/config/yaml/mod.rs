//! YAML 1.2 as a tree that knows where every node stands.
//!
//! In: a source. Out: its tree, and problems for what is no YAML or no YAML that we take. Scalars stay text with their
//! style: what a scalar means depends on who reads it, so `no`, `1.10` and `09:00` are never mangled. It must not know
//! which keys exist.

mod build;
pub mod origin;
mod traps;

use std::rc::Rc;

use super::report::Report;
use super::source::{SourceId, Span};
use crate::limits::CONFIG_REPARSES;
pub use origin::Text;

/// A value in a file.
#[derive(Debug)]
pub struct Node {
    /// A scalar's text; of a map its first key, of a list its first character.
    pub span: Span,
    pub value: Value,
}

/// The kinds of values.
#[derive(Debug)]
pub enum Value {
    /// Also null, which is a plain scalar.
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
    /// `{{ … }}` without quotes: for YAML a map whose key is a map.
    Braces,
    /// A problem is noted already; whoever reads it stays silent.
    Faulty,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A scalar as YAML decodes it, without a meaning.
#[derive(Debug)]
pub struct Scalar {
    pub text: Box<str>,
    pub style: Style,
}

impl Scalar {
    /// Whether it is null: empty, `~` or `null`, without quotes.
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }
}

/// A key with its value.
#[derive(Debug)]
pub struct Entry {
    pub key: Rc<str>,
    pub key_span: Span,
    pub node: Rc<Node>,
}

/// The tree of a source; `None` if nothing of it can be read. An empty file is an empty map.
///
/// A trap that stops the YAML parser is noted and its character masked, then the source is read again: so one such
/// mistake does not hide the others.
pub fn parse(id: SourceId, report: &mut Report) -> Option<Rc<Node>> {
    let source = report.sources.get(id).clone();
    let mut text = source.text().to_owned();
    let mut masked = Vec::new();
    for _ in 0..CONFIG_REPARSES {
        let error = match build::build(id, &text, &masked) {
            Ok(built) => {
                for found in built.findings {
                    report.error(found.span, found.what, found.remedy).see_all(found.related);
                }
                return Some(built.root);
            }
            Err(error) => error,
        };
        let trap = traps::explain(&text, &error);
        report.error(id.span(trap.at.clone()), trap.what, trap.remedy);
        let Some((at, by)) = trap.mask.filter(|(at, _)| !masked.contains(at)) else { break };
        debug_assert!(by.is_ascii() && text.as_bytes()[at].is_ascii());
        text.replace_range(at..=at, by.encode_utf8(&mut [0; 4]));
        masked.push(at);
    }
    report.set_incomplete();
    None
}

#[cfg(test)]
mod tests;
