//! The origins behind the sites.
//!
//! In: `origins` as written, and URLs that stand where a name could. Out: every origin by name. It must not open
//! connections, nor read keys.

mod bounded;
mod fitness;
mod origin;
mod trust;

use std::sync::Arc;

use super::base::{Base, unknown};
use crate::config::raw::origins::RawOrigin;
use crate::config::read::At;
use crate::config::read::scalars::Origin as Written;
use crate::config::read::shapes::Named;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::origin::{OriginSettings, ServerUrl};
use origin::{origin, uri};

/// The name of the origin written as one URL.
const DEFAULT: &str = "default";

/// Origins by name, those written as URLs included.
#[derive(Debug)]
pub struct OriginList {
    list: Vec<OriginSettings>,
    /// Names whose definition has problems: known, but not usable.
    faulty: Vec<String>,
}

impl OriginList {
    /// The origins of `origins:`.
    pub fn new(raw: Option<&At<Named<RawOrigin>>>, base: &Base<'_>, report: &mut Report) -> Self {
        let mut this = Self { list: Vec::new(), faulty: Vec::new() };
        for (name, at) in raw.iter().flat_map(|at| &at.value.0) {
            match origin(name, at, base, report) {
                Some(origin) => this.list.push(origin),
                None => this.faulty.push(name.clone()),
            }
        }
        this
    }

    /// The name of the origin of the whole deployment as written; a URL is short for `origins: { default: … }`.
    pub fn resolve_top(&mut self, written: &Written, span: Span, report: &mut Report) -> Option<Arc<str>> {
        let short = match written {
            Written::Url(url) => Some(ServerUrl::Http(uri(url, span, report)?)),
            Written::Unix(server) => Some(server.clone()),
            Written::Name(_) => None,
        };
        let defined =
            self.list.iter().any(|origin| &*origin.name == DEFAULT) || self.faulty.iter().any(|name| name == DEFAULT);
        match short {
            Some(server) if !defined => self.unnamed_at(server, DEFAULT),
            _ => self.resolve(written, span, report),
        }
    }

    /// The name of an origin as written; a URL becomes an origin of its own, called as its host.
    pub fn resolve(&mut self, written: &Written, span: Span, report: &mut Report) -> Option<Arc<str>> {
        match written {
            Written::Name(name) => {
                let known = self.list.iter().find(|origin| *origin.name == **name).map(|origin| origin.name.clone());
                if known.is_none() && !self.faulty.contains(name) {
                    let names: Vec<String> = self.list.iter().map(|origin| origin.name.to_string()).collect();
                    unknown("origin", name, span, &names, report);
                }
                known
            }
            Written::Url(url) => {
                let server = ServerUrl::Http(uri(url, span, report)?);
                self.unnamed_at(server, url.host_str().unwrap_or(DEFAULT))
            }
            Written::Unix(server) => self.unnamed_at(server.clone(), DEFAULT),
        }
    }

    /// The name of the origin of which nothing is said but that it is at `server`; a new one is called after `host`.
    fn unnamed_at(&mut self, server: ServerUrl, host: &str) -> Option<Arc<str>> {
        let alike =
            |origin: &&OriginSettings| **origin == OriginSettings::at(origin.name.clone(), vec![server.clone()]);
        if let Some(origin) = self.list.iter().find(alike) {
            return Some(origin.name.clone());
        }
        let taken = |name: &str| self.list.iter().any(|origin| *origin.name == *name);
        let numbered = (2..).map(|number| format!("{host}#{number}"));
        let name: Arc<str> = std::iter::once(host.to_owned()).chain(numbered).find(|name| !taken(name))?.into();
        self.list.push(OriginSettings::at(name.clone(), vec![server]));
        Some(name)
    }

    /// The origin that stands without being named: `default`, or the only one.
    pub fn unnamed(&self) -> Option<Arc<str>> {
        let named = self.list.iter().find(|origin| &*origin.name == DEFAULT);
        let only = if let [only] = self.list.as_slice() { Some(only) } else { None };
        named.or(only).map(|origin| origin.name.clone())
    }

    /// Whether the one that stands without being named has problems, which are noted.
    pub fn unnamed_is_faulty(&self) -> bool {
        let only = self.list.is_empty() && self.faulty.len() == 1;
        only || self.faulty.iter().any(|name| name == DEFAULT)
    }

    /// All of them.
    pub fn finish(self) -> Vec<OriginSettings> {
        self.list
    }
}
