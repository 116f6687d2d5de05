//! Shapes that many keys share: one or many, a list, a map of names, a choice of words, data of any kind.
//!
//! In: nodes. Out: typed values with their places. It must not know which key it reads.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::names::{is_snake_case, suggestion, to_snake_case};
use super::{At, Read, Reader};
use crate::config::yaml::{Node, Scalar, Style, Text, Value};

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub Vec<At<T>>);

/// A list.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<At<T>>);

/// A map from names in `snake_case` to definitions, in the order of the file. `key` of an entry is its name's place.
#[derive(Clone, Debug)]
pub struct Named<T>(pub Vec<(String, At<T>)>);

/// Values of any kind, for code to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Data(pub Json);

/// Words of which one is chosen. Implemented by [`choices!`].
pub trait Choice: Sized + Copy + 'static {
    /// The words with what they stand for.
    const WORDS: &'static [(&'static str, Self)];
}

fn items<T: Read>(nodes: &[std::rc::Rc<Node>], reader: &mut Reader<'_>) -> Vec<At<T>> {
    let item = |node: &std::rc::Rc<Node>, reader: &mut Reader<'_>| {
        T::read(node, reader).map(|value| At { value, span: node.span, key: node.span })
    };
    nodes.iter().filter_map(|node| item(node, reader)).collect()
}

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            // A list of which nothing could be read is not an empty list.
            Value::List(nodes) => {
                Some(Self(items(nodes, reader))).filter(|read| nodes.is_empty() || !read.0.is_empty())
            }
            _ => T::read(node, reader).map(|value| Self(vec![At { value, span: node.span, key: node.span }])),
        }
    }
}

impl<T: Read> Read for List<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::List(nodes) => Some(Self(items(nodes, reader))),
            _ => {
                reader.mismatch(node, "a list");
                None
            }
        }
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            // A section whose entries are all commented out is an empty section.
            if !matches!(&node.value, Value::Scalar(scalar) if scalar.is_null()) {
                reader.mismatch(node, "a map from names to definitions");
            }
            return None;
        };
        let mut named = Vec::with_capacity(entries.len());
        for entry in entries {
            if !is_snake_case(&entry.key) {
                let remedy = match to_snake_case(&entry.key).as_str() {
                    hint if is_snake_case(hint) => format!("name it `{hint}`"),
                    _ => "begin with a lower-case letter, go on with those, digits and `_`".to_owned(),
                };
                reader.report.error(entry.key_span, format!("the name `{}` is not in snake_case", entry.key), remedy);
            }
            if let Some(value) = T::read(&entry.node, reader) {
                let at = At { value, span: entry.node.span, key: entry.key_span };
                named.push((entry.key.to_string(), at));
            }
        }
        Some(Self(named))
    }
}

impl Read for Text {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(node, "text")
    }
}

/// Reads a choice.
pub fn choice<T: Choice>(node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<T> {
    let words = T::WORDS.iter().map(|(word, _)| *word);
    let all: Vec<&str> = words.clone().collect();
    let text = reader.text(node, &format!("{what}: one of {}", super::names::listed(&all)))?;
    let found = T::WORDS.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
    if found.is_none() {
        let remedy = suggestion(&text.value, words, "");
        reader.report.error(text.span, format!("`{}` is not {what}", text.value), remedy);
    }
    found
}

/// Makes `$type` readable as one of some words: `choices!(Place: "a place" { "before" => Place::Before, … })`.
macro_rules! choices {
    ($type:ty: $what:literal { $($word:literal => $value:expr),+ $(,)? }) => {
        impl $crate::config::read::shapes::Choice for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }

        impl $crate::config::read::Read for $type {
            fn read(
                node: &$crate::config::yaml::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                $crate::config::read::shapes::choice(node, $what, reader)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": [$($word),+] })
            }
        }
    };
}

pub(crate) use choices;

impl Read for Data {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let json = match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => Json::Null,
            Value::Scalar(scalar) => plain(scalar, node, reader)?,
            Value::List(nodes) => items::<Data>(nodes, reader).into_iter().map(|item| item.value.0).collect(),
            Value::Map(entries) => {
                let mut map = serde_json::Map::new();
                for entry in entries {
                    if let Some(Data(value)) = Data::read(&entry.node, reader) {
                        map.insert(entry.key.to_string(), value);
                    }
                }
                Json::Object(map)
            }
            Value::Braces | Value::Faulty => {
                reader.mismatch(node, "a value");
                return None;
            }
        };
        Some(Self(json))
    }
}

/// A scalar whose kind nobody knows but its own looks, by the core schema of YAML 1.2. Looks that mislead are told.
fn plain(scalar: &Scalar, node: &Node, reader: &mut Reader<'_>) -> Option<Json> {
    let text = reader.text(node, "a value")?;
    if scalar.style != Style::Plain {
        return Some(text.value.into());
    }
    let word = text.value.as_str();
    if matches!(word.to_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n") {
        let what = format!("`{word}` is text in YAML 1.2, not true or false");
        reader.report.warn(text.span, what, "write `true` or `false`, or put it in quotes");
    }
    let digits = word.trim_start_matches(['-', '+']);
    let number = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if number && digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let what = format!("`{word}` would be a number and lose its leading zero");
        reader.report.error(text.span, what, "put it in quotes if it is text, or write the number without the zero");
        return None;
    }
    Some(match word {
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => match (number, word.parse::<i64>(), word.parse::<f64>()) {
            (true, Ok(integer), _) => integer.into(),
            (true, _, Ok(float)) if float.is_finite() => float.into(),
            _ => text.value.into(),
        },
    })
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>() })
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$" },
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}
