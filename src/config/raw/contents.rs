//! Contents of rule files as written, with what stands in for them.
//!
//! In: trees. Out: records with the key that was chosen. It must not look a name up.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::raw::fetches::RawFetch;
use crate::config::raw::functions::RawBounds;
use crate::config::read::record::{Field, record};
use crate::config::read::scalars::Duration;
use crate::config::read::shapes::{Data, OneOrMany, choices};
use crate::config::read::{At, Read, Reader};
use crate::config::source::Span;
use crate::config::yaml::{Node, Text, Value};
use crate::content::Blank;

record! {
    /// A content: exactly one of `html`, `text`, `template`, `function`, `fetch` and `fragment`, and what happens when it has
    /// nothing to show.
    RawContent: "a content: a map with one of `html`, `text`, `template`, `function`, `fetch` and `fragment`" {
        /// HTML as it stands.
        key "html" html: Text,
        /// Text; it is escaped for its place.
        key "text" text: Text,
        /// A template, or `{ file: NAME }` from `rules/templates`.
        key "template" template: RawTemplate,
        /// The name of a function: its file below `rules/functions`, without `.js`.
        key "function" function: Text,
        /// What the function is given, as `input.with`: values of any kind.
        key "with" with: Data,
        /// What a call of the function may use, where that is not what `functions` in inlay.yaml says.
        key "bounds" bounds: RawBounds,
        /// The name of a source whose HTML is laid in as it comes, or `{ source: NAME, with: { param: TEMPLATE } }`.
        key "fetch" fetch: RawFetch,
        /// The name of one of `fragments`.
        key "fragment" fragment: Text,
        /// How long after the start of the request it may come; 300ms by default.
        key "deadline" deadline: Duration,
        /// `show` lays in what is only white space; by default (`keep`) that is nothing to show.
        key "blank" blank: Blank,
        /// What is shown instead: a content, a list of contents, `keep` (what the origin had; the default) or `empty`.
        key "fallback" fallback: RawFallback,
    }
    later ["decision", "json"]
}

record! {
    /// A template in a file of its own.
    TemplateFile: "a map with `file`" {
        /// The file's name below `rules/templates`.
        required "file" file: Text,
    }
    later []
}

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

choices!(Blank: "a choice for blank output" { "keep" => Blank::Keep, "show" => Blank::Show });

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

impl RawContent {
    /// The kinds of content that were written, each with its key's place.
    pub fn kinds(&self) -> Vec<(&'static str, Span)> {
        fn key<T>(name: &'static str, field: &Field<T>) -> Option<(&'static str, Span)> {
            field.as_ref().map(|at| (name, at.key))
        }
        let all = [
            key("html", &self.html),
            key("text", &self.text),
            key("template", &self.template),
            key("function", &self.function),
            key("fetch", &self.fetch),
            key("fragment", &self.fragment),
        ];
        all.into_iter().flatten().collect()
    }
}
