//! `sources` of rule files as written.
//!
//! In: trees. Out: records. It must not read files that they name, nor judge URLs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::origins::RawTls;
use super::wanted::Keyed;
use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, HeaderName, Integer, MethodName, Rate, Secret, Share, Size, StatusSpan};
use crate::config::read::shapes::{Data, OneOrMany, choices};
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};
use crate::content::source::auth::{Encoding, Hash, Place};
use crate::content::source::definition::Format;

record! {
    /// A source: an outside system that code reads as `sources.NAME(param=…)`.
    RawSource: "a source: a map with `url`" {
        /// Where it is asked: a template over `params`, whose values are encoded as components. Scheme and host are literal.
        required "url" url: Text,
        /// What it is called with, in order.
        key "params" params: OneOrMany<Text>,
        /// GET by default; POST where there is a `body`.
        key "method" method: MethodName,
        /// Fields of the request; templates over `params`.
        key "headers" headers: Keyed<HeaderName, Text>,
        /// Fields of the visitor's request that go on to it, such as `accept-language`; none by default. What is made of its answers
        /// is then the visitor's own.
        key "forward" forward: OneOrMany<HeaderName>,
        /// The request's body: a template over `params`, whose values are written as the content type says.
        key "body" body: Text,
        /// Of the body; `application/json` by default.
        key "content_type" content_type: Text,
        /// How it knows us.
        key "auth" auth: RawAuth,
        /// TLS with it: an authority of its own, our certificate.
        key "tls" tls: RawTls,
        /// Whether it may lie inside: on loopback, in a private network. Not by default.
        key "allow_private" allow_private: bool,
        /// Whether it may redirect; not by default.
        key "redirects" redirects: RawRedirects,
        /// Whether asking twice is as good as asking once; for GET, HEAD, PUT, DELETE and OPTIONS by default.
        key "idempotent" idempotent: bool,
        /// How long a call may take, with its wait for room and its retries; 1s by default.
        key "timeout" timeout: Duration,
        /// How often a call that failed is tried again, if it is idempotent; 1 by default.
        key "retries" retries: Integer,
        /// After which share of past calls' time a second one is made beside the first, such as `95%`; never by default.
        key "hedge" hedge: Share,
        /// Calls at once; 32 by default.
        key "concurrency" concurrency: Integer,
        /// Calls that may wait for room; 256 by default.
        key "queue" queue: Integer,
        /// Calls in a time: `15/s`.
        key "rate" rate: Rate,
        /// When it is left alone after failures.
        key "breaker" breaker: RawBreaker,
        /// For how long answers are kept; not at all by default.
        key "cache" cache: RawSourceCache,
        /// How asks that come together become one call.
        key "batch" batch: RawBatch,
        /// `json`, `text` or `xml`; by default as the answer's type says.
        key "format" format: Format,
        /// What an answer must be like.
        key "expect" expect: RawExpect,
        /// A JSONPath that cuts out what is wanted.
        key "select" select: Text,
        /// The longest answer; 1MiB by default.
        key "max_size" max_size: Size,
        /// What it says where it does not answer; without it, what asks for it fails.
        key "fallback" fallback: Data,
    }
    later ["on_error"]
}

record! {
    /// How a source knows us: exactly one of these.
    RawAuth: "a map with one of `basic`, `bearer`, `header`, `oauth2` and `hmac`" {
        /// A user and a password.
        key "basic" basic: RawBasic,
        /// A token that holds for good.
        key "bearer" bearer: RawSecret,
        /// A key in a field of its own.
        key "header" header: RawKeyHeader,
        /// Tokens for our credentials (client credentials grant).
        key "oauth2" oauth2: RawOauth,
        /// A signature of each request.
        key "hmac" hmac: RawHmac,
    }
    later []
}

record! {
    /// A user and a password.
    RawBasic: "a map with `user` and `password`" {
        /// The user.
        required "user" user: Text,
        /// The password.
        required "password" password: RawSecret,
    }
    later []
}

record! {
    /// A key in a field.
    RawKeyHeader: "a map with `name` and `value`" {
        /// The field, such as `x-api-key`.
        required "name" name: HeaderName,
        /// The key itself.
        required "value" value: RawSecret,
    }
    later []
}

record! {
    /// Where tokens are had, and for what.
    RawOauth: "a map with `token_url`, `client_id` and `client_secret`" {
        /// The token endpoint.
        required "token_url" token_url: Text,
        /// Who we are.
        required "client_id" client_id: Text,
        /// What proves it.
        required "client_secret" client_secret: RawSecret,
        /// What the token is to be good for.
        key "scope" scope: Text,
        /// For whom the token is to be.
        key "audience" audience: Text,
        /// Where the credentials stand: in the `header` (the default) or in the `body`.
        key "credentials" credentials: Place,
    }
    later []
}

record! {
    /// A signature over the request.
    RawHmac: "a map with `secret`" {
        /// What is signed with.
        required "secret" secret: RawSecret,
        /// `sha256` (the default) or `sha512`.
        key "hash" hash: Hash,
        /// `hex` (the default) or `base64`.
        key "encoding" encoding: Encoding,
        /// Where the signature stands; `x-signature` by default.
        key "header" header: HeaderName,
        /// What stands before it there, such as `sha256=`.
        key "prefix" prefix: Text,
        /// Where the moment of signing stands, in Unix seconds; `x-timestamp` by default.
        key "timestamp" timestamp: HeaderName,
        /// What is signed: a template over `method`, `host`, `path` (with the query), `timestamp`, `body` and `body_sha256`.
        key "over" over: Text,
    }
    later []
}

record! {
    /// How far redirects are followed.
    RawRedirects: "a map with `follow`" {
        /// At most so many, up to 5; each is checked like the URL itself.
        required "follow" follow: Integer,
        /// Hosts to which one may lead, beside the URL's own.
        key "hosts" hosts: OneOrMany<Text>,
    }
    later []
}

record! {
    /// When a source is left alone.
    RawBreaker: "a map with `failures` or `open`" {
        /// After so many failures in a row; 5 by default, 0 for never.
        key "failures" failures: Integer,
        /// For how long at first; 5s by default, longer each time.
        key "open" open: Duration,
    }
    later []
}

record! {
    /// For how long answers are kept.
    RawSourceCache: "a map with `ttl`" {
        /// How long an answer is fresh, or `origin`: as its own `Cache-Control` says.
        required "ttl" ttl: RawTtl,
        /// How long after that it is used while it is asked for anew.
        key "stale_while_revalidate" stale_while_revalidate: Duration,
        /// How long after that it is used where no other can be had.
        key "stale_if_error" stale_if_error: Duration,
        /// How long before its end an answer that is used is asked for anew.
        key "refresh_ahead" refresh_ahead: Duration,
    }
    later []
}

record! {
    /// How asks become one call.
    RawBatch: "a map with `param`" {
        /// The param that `url`, `headers` and `body` see as a list.
        required "param" param: Text,
        /// Values of one call; 50 by default.
        key "max" max: Integer,
        /// How long asks gather; 2ms by default.
        key "window" window: Duration,
        /// The field by which the objects of the answer, a list, carry their value; without it the answer is a map by value.
        key "key" key: Text,
    }
    later []
}

record! {
    /// What an answer must be like.
    RawExpect: "a map with `status`, `content_type` or `required`" {
        /// Statuses that are answers, such as `200` or `200-299` (the default).
        key "status" status: OneOrMany<StatusSpan>,
        /// Media types, such as `application/json` or `text/*`; any by default.
        key "content_type" content_type: OneOrMany<Text>,
        /// Fields that must be there: `data.items`.
        key "required" required: OneOrMany<Text>,
    }
    later ["schema"]
}

record! {
    /// A secret in a file of its own.
    SecretFile: "a secret such as `\"${API_KEY}\"`, or `{ file: PATH }`" {
        /// The file, from the folder of this one; white space around the secret does not count.
        required "file" file: Text,
    }
    later []
}

/// A secret, or where it is.
#[derive(Clone, Debug)]
pub enum RawSecret {
    Written(Secret),
    File(Box<SecretFile>),
}

/// How long an answer is fresh.
#[derive(Clone, Copy, Debug)]
pub enum RawTtl {
    For(Duration),
    Origin,
}

choices!(Place: "a place for credentials" { "header" => Place::Header, "body" => Place::Body });
choices!(Hash: "a hash" { "sha256" => Hash::Sha256, "sha512" => Hash::Sha512 });
choices!(Encoding: "an encoding" { "hex" => Encoding::Hex, "base64" => Encoding::Base64 });
choices!(Format: "a format" { "json" => Format::Json, "text" => Format::Text, "xml" => Format::Xml });

impl Read for RawSecret {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => SecretFile::read(node, reader).map(|file| Self::File(Box::new(file))),
            _ => Secret::read(node, reader).map(Self::Written),
        }
    }
}

impl Read for RawTtl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if &*scalar.text == "origin" => Some(Self::Origin),
            _ => Duration::read(node, reader).map(Self::For),
        }
    }
}

impl JsonSchema for RawSecret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<SecretFile>()] })
    }
}

impl JsonSchema for RawTtl {
    fn schema_name() -> Cow<'static, str> {
        "Ttl".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "origin" }, generator.subschema_for::<Duration>()] })
    }
}
