//! Maps whose keys are names of parameters, headers, cookies; and what is wanted of their values.
//!
//! In: nodes. Out: one variant for each form. It must not compile patterns for anything but values.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::shapes::OneOrMany;
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Entry, Node, Scalar, Style, Text, Value};

/// Names, each with something.
#[derive(Clone, Debug)]
pub struct Keyed<N, V>(pub Vec<(N, At<V>)>);

/// Names with what is wanted of their values.
pub type Wanteds<N> = Keyed<N, RawWanted>;

/// What is wanted of a value.
#[derive(Clone, Debug)]
pub enum RawWanted {
    Present,
    Absent,
    Like(Vec<Text>),
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
impl<N: Read, V: Read> Read for Keyed<N, V> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            reader.mismatch(node, "a map from names to values, such as `{ tier: gold }`");
            return None;
        };
        let one = |entry: &Entry, reader: &mut Reader<'_>| {
            let scalar = Scalar { text: entry.key.as_ref().into(), style: Style::Plain };
            let name = N::read(&Node::whole(entry.key_span, Value::Scalar(scalar)), reader);
            let value = V::read(&entry.node, reader)?;
            Some((name?, At { value, span: entry.node.span, key: entry.key_span }))
        };
        Some(Self(entries.iter().filter_map(|entry| one(entry, reader)).collect()))
    }
}

impl JsonSchema for RawWanted {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<OneOrMany<Text>>()
    }
}

impl<N, V: JsonSchema> JsonSchema for Keyed<N, V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Keyed{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
