//! Maps with known keys: one declaration makes the type, its reader and its JSON Schema, so that they cannot differ.
//!
//! In: a `record!` declaration. Out: a struct of optional fields that implements [`Read`] and `JsonSchema`. Unknown
//! keys are errors with the nearest known one; keys of later versions say so. It must not
//! know what any record means.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::names::{nearest, suggestion};
use super::{At, Read, Reader};
use crate::config::source::Span;
use crate::config::yaml::{Entry, Node, Value};

/// A field as read: `None` if the key is missing, or its value could not be read, which then is noted already.
pub type Field<T> = Option<At<T>>;

/// A key of a record.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    /// What the author may want to know about it.
    pub doc: &'static str,
    pub required: bool,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Keys of a map that are there, perhaps misspelt, but could not be read. Their problem is noted already: that they
/// are missing is no further one.
#[derive(Clone, Debug, Default)]
pub struct Unreadable {
    keys: Vec<String>,
    /// The map was cut off: any key may be among them.
    cut: bool,
}

impl Unreadable {
    /// Adds a key that something else than the file gave, and gave wrongly.
    pub fn add(&mut self, key: &str) {
        self.keys.push(key.to_owned());
    }

    /// Whether one of `keys` is among them.
    pub fn any(&self, keys: &[&str]) -> bool {
        self.cut || self.keys.iter().any(|key| keys.contains(&key.as_str()))
    }
}

/// What `record!` implements.
pub trait Record: Sized {
    /// All keys, in the order of the declaration.
    fn keys() -> Vec<Key>;
    /// Keys that a later version will have.
    fn later() -> Vec<&'static str>;
    /// The fields from a map's entries.
    fn take(fields: &mut Fields<'_>, reader: &mut Reader<'_>) -> Self;
    /// Tells which keys are there but could not be read.
    fn set_unreadable(&mut self, keys: &Unreadable);
}

/// The entries of one map, and where it stands.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: &'a [Entry],
    pub span: Span,
    unreadable: Unreadable,
}

impl<'a> Fields<'a> {
    /// The entries of `node`; anything but a map is noted.
    pub fn of(node: &'a Node, expected: &str, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => {
                let unreadable = Unreadable { keys: Vec::new(), cut: node.cut };
                Some(Self { entries, span: node.span, unreadable })
            }
            _ => {
                reader.mismatch(node, expected);
                None
            }
        }
    }

    /// The value of a key.
    pub fn field<T: Read>(&mut self, name: &str, reader: &mut Reader<'_>) -> Field<T> {
        let entry = self.entries.iter().find(|entry| &*entry.key == name)?;
        let value = T::read(&entry.node, reader);
        if value.is_none() {
            self.unreadable.keys.push(name.to_owned());
        }
        Some(At { value: value?, span: entry.node.span, key: entry.key_span })
    }

    /// Notes unknown and missing keys; tells `record` which could not be read.
    pub fn finish<R: Record>(mut self, record: &mut R, reader: &mut Reader<'_>) {
        let keys = R::keys();
        let known = keys.iter().map(|key| key.name);
        for entry in self.entries.iter().filter(|entry| !known.clone().any(|name| name == &*entry.key)) {
            let name = &*entry.key;
            self.unreadable.keys.push(nearest(name, known.clone()).unwrap_or(name).to_owned());
            if R::later().contains(&name) {
                let what = format!("this version of Inlay does not have `{name}` yet");
                reader.report.error(entry.key_span, what, "remove it");
            } else if entry.follows_comma(reader) {
                let remedy = "put the text before it in quotes if the `,` belongs to that";
                reader.report.error(entry.key_span, format!("unknown key `{name}`, without a value"), remedy);
            } else {
                let remedy = suggestion(name, known.clone(), "remove it");
                reader.report.error(entry.key_span, format!("unknown key `{name}`"), remedy);
            }
        }
        let there = |key: &Key| self.entries.iter().any(|entry| &*entry.key == key.name);
        for key in keys.iter().filter(|key| key.required && !there(key) && !self.unreadable.any(&[key.name])) {
            let what = format!("`{}` is missing", key.name);
            reader.report.error(self.span, what, format!("add it: {}", sentence(key.doc)));
        }
        record.set_unreadable(&self.unreadable);
    }
}

impl Entry {
    /// Whether it is no more than what follows a comma, as in `{ text: Hello, you }`.
    fn follows_comma(&self, reader: &Reader<'_>) -> bool {
        let text = reader.report.sources.get(self.key_span.source).text();
        let before = text.get(..self.key_span.start as usize).unwrap_or_default().trim_end();
        matches!(&self.node.value, Value::Scalar(scalar) if scalar.is_null()) && before.ends_with(',')
    }
}

/// A doc comment's first sentence, to stand in the middle of one.
fn sentence(doc: &str) -> String {
    let doc = doc.trim();
    let end = doc.find(". ").unwrap_or(doc.len());
    let mut text = doc[..end].trim_end_matches('.').replace('\n', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// The schema of a record.
pub fn schema_of<R: Record>(doc: &str, generator: &mut SchemaGenerator) -> Schema {
    let keys = R::keys();
    let mut properties = Map::new();
    for key in &keys {
        let mut schema = (key.schema)(generator);
        schema.insert("description".to_owned(), key.doc.trim().into());
        properties.insert(key.name.to_owned(), schema.to_value());
    }
    let required: Vec<Json> = keys.iter().filter(|key| key.required).map(|key| key.name.into()).collect();
    let schema = json!({
        "type": "object",
        "description": doc.trim(),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    schema.try_into().expect("invariant: an object is a schema")
}

/// The schema of `T` as a function, for [`Key`].
pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Declares a record: `key "name" field: Type` (or `required "name" …`), `[field: Record]` whose keys stand in the
/// same map, `later [names]`.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        $name:ident: $expected:literal {
            $( [$inner:ident: $inner_type:ty] )*
            $( $(#[doc = $field_doc:literal])* $kind:ident $key:literal $field:ident: $type:ty, )*
        }
        later [$($later:literal),* $(,)?]
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( pub $inner: $inner_type, )*
            $( $(#[doc = $field_doc])* pub $field: $crate::config::read::record::Field<$type>, )*
            /// Keys that are there but could not be read.
            pub unreadable: $crate::config::read::record::Unreadable,
        }

        impl $crate::config::read::record::Record for $name {
            fn later() -> Vec<&'static str> {
                #[allow(unused_mut, reason = "only records that flatten others extend the list")]
                let mut later = vec![$($later),*];
                $( later.extend(<$inner_type as $crate::config::read::record::Record>::later()); )*
                later
            }

            fn keys() -> Vec<$crate::config::read::record::Key> {
                #[allow(unused_mut, reason = "only records that flatten others extend the list")]
                let mut keys = vec![$($crate::config::read::record::Key {
                    name: $key,
                    doc: concat!($($field_doc, "\n"),*),
                    required: record!(@required $kind),
                    schema: $crate::config::read::record::schema::<$type>,
                }),*];
                $( keys.extend(<$inner_type as $crate::config::read::record::Record>::keys()); )*
                keys
            }

            fn take(
                fields: &mut $crate::config::read::record::Fields<'_>,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Self {
                Self {
                    $( $inner: <$inner_type as $crate::config::read::record::Record>::take(fields, reader), )*
                    $( $field: fields.field($key, reader), )*
                    unreadable: $crate::config::read::record::Unreadable::default(),
                }
            }

            fn set_unreadable(&mut self, keys: &$crate::config::read::record::Unreadable) {
                $( $crate::config::read::record::Record::set_unreadable(&mut self.$inner, keys); )*
                self.unreadable = keys.clone();
            }
        }

        impl $crate::config::read::Read for $name {
            fn read(
                node: &$crate::config::yaml::Node,
                reader: &mut $crate::config::read::Reader<'_>,
            ) -> Option<Self> {
                let mut fields = $crate::config::read::record::Fields::of(node, $expected, reader)?;
                let mut value = <Self as $crate::config::read::record::Record>::take(&mut fields, reader);
                fields.finish(&mut value, reader);
                Some(value)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::config::read::record::schema_of::<Self>(concat!($($doc, "\n"),*), generator)
            }
        }
    };
    (@required key) => { false };
    (@required required) => { true };
}

pub(crate) use record;
