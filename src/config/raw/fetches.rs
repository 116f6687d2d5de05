//! `fetch` of a content as written.
//!
//! In: a tree. Out: the source, and what it is called with. It must not look a name up.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::wanted::Keyed;
use crate::config::read::record::record;
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};

record! {
    /// A source whose HTML is laid in, and what it is called with.
    FetchCall: "a map with `source`" {
        /// The source's name.
        required "source" source: Text,
        /// What it is called with: its params, each a template.
        key "with" with: Keyed<Text, Text>,
    }
    later []
}

/// A source's name, or the call in full.
#[derive(Clone, Debug)]
pub enum RawFetch {
    Source(Text),
    Call(Box<FetchCall>),
}

impl RawFetch {
    /// The source, and what it is called with.
    pub fn call(&self) -> (Option<&Text>, Option<&Keyed<Text, Text>>) {
        match self {
            Self::Source(name) => (Some(name), None),
            Self::Call(call) => (call.source.as_ref().map(|at| &at.value), call.with.as_ref().map(|at| &at.value)),
        }
    }
}

impl Read for RawFetch {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => FetchCall::read(node, reader).map(|call| Self::Call(Box::new(call))),
            _ => reader.text(node, "the name of a source, or `{ source: NAME, with: { … } }`").map(Self::Source),
        }
    }
}

impl JsonSchema for RawFetch {
    fn schema_name() -> Cow<'static, str> {
        "Fetch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<FetchCall>()] })
    }
}
