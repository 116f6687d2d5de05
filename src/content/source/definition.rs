//! What is to be known of one source.
//!
//! In: what `config` read. Out: plain data. It must not hold anything that runs. Two that are equal are the same source: what
//! runs for it goes on over a reload.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use serde_json::Value as Json;
use url::Url;

use super::auth::Auth;
use super::expect::Expect;
use super::phrase::Phrase;
use crate::http::client::TrustSettings;
use crate::limits;

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub name: Arc<str>,
    /// What it is called with, in order.
    pub params: Vec<Arc<str>>,
    pub method: Method,
    /// Scheme, host and port are the same for every call: those of `base`.
    pub url: Phrase,
    pub base: Url,
    pub headers: Vec<(HeaderName, Phrase)>,
    /// Fields of the visitor's request that go on to it.
    pub forward: Vec<HeaderName>,
    pub body: Option<Payload>,
    pub auth: Option<Auth>,
    pub trust: TrustSettings,
    /// Whether it may lie inside: on loopback, in a private network.
    pub allow_private: bool,
    pub redirects: Redirects,
    /// Whether asking twice is as good as asking once.
    pub idempotent: bool,
    pub timeout: Duration,
    pub sparing: Sparing,
    pub cache: Option<CacheTerms>,
    pub batch: Option<Batch>,
    pub format: Format,
    pub expect: Expect,
    /// What is cut out of the answer (RFC 9535).
    pub select: Option<Select>,
    /// Bytes of an answer.
    pub max_size: usize,
    /// What it says where it does not answer.
    pub fallback: Option<Arc<Json>>,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    pub phrase: Phrase,
    pub content_type: Arc<str>,
}

/// How far redirects are followed; each hop is checked like the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redirects {
    /// At most so many; 0 for none.
    pub follow: usize,
    /// Hosts beside the source's own to which one may lead.
    pub hosts: Vec<Arc<str>>,
}

/// How it is spared, and how patiently it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparing {
    /// Calls at once.
    pub concurrency: usize,
    /// Calls that may wait.
    pub queue: usize,
    /// From one call to the next, and how many at once.
    pub rate: Option<(Duration, NonZeroU32)>,
    /// How often a call is tried again.
    pub retries: u32,
    /// The share of past calls, above 0 and below 1, that took less than the time after which it is asked a second time.
    pub hedge: Option<f64>,
    /// Failures in a row after which it is left alone; 0: never.
    pub failures: u32,
    /// For how long, the first time.
    pub open: Duration,
}

impl Default for Sparing {
    fn default() -> Self {
        Self {
            concurrency: limits::SOURCE_CONCURRENCY,
            queue: limits::SOURCE_QUEUE,
            rate: None,
            retries: limits::SOURCE_RETRIES,
            hedge: None,
            failures: limits::SOURCE_BREAKER_FAILURES,
            open: limits::SOURCE_BREAKER_OPEN,
        }
    }
}

/// For how long answers are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheTerms {
    pub ttl: Ttl,
    /// How long after its time an answer is used while it is asked for anew.
    pub stale_while_revalidate: Duration,
    /// How long after its time an answer is used where no other can be had.
    pub stale_if_error: Duration,
    /// How long before its time is over an answer that is used is asked for anew.
    pub refresh_ahead: Duration,
}

/// How long an answer is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    For(Duration),
    /// As its own head says.
    Origin,
}

/// How asks become one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The param that phrases see as a list.
    pub param: Arc<str>,
    /// Values of one call.
    pub max: usize,
    /// How long asks gather.
    pub window: Duration,
    /// The field by which the objects of a list carry their value; without it the answer is a map by value.
    pub key: Option<Arc<str>>,
}

/// As what an answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As its `Content-Type` says; JSON if that says nothing.
    #[default]
    Told,
    Json,
    Text,
    Xml,
}

/// A JSONPath, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Select(pub serde_json_path::JsonPath);
