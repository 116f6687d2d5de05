//! Values of rule files that come in several forms: a template, a fallback, what is wanted of a value.
//!
//! In: nodes. Out: one variant for each form.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::rules::{RawContent, TemplateFile};
use crate::config::read::shapes::OneOrMany;
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Entry, Node, Scalar, Style, Text, Value};

/// A template's source, or where it is.
#[derive(Clone, Debug)]
pub enum RawTemplate {
    Source(Text),
    File(Box<TemplateFile>),
}

/// What is tried when a content has nothing to show.
#[derive(Clone, Debug)]
pub enum RawFallback {
    Keep,
    Empty,
    Try(Vec<At<RawContent>>),
}

/// Names with what is wanted of their values.
#[derive(Clone, Debug)]
pub struct Wanteds<N>(pub Vec<(N, At<RawWanted>)>);

/// What is wanted of a value.
#[derive(Clone, Debug)]
pub enum RawWanted {
    Present,
    Absent,
    Like(Vec<Text>),
}

impl Read for RawTemplate {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => TemplateFile::read(node, reader).map(|file| Self::File(Box::new(file))),
            _ => reader.text(node, "a template, or `{ file: NAME }`").map(Self::Source),
        }
    }
}

impl Read for RawFallback {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a content, a list of contents, `keep` or `empty`";
        match &node.value {
            Value::Map(_) | Value::List(_) => {
                let OneOrMany(contents) = OneOrMany::<RawContent>::read(node, reader)?;
                Some(Self::Try(contents))
            }
            _ => {
                let text = reader.text(node, expected)?;
                match text.value.as_str() {
                    "keep" => Some(Self::Keep),
                    "empty" => Some(Self::Empty),
                    other => {
                        let remedy = format!("expected {expected}; for text write `{{ text: … }}`");
                        reader.report.error(text.span, format!("`{other}` is not a fallback"), remedy);
                        None
                    }
                }
            }
        }
    }
}

impl Read for RawWanted {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.style == Style::Plain && &*scalar.text == "true" => Some(Self::Present),
            Value::Scalar(scalar) if scalar.style == Style::Plain && &*scalar.text == "false" => Some(Self::Absent),
            _ => {
                let OneOrMany(texts) = OneOrMany::<Text>::read(node, reader)?;
                Some(Self::Like(texts.into_iter().map(|text| text.value).collect()))
            }
        }
    }
}

/// Names of headers, cookies and parameters are read like scalars of their own, so that they are checked alike.
impl<N: Read> Read for Wanteds<N> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            reader.mismatch(node, "a map from names to values, such as `{ tier: gold }`");
            return None;
        };
        let one = |entry: &Entry, reader: &mut Reader<'_>| {
            let scalar = Scalar { text: entry.key.as_ref().into(), style: Style::Plain };
            let name = N::read(&Node { span: entry.key_span, value: Value::Scalar(scalar) }, reader);
            let value = RawWanted::read(&entry.node, reader)?;
            Some((name?, At { value, span: entry.node.span, key: entry.key_span }))
        };
        Some(Self(entries.iter().filter_map(|entry| one(entry, reader)).collect()))
    }
}

impl JsonSchema for RawTemplate {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<TemplateFile>()] })
    }
}

impl JsonSchema for RawFallback {
    fn schema_name() -> Cow<'static, str> {
        "Fallback".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let contents = generator.subschema_for::<OneOrMany<RawContent>>();
        json_schema!({ "anyOf": [{ "enum": ["keep", "empty"] }, contents] })
    }
}

impl<N> JsonSchema for Wanteds<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanteds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<OneOrMany<Text>>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
