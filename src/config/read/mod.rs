//! From the tree to typed values, by what each key expects, without stopping at the first mistake.
//!
//! In: nodes. Out: values, and problems for what does not fit. A value that can't be read is `None` and its problem is
//! noted already, so that everything around it is still looked at. It must not know what the values are for.

pub mod names;
pub mod record;
pub mod scalars;
pub mod shapes;

use std::ops::Deref;

use super::report::Report;
use super::source::Span;
use super::variables::{Environment, exchange};
use super::yaml::{Node, Text, Value};

/// A type that can be read from a node.
pub trait Read: Sized {
    /// The value, or `None` after noting what is wrong.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub span: Span,
    /// Its key; in a list the value itself.
    pub key: Span,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// What reading needs besides the tree.
#[derive(Debug)]
pub struct Reader<'a> {
    pub report: &'a mut Report,
    pub environment: &'a Environment,
    /// Texts that variables became a part of: equal files mean something else when these change.
    pub exchanged: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader that notes what is wrong in `report`.
    pub fn new(report: &'a mut Report, environment: &'a Environment) -> Self {
        Self { report, environment, exchanged: Vec::new() }
    }
}

impl Reader<'_> {
    /// A scalar's text with its variables exchanged; `expected` is what a message says should be here.
    pub fn text(&mut self, node: &Node, expected: &str) -> Option<Text> {
        let Value::Scalar(scalar) = &node.value else {
            self.mismatch(node, expected);
            return None;
        };
        if scalar.is_null() {
            self.missing_value(node, expected);
            return None;
        }
        let text = Text::new(scalar.text.as_ref(), scalar.style, node.span);
        let Some(exchanged) = exchange(&text.value, self.environment) else { return Some(text) };
        for unresolved in &exchanged.unresolved {
            let span = text.place(&self.report.sources, unresolved.at.clone());
            self.report.error(span, unresolved.what.clone(), unresolved.remedy.clone());
        }
        self.exchanged.push(exchanged.value.clone());
        exchanged.unresolved.is_empty().then(|| text.exchange(exchanged.value, exchanged.swaps))
    }

    /// Notes that `node` is not what is expected here.
    pub fn mismatch(&mut self, node: &Node, expected: &str) {
        let mut hint = "";
        let found = match &node.value {
            Value::Faulty => return,
            Value::Braces => {
                let remedy = "put the whole text in quotes, or on lines of its own below `|`";
                self.report.error(node.span, "`{{` without quotes is a map for YAML", remedy);
                return;
            }
            Value::Scalar(scalar) if scalar.is_null() => return self.missing_value(node, expected),
            Value::Scalar(_) => "a single value",
            Value::List(_) => {
                // `[data-sku]` is a selector for its author.
                let brackets = self.report.sources.text(node.span).starts_with('[');
                hint = if brackets && matches!(expected.split(",").next(), Some("text" | "a template")) {
                    "; put it in quotes if it is one"
                } else {
                    ""
                };
                "a list"
            }
            Value::Map(_) => "a map",
        };
        self.report.error(node.span, format!("this is {found}"), format!("expected {expected}{hint}"));
    }

    /// Notes that nothing stands here; what made something else of the value is told.
    fn missing_value(&mut self, node: &Node, expected: &str) {
        let source = self.report.sources.get(node.span.source);
        let after = source.text()[source.floor(node.span.end as usize)..].lines().next().unwrap_or_default();
        let rest = after.trim_start().trim_start_matches(':').trim();
        let word = rest.split([' ', ',', '}', ']']).next().unwrap_or_default();
        let hidden = match rest.as_bytes() {
            [b'#', next, ..] if *next != b' ' => Some((rest, "a comment")),
            [b'&', ..] => Some((word, "an anchor")),
            // A tag is told already.
            [b'!', ..] => return,
            _ => None,
        };
        match hidden {
            Some((text, meaning)) => {
                let what = format!("`{text}` is {meaning} for YAML, so there is no value");
                self.report.error(node.span, what, format!("put it in quotes: \"{text}\""));
            }
            None => {
                self.report.error(node.span, "there is no value", format!("expected {expected}"));
            }
        }
    }
}
