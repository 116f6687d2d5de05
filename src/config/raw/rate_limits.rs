//! `rate_limits` as written.
//!
//! In: nodes. Out: one record for each limit. It must not fill in defaults.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::rules::RawMatch;
use crate::config::read::record::record;
use crate::config::read::scalars::{CookieName, HeaderName, Integer, Rate};
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Value};

record! {
    /// How often somebody may ask.
    RawRateLimit: "a rate limit: a map such as `{ match: { path: /login }, rate: 10/m }`" {
        /// The requests that count, of any method unless it says; all of them by default.
        key "match" matches: RawMatch,
        /// Who is counted: `client` (an address, or an IPv6 /64; the default), `{ header: NAME }` or `{ cookie: NAME }`.
        key "by" by: RawBy,
        /// How many in which time: `10/s`, `600/m`, `1000/h`; past it the answer is 429.
        required "rate" rate: Rate,
        /// How many at once; as many as `rate` says by default.
        key "burst" burst: Integer,
    }
    later []
}

record! {
    /// What tells requests apart.
    ByForm: "`client`, or a map with `header` or `cookie`" {
        /// The header whose value is counted by; without it a request is counted by its client.
        key "header" header: HeaderName,
        /// The cookie whose value is counted by; without it a request is counted by its client.
        key "cookie" cookie: CookieName,
    }
    later []
}

/// Who is counted.
#[derive(Clone, Debug)]
pub enum RawBy {
    Client,
    Value(Box<ByForm>),
}

impl Read for RawBy {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Scalar(_) = &node.value else {
            return ByForm::read(node, reader).map(|form| Self::Value(Box::new(form)));
        };
        let text = reader.text(node, "`client`, or a map with `header` or `cookie`")?;
        if text.value == "client" {
            return Some(Self::Client);
        }
        let what = format!("`{}` does not say who is counted", text.value);
        reader.report.error(text.span, what, "write `client`, `{ header: NAME }` or `{ cookie: NAME }`");
        None
    }
}

impl JsonSchema for RawBy {
    fn schema_name() -> Cow<'static, str> {
        "By".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "client" }, generator.subschema_for::<ByForm>()] })
    }
}
