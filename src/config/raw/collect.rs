//! `collect` of a rule file as written: what is read from pages, and what becomes of it.
//!
//! In: trees. Out: records. It must not judge selectors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::rules::RawMatch;
use crate::config::read::names::is_snake_case;
use crate::config::read::record::record;
use crate::config::read::shapes::choices;
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Entry, Node, Text, Value};
use crate::page::ValueKind;

record! {
    /// What is read from pages of some paths, and kept.
    RawCollect: "a map with `match`, `extract` and `item`" {
        /// The pages; all parts must fit.
        key "match" matches: RawMatch,
        /// What is read: `auto`, or named values.
        required "extract" extract: RawExtract,
        /// What is read is known as `items.KIND['KEY']` from then on.
        required "item" item: RawItem,
    }
    later ["type", "form", "when", "data"]
}

record! {
    /// Under which name what is read is known.
    RawItem: "a map with `kind` and `key`" {
        /// What it is: `product`.
        required "kind" kind: Text,
        /// What tells it from others, over `params`, `key` and what was read: `"{{ params.sku }}"`.
        required "key" key: Text,
    }
    later []
}

record! {
    /// One value: where it stands.
    RawLookup: "a map with `select`, `attribute` and `as`" {
        /// The element, the first that tells a value; without it, the element of `each`.
        key "select" select: Text,
        /// The attribute that holds it; without it, the element's text.
        key "attribute" attribute: Text,
        /// `text` (the default), `number` or `currency`.
        key "as" kind: ValueKind,
    }
    later []
}

/// What is read from a page.
#[derive(Clone, Debug)]
pub enum RawExtract {
    /// What pages say of themselves.
    Auto,
    Lookups {
        /// The element of each reading.
        each: Option<At<Text>>,
        lookups: Vec<(String, At<RawLookup>)>,
    },
}

choices!(ValueKind: "a kind of value" {
    "text" => ValueKind::Text, "number" => ValueKind::Number, "currency" => ValueKind::Currency,
});

const EXPECTED: &str = "`auto`, or a map from names to values: `{ price: { select: .price, as: number } }`";

impl Read for RawExtract {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let text = reader.text(node, EXPECTED)?;
            if text.value != "auto" {
                reader.mismatch(node, EXPECTED);
                return None;
            }
            return Some(Self::Auto);
        };
        let mut each = None;
        let mut lookups = Vec::with_capacity(entries.len());
        for Entry { key, key_span, node } in entries {
            if !is_snake_case(key) {
                let remedy = "begin with a lower-case letter, go on with those, digits and `_`";
                reader.report.error(*key_span, format!("the name `{key}` is not in snake_case"), remedy);
            }
            if **key == *"each" {
                let value = reader.text(node, "the selector of the element of each reading")?;
                each = Some(At { value, span: node.span, key: *key_span });
            } else if let Some(value) = RawLookup::read(node, reader) {
                lookups.push((key.to_string(), At { value, span: node.span, key: *key_span }));
            }
        }
        Some(Self::Lookups { each, lookups })
    }
}

impl JsonSchema for RawExtract {
    fn schema_name() -> Cow<'static, str> {
        "Extract".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "enum": ["auto"] },
            {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [generator.subschema_for::<RawLookup>(), generator.subschema_for::<Text>()],
                },
            },
        ] })
    }
}
