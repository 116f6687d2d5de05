//! A file of messages, as Fluent writes them, into [patterns](super::pattern).
//!
//! In: the text of one file. Out: its messages and terms by key, and all that is wrong with it by itself. Whether what a message leads to
//! exists is for who knows the other files.

use std::ops::Range;
use std::sync::Arc;

use fixed_decimal::Decimal;
use fluent_syntax::ast::{self, Entry, Expression, InlineExpression, PatternElement, VariantKey};
use fluent_syntax::parser::parse;
use fluent_syntax::unicode::unescape_unicode_to_string;

use super::fault::Fault;
use super::options;
use super::pattern::{Part, Pattern, Reference, Said, Variant};
use crate::limits;

/// One key of a file: a message, a term, or an attribute of either.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// `hello`, `hello.title`, `-brand`.
    pub key: Arc<str>,
    pub pattern: Pattern,
    pub file: usize,
    /// Where its name stands.
    pub at: Range<usize>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub items: Vec<Item>,
    pub faults: Vec<Fault>,
}

/// Reads one file.
pub(super) fn read(file: usize, text: &str) -> Read {
    let mut reading = Reading { file, text, read: Read::default() };
    if let Some(at) = too_deep(text) {
        let what = format!("braces stand more than {} deep here", limits::MESSAGE_NESTING);
        reading.fault(at..at + 1, what, "close them, or make messages of the inner ones");
        return reading.read;
    }
    let resource = match parse(text) {
        Ok(resource) => resource,
        Err((resource, errors)) => {
            for error in errors {
                let at = what_breaks_off(text, error.pos.clone());
                let remedy =
                    "compare it with the guide to Fluent's syntax: `key = value`, variants in `[…]`, one with `*`";
                reading.fault(at, lower(&error.to_string()), remedy);
            }
            resource
        }
    };
    for entry in &resource.body {
        reading.entry(entry);
    }
    reading.read
}

/// The parser recurses, so braces within braces are counted before it runs; a line that begins a message begins anew.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut start_of_line = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ if start_of_line && (byte.is_ascii_alphabetic() || byte == b'-') => depth = 0,
            _ => {}
        }
        if depth > limits::MESSAGE_NESTING {
            return Some(at);
        }
        start_of_line = byte == b'\n';
    }
    None
}

/// Where an error is shown: at what it follows, if it shows only at the beginning of a later line.
fn what_breaks_off(text: &str, at: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(at.start.min(text.len()));
    let before = &text[..start];
    if before.ends_with('\n') {
        let written = before.trim_end();
        return text.floor_char_boundary(written.len().saturating_sub(1))..written.len();
    }
    start..text.ceil_char_boundary(at.end.clamp(start, text.len()))
}

/// The parser's words begin with a capital; ours go on in a line.
fn lower(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

struct Reading<'t> {
    file: usize,
    text: &'t str,
    read: Read,
}

impl<'t> Reading<'t> {
    fn fault(&mut self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.read.faults.push(Fault::error(self.file, at, what, remedy));
    }

    /// Where a slice of the text stands in it.
    fn place(&self, slice: &str) -> Range<usize> {
        let start = (slice.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let start = start.min(self.text.len());
        start..(start + slice.len()).min(self.text.len())
    }

    fn entry(&mut self, entry: &Entry<&'t str>) {
        match entry {
            Entry::Message(message) => {
                let name = message.id.name;
                if let Some(value) = &message.value {
                    self.item(name, name.into(), value);
                }
                self.attributes(name, &message.attributes);
            }
            Entry::Term(term) => {
                let key = format!("-{}", term.id.name);
                self.item(term.id.name, key.as_str().into(), &term.value);
                self.attributes(&key, &term.attributes);
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {}
        }
    }

    fn attributes(&mut self, of: &str, attributes: &[ast::Attribute<&'t str>]) {
        for attribute in attributes {
            let name = attribute.id.name;
            self.item(name, format!("{of}.{name}").into(), &attribute.value);
        }
    }

    fn item(&mut self, name: &str, key: Arc<str>, pattern: &ast::Pattern<&'t str>) {
        let (at, pattern) = (self.place(name), self.pattern(pattern));
        self.read.items.push(Item { key, pattern, file: self.file, at });
    }

    fn pattern(&mut self, pattern: &ast::Pattern<&'t str>) -> Pattern {
        let parts = pattern.elements.iter().filter_map(|element| match element {
            PatternElement::TextElement { value } => Some(Part::Text((*value).into())),
            PatternElement::Placeable { expression } => self.expression(expression),
        });
        Pattern(parts.collect())
    }

    fn expression(&mut self, expression: &Expression<&'t str>) -> Option<Part> {
        match expression {
            // What is in braces twice is said once.
            Expression::Inline(InlineExpression::Placeable { expression }) => self.expression(expression),
            Expression::Inline(inline) => self.said(inline).map(Part::Said),
            Expression::Select { selector, variants } => {
                let on = self.said(selector)?;
                let otherwise = variants.iter().position(|variant| variant.default)?;
                let variants = variants.iter().map(|variant| (key(&variant.key), self.pattern(&variant.value)));
                Some(Part::Choice { on, variants: variants.collect(), otherwise })
            }
        }
    }

    fn said(&mut self, inline: &InlineExpression<&'t str>) -> Option<Said> {
        match inline {
            InlineExpression::StringLiteral { value } => {
                Some(Said::Text(unescape_unicode_to_string(value).into_owned().into()))
            }
            InlineExpression::NumberLiteral { value } => value.parse().ok().map(Said::Number),
            InlineExpression::VariableReference { id } => Some(Said::Value(id.name.into())),
            InlineExpression::MessageReference { id, attribute } => {
                let key = with_attribute(id.name.to_owned(), attribute.as_ref());
                Some(Said::Other(Reference { key: key.into(), with: None, at: self.place(id.name) }))
            }
            InlineExpression::TermReference { id, attribute, arguments } => {
                let named = arguments.iter().flat_map(|arguments| &arguments.named);
                let with = named.filter_map(|one| Some((one.name.name.into(), self.said(&one.value)?))).collect();
                let key = with_attribute(format!("-{}", id.name), attribute.as_ref());
                Some(Said::Other(Reference { key: key.into(), with: Some(with), at: self.place(id.name) }))
            }
            InlineExpression::FunctionReference { id, arguments } => self.call(id.name, arguments),
            InlineExpression::Placeable { expression } => match &**expression {
                Expression::Inline(inline) => self.said(inline),
                Expression::Select { .. } => None,
            },
        }
    }

    /// `NUMBER(…)` and `DATETIME(…)`: what is written beside the value is known now, and so is what is wrong with it.
    fn call(&mut self, name: &'t str, arguments: &ast::CallArguments<&'t str>) -> Option<Said> {
        let at = self.place(name);
        if let Err((what, remedy)) = options::known(name) {
            self.fault(at, what, remedy);
            return None;
        }
        let [of] = &arguments.positional[..] else {
            self.fault(at, format!("`{name}` takes one value before its options"), format!("write `{name}($value)`"));
            return None;
        };
        let of = Box::new(self.said(of)?);
        let mut options = options::Options::default();
        for one in &arguments.named {
            let value = match &one.value {
                InlineExpression::StringLiteral { value } => unescape_unicode_to_string(value).into_owned(),
                InlineExpression::NumberLiteral { value } => (*value).to_owned(),
                _ => continue,
            };
            if let Err((what, remedy)) = options.set(name, one.name.name, &value) {
                self.fault(self.place(one.name.name), what, remedy);
            }
        }
        match options.of(name, of) {
            Ok(said) => Some(said),
            Err((what, remedy)) => {
                self.fault(at, what, remedy);
                None
            }
        }
    }
}

fn with_attribute(name: String, attribute: Option<&ast::Identifier<&str>>) -> String {
    attribute.map_or(name.clone(), |attribute| format!("{name}.{}", attribute.name))
}

fn key(key: &VariantKey<&str>) -> Variant {
    match key {
        VariantKey::Identifier { name } => Variant::Word((*name).into()),
        VariantKey::NumberLiteral { value } => {
            value.parse::<Decimal>().map_or_else(|_| Variant::Word((*value).into()), Variant::Number)
        }
    }
}
