//! The tree of a YAML file.
//!
//! In: nodes, as they are built. Out: the same, with the place of each. It must not interpret a scalar: what its text
//! means is for its reader to say.

use std::rc::Rc;

use crate::config::source::Span;

/// A value in a file.
#[derive(Debug)]
pub struct Node {
    /// A scalar's text; of a map its first key, of a list its first character.
    pub span: Span,
    pub value: Value,
    /// The file broke off inside it: what it lacks may stand where nothing could be read.
    pub cut: bool,
}

impl Node {
    /// A node that was read to its end.
    pub fn whole(span: Span, value: Value) -> Self {
        Self { span, value, cut: false }
    }
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
