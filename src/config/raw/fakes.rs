//! What sources do in tests, as written.
//!
//! In: a tree. Out: [`RawFake`]. It must not know which sources there are.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Integer};
use crate::config::read::shapes::{Data, choices};
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};
use crate::content::source::fakes::Failing;

record! {
    /// What a source answers in a test: one of `json`, `body` and `error`, or a `status` alone.
    RawFaked: "`real`, or a map with `json`, `body`, `status` or `error`" {
        /// What it answers.
        key "json" json: Data,
        /// What it answers, as text.
        key "body" body: Text,
        /// Of `body`; as the source's format is by default.
        key "content_type" content_type: Text,
        /// 200 by default.
        key "status" status: Integer,
        /// How it fails: `unreachable`, `timeout` or `broken`.
        key "error" error: Failing,
        /// How long it takes; a slot that is due before is late.
        key "delay" delay: Duration,
    }
    later []
}

/// What a source does in a test.
#[derive(Clone, Debug)]
pub enum RawFake {
    /// It is asked.
    Real,
    Faked(Box<RawFaked>),
}

choices!(Failing: "a failure" {
    "unreachable" => Failing::Unreachable, "timeout" => Failing::Timeout, "broken" => Failing::Broken,
});

impl Read for RawFake {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if &*scalar.text == "real" => Some(Self::Real),
            _ => RawFaked::read(node, reader).map(|faked| Self::Faked(Box::new(faked))),
        }
    }
}

impl JsonSchema for RawFake {
    fn schema_name() -> Cow<'static, str> {
        "Fake".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "real" }, generator.subschema_for::<RawFaked>()] })
    }
}
