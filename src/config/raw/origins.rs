//! `origins` as written.
//!
//! In: trees. Out: [`RawOrigin`]s. It must not fill in defaults.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Integer, Origin, RetryCause, ServerKey, StatusSpan};
use crate::config::read::shapes::{OneOrMany, choices};
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};
use crate::http::client::Protocol;

record! {
    /// A website behind.
    RawOrigin: "an origin: a map with `urls`" {
        /// Where it answers; several share the load.
        required "urls" urls: OneOrMany<Origin>,
        /// The Host header it gets: `origin` (the URL's; the default), `preserve` (the client's) or a name.
        key "host" host: Text,
        /// Whether `Location`, `Refresh` and cookie domains in which it names itself are rewritten to the client's host;
        /// `true` by default, unless `host` is `preserve`.
        key "rewrite_location" rewrite_location: bool,
        /// What it speaks: `auto` (HTTP/2 where TLS agrees on it; the default), `http1`, or `http2`, also without TLS.
        key "protocol" protocol: Protocol,
        /// A PEM file with the certificate authority that signed its certificate, besides the platform's.
        key "ca" ca: Text,
        /// The name that its certificate is for, and the certificate that we show it.
        key "tls" tls: RawTls,
        /// Which of several servers is asked: `round_robin` (the default), `least_connections`, or `{ hash: … }`.
        key "balance" balance: RawBalance,
        /// What its servers are asked regularly, and which answers are good.
        key "health" health: RawHealth,
        /// When a server to which requests fail is left alone.
        key "ejection" ejection: RawEjection,
        /// How long a server that came back takes to work up to its share; 10s by default.
        key "slow_start" slow_start: Duration,
        /// When a request is tried again.
        key "retry" retry: RawRetry,
        /// How long each step may take.
        key "timeouts" timeouts: RawTimeouts,
        /// How much each server is asked at once.
        key "limits" limits: RawBounds,
    }
    later ["timeout", "cache"]
}

record! {
    /// TLS with an origin.
    RawTls: "a map with `server_name`, `ca`, `certificate` or `private_key`" {
        /// The name that is asked for and that the certificate must be for; the URL's host by default.
        key "server_name" server_name: Text,
        /// A PEM file with the certificate authority that signed its certificate, besides the platform's.
        key "ca" ca: Text,
        /// A PEM file with the certificate that we show, and its chain.
        key "certificate" certificate: Text,
        /// A PEM file with the private key of that certificate.
        key "private_key" private_key: Text,
    }
    later ["verify"]
}

record! {
    /// A choice by the hash of a value.
    HashForm: "`round_robin`, `least_connections`, or a map with `hash`" {
        /// The value: `cookie NAME`, `header NAME`, `ip` or `path`.
        required "hash" hash: ServerKey,
    }
    later []
}

record! {
    /// What servers are asked regularly.
    RawHealth: "a map with `path`" {
        /// The path that is asked for, as it is.
        required "path" path: Text,
        /// How often; 5s by default.
        key "interval" interval: Duration,
        /// How long an answer may take; 1s by default.
        key "timeout" timeout: Duration,
        /// Good answers in a row after which a server is up; 2 by default.
        key "healthy" healthy: Integer,
        /// Bad answers in a row after which it is down; 3 by default.
        key "unhealthy" unhealthy: Integer,
        /// The statuses that are good; `200-399` by default.
        key "status" status: OneOrMany<StatusSpan>,
    }
    later ["port", "host", "method", "body"]
}

record! {
    /// When a server to which requests fail is left alone.
    RawEjection: "a map with `failures`, `base` or `max`" {
        /// Failures in a row after which it is; 5 by default, 0 for never.
        key "failures" failures: Integer,
        /// For how long the first time, and twice as long each further time; 10s by default.
        key "base" base: Duration,
        /// For how long at most; 5m by default.
        key "max" max: Duration,
    }
    later []
}

record! {
    /// When a request is tried again.
    RawRetry: "a map with `attempts` or `on`" {
        /// Times that one request is tried, the first included; 2 by default.
        key "attempts" attempts: Integer,
        /// What another try may help against: `connect`, `reset`, `timeout`, or a status; all but `timeout`, and 502, 503, 504, by default.
        key "on" on: OneOrMany<RetryCause>,
    }
    later ["budget"]
}

record! {
    /// How long each step may take.
    RawTimeouts: "a map with `connect`, `first_byte`, `between_bytes` or `idle`" {
        /// For a connection, TLS included; 5s by default.
        key "connect" connect: Duration,
        /// From the end of the request to the head of the response; 60s by default.
        key "first_byte" first_byte: Duration,
        /// Between two pieces of the response's body; 5m by default.
        key "between_bytes" between_bytes: Duration,
        /// How long a connection that nobody uses is kept; 30s by default.
        key "idle" idle: Duration,
    }
    later []
}

record! {
    /// How much each server is asked at once.
    RawBounds: "a map with `connections` or `pending`" {
        /// Connections open at once; 1024 by default.
        key "connections" connections: Integer,
        /// Requests that may wait for one, before others get 503; 1024 by default.
        key "pending" pending: Integer,
    }
    later []
}

/// How a server is chosen.
#[derive(Clone, Debug)]
pub enum RawBalance {
    Word(BalanceWord),
    Hash(Box<HashForm>),
}

/// The ways of choosing that are one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceWord {
    RoundRobin,
    LeastConnections,
}

choices!(Protocol: "a protocol" { "auto" => Protocol::Auto, "http1" => Protocol::Http1, "http2" => Protocol::Http2 });
/// What `balance` may be.
const BALANCES: &str = "`round_robin`, `least_connections`, or a map with `hash`";

impl Read for RawBalance {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(_) => Self::word(node, reader),
            _ => HashForm::read(node, reader).map(|form| Self::Hash(Box::new(form))),
        }
    }
}

impl RawBalance {
    /// A way that is one word; `hash` alone does not say what to hash.
    fn word(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, BALANCES)?;
        let remedy = match text.value.as_str() {
            "round_robin" => return Some(Self::Word(BalanceWord::RoundRobin)),
            "least_connections" => return Some(Self::Word(BalanceWord::LeastConnections)),
            "hash" => "say what to hash: `{ hash: cookie NAME }`",
            _ => "write `round_robin`, `least_connections` or `{ hash: cookie NAME }`",
        };
        let what = format!("`{}` is not a way to choose a server", text.value);
        reader.report.error(text.span, what, remedy);
        None
    }
}

impl JsonSchema for RawBalance {
    fn schema_name() -> Cow<'static, str> {
        "Balance".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = json_schema!({ "enum": ["round_robin", "least_connections"] });
        json_schema!({ "anyOf": [words, generator.subschema_for::<HashForm>()] })
    }
}
