//! `audiences` as written: a condition, or the long form of one definition.
//!
//! In: a tree. Out: [`RawAudience`]. It must not judge what belongs together.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::record::record;
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};

record! {
    /// An audience in its long form.
    AudienceForm: "a condition, or a map with `when` or `list`" {
        /// The condition on the visitor, the request or the time.
        key "when" when: Text,
        /// `true` for a list of profiles that are put there: by `inlay audiences import NAME FILE`, or by the admin API.
        key "list" list: bool,
    }
    later ["journey"]
}

/// An audience.
#[derive(Clone, Debug)]
pub enum RawAudience {
    When(Text),
    Form(AudienceForm),
}

impl Read for RawAudience {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => AudienceForm::read(node, reader).map(Self::Form),
            _ => reader.text(node, "a condition, or a map with `when` or `list`").map(Self::When),
        }
    }
}

impl JsonSchema for RawAudience {
    fn schema_name() -> Cow<'static, str> {
        "Audience".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<Text>(), generator.subschema_for::<AudienceForm>()] })
    }
}
