//! `redirect`, `serve` and `headers` of a rule as written.
//!
//! In: trees. Out: records. It must not judge targets or names of fields.

use super::wanted::Keyed;
use crate::config::read::record::record;
use crate::config::read::scalars::{HeaderName, RedirectStatus};
use crate::config::read::shapes::{OneOrMany, choices};
use crate::config::yaml::Text;
use crate::rule::action::Query;

record! {
    /// Sends the client elsewhere, before the origin is asked.
    RawRedirect: "a redirect: a map with `to`" {
        /// A path, or an absolute URL of a host that one of the sites has; may be a template.
        required "to" to: Text,
        /// 301, 302 (the default), 303, 307 or 308.
        key "status" status: RedirectStatus,
        /// `keep` (the default) the request's query where `to` has none of its own, or `drop` it.
        key "query" query: Query,
    }
    later []
}

record! {
    /// Another origin or path answers under the same URL.
    RawServe: "a map with `origin`, `path` or both" {
        /// The name of one of `origins`; by default the one that the URL has.
        key "origin" origin: Text,
        /// The path that is asked for; by default the URL's own. May be a template.
        key "path" path: Text,
    }
    later []
}

record! {
    /// Changes of the request's and the response's head.
    RawHeaders: "a map with `request`, `response` or both" {
        /// Fields on their way to the origin.
        key "request" request: RawEdits,
        /// Fields on their way to the client, whatever kind of response it is.
        key "response" response: RawEdits,
    }
    later []
}

record! {
    /// Fields that are set or removed.
    RawEdits: "a map with `set`, `remove` or both" {
        /// Names of fields with their values, which may be templates.
        key "set" set: Keyed<HeaderName, Text>,
        /// Names of fields.
        key "remove" remove: OneOrMany<HeaderName>,
    }
    later []
}

choices!(Query: "a choice for the query" { "keep" => Query::Keep, "drop" => Query::Drop });
