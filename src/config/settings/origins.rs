//! The origins behind the sites.
//!
//! In: `origins` as written, and URLs that stand where a name could. Out: every origin by name. It must not open
//! connections, nor read keys.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::base::{Base, unknown};
use super::listen::present;
use crate::config::raw::origins::{
    BalanceWord, RawBalance, RawBounds, RawEjection, RawHealth, RawOrigin, RawRetry, RawTimeouts, RawTls,
};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::{self, Integer, Origin as Written};
use crate::config::read::shapes::Named;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::http::client::{Bounds, Identity, Timeouts, TrustSettings};
use crate::limits;
use crate::origin::{Balance, Ejection, HealthCheck, HostPolicy, OriginSettings, Retry, ServerUrl};

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

fn uri(url: &url::Url, span: Span, report: &mut Report) -> Option<Uri> {
    let uri = url.as_str().parse().ok();
    if uri.is_none() {
        report.error(span, format!("`{url}` cannot be asked for"), "use a host name and a plain path");
    }
    uri
}

fn origin(name: &str, at: &At<RawOrigin>, base: &Base<'_>, report: &mut Report) -> Option<OriginSettings> {
    let host = host_policy(at, report);
    let settings = OriginSettings {
        rewrite_location: at.rewrite_location.as_ref().map_or(host != HostPolicy::Preserve, |at| at.value),
        host,
        protocol: at.protocol.as_ref().map(|protocol| protocol.value).unwrap_or_default(),
        trust: trust(at, base, report),
        timeouts: at.timeouts.as_ref().map(|at| timeouts(&at.value, report)).unwrap_or_default(),
        bounds: at.limits.as_ref().map(|at| bounds(&at.value, report)).unwrap_or_default(),
        balance: at.balance.as_ref().map(|at| balance(&at.value)).unwrap_or_default(),
        health: at.health.as_ref().and_then(|at| health(&at.value, report)),
        ejection: at.ejection.as_ref().map(|at| ejection(&at.value, report)).unwrap_or_default(),
        slow_start: at.slow_start.as_ref().map_or(limits::ORIGIN_SLOW_START, |at| at.value.0),
        retry: at.retry.as_ref().map(|at| retry(&at.value, report)).unwrap_or_default(),
        ..OriginSettings::at(name.into(), servers(at, report)?)
    };
    Some(settings)
}

fn servers(at: &RawOrigin, report: &mut Report) -> Option<Vec<ServerUrl>> {
    let written = at.urls.as_ref()?;
    let mut servers = Vec::new();
    for item in &written.value.0 {
        match &item.value {
            Written::Url(url) => servers.extend(uri(url, item.span, report).map(ServerUrl::Http)),
            Written::Unix(server) => servers.push(server.clone()),
            Written::Name(name) => {
                report.error(
                    item.span,
                    format!("`{name}` is not a URL"),
                    format!("write the scheme too: `https://{name}`"),
                );
            }
        }
    }
    if written.value.0.is_empty() {
        report.error(written.span, "the origin has no URL", "add one: `https://www.example.com`");
    }
    (!servers.is_empty()).then_some(servers)
}

fn host_policy(at: &RawOrigin, report: &mut Report) -> HostPolicy {
    match at.host.as_ref().map(|host| (host.span, host.value.value.as_str())) {
        None | Some((_, "origin")) => HostPolicy::Origin,
        Some((_, "preserve")) => HostPolicy::Preserve,
        Some((span, text)) => text.parse().map(HostPolicy::Name).unwrap_or_else(|_| {
            report.error(span, format!("`{text}` is not a host"), "write `origin`, `preserve` or a host name");
            HostPolicy::Origin
        }),
    }
}

fn trust(at: &RawOrigin, base: &Base<'_>, report: &mut Report) -> TrustSettings {
    let tls = at.tls.as_ref().map(|at| &at.value);
    let inner = tls.and_then(|tls| tls.ca.as_ref());
    if let (Some(outer), Some(inner)) = (&at.ca, inner) {
        report.error(inner.key, "`ca` is said twice", "remove one of them").see(outer.key, "the first stands here");
    }
    let ca = at.ca.as_ref().or(inner).map(|ca| present(&ca.value, base, report));
    let is_https = |at: &At<Written>| matches!(&at.value, Written::Url(url) if url.scheme() == "https");
    let https = at.urls.iter().flat_map(|at| &at.value.0).any(is_https);
    if let Some(key) = at.tls.as_ref().map(|at| at.key).or(at.ca.as_ref().map(|at| at.key)).filter(|_| !https) {
        report.warn(key, "none of the origin's URLs is https, so this has no effect", "write `https://`, or remove it");
    }
    let server_name = tls.and_then(|tls| server_name(tls, report));
    TrustSettings { ca, identity: tls.and_then(|tls| identity(tls, base, report)), server_name }
}

fn server_name(tls: &RawTls, report: &mut Report) -> Option<String> {
    let at = tls.server_name.as_ref()?;
    let name = at.value.value.clone();
    if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
        report.error(at.span, format!("`{name}` is not a host"), "write the name that the certificate is for");
        return None;
    }
    Some(name)
}

fn identity(tls: &RawTls, base: &Base<'_>, report: &mut Report) -> Option<Identity> {
    match (&tls.certificate, &tls.private_key) {
        (None, None) => None,
        (Some(certificate), Some(private_key)) => {
            let certificate = present(&certificate.value, base, report);
            Some(Identity { certificate, private_key: present(&private_key.value, base, report) })
        }
        (Some(alone), None) if !tls.unreadable.any(&["private_key"]) => {
            report.error(alone.key, "a certificate needs its key", "add `private_key`");
            None
        }
        (None, Some(alone)) if !tls.unreadable.any(&["certificate"]) => {
            report.error(alone.key, "a key needs its certificate", "add `certificate`");
            None
        }
        _ => None,
    }
}

fn timeouts(raw: &RawTimeouts, report: &mut Report) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: span(&raw.connect, default.connect, report),
        first_byte: span(&raw.first_byte, default.first_byte, report),
        between_bytes: span(&raw.between_bytes, default.between_bytes, report),
        idle: span(&raw.idle, default.idle, report),
    }
}

fn bounds(raw: &RawBounds, report: &mut Report) -> Bounds {
    let most = limits::ORIGIN_CONNECTIONS_MAX;
    Bounds {
        connections: whole(&raw.connections, 1..=most, report).unwrap_or(limits::ORIGIN_CONNECTIONS),
        pending: whole(&raw.pending, 0..=most, report).unwrap_or(limits::ORIGIN_PENDING),
    }
}

fn balance(raw: &RawBalance) -> Balance {
    match raw {
        RawBalance::Word(BalanceWord::RoundRobin) => Balance::RoundRobin,
        RawBalance::Word(BalanceWord::LeastConnections) => Balance::LeastConnections,
        RawBalance::Hash(form) => {
            form.hash.as_ref().map_or(Balance::RoundRobin, |at| Balance::Hash(at.value.0.clone()))
        }
    }
}

fn health(raw: &RawHealth, report: &mut Report) -> Option<HealthCheck> {
    let path = raw.path.as_ref()?;
    let text = path.value.value.clone();
    if !text.starts_with('/') || text.parse::<http::uri::PathAndQuery>().is_err() {
        report.error(
            path.span,
            format!("`{text}` is not a path that can be asked for"),
            "begin it with `/`: `/healthz`",
        );
        return None;
    }
    let few = 1..=limits::HEALTH_COUNT_MAX;
    let count = |field, default: u32, report: &mut Report| {
        whole(field, few.clone(), report).and_then(|count| count.try_into().ok()).unwrap_or(default)
    };
    let status = raw.status.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect::<Vec<_>>();
    Some(HealthCheck {
        path: text,
        interval: span(&raw.interval, limits::HEALTH_INTERVAL, report),
        timeout: span(&raw.timeout, limits::HEALTH_WAIT, report),
        healthy: count(&raw.healthy, limits::HEALTH_GOOD, report),
        unhealthy: count(&raw.unhealthy, limits::HEALTH_BAD, report),
        status: if status.is_empty() { vec![200..=399] } else { status },
    })
}

fn ejection(raw: &RawEjection, report: &mut Report) -> Ejection {
    let default = Ejection::default();
    let failures = whole(&raw.failures, 0..=limits::HEALTH_COUNT_MAX, report).and_then(|count| count.try_into().ok());
    let base = span(&raw.base, default.base, report);
    let max = span(&raw.max, default.max.max(base), report);
    if let Some(at) = raw.max.as_ref().filter(|_| max < base) {
        report.error(at.span, "the longest ejection is shorter than the first", "make `max` longer than `base`");
    }
    Ejection { failures: failures.unwrap_or(default.failures), base, max }
}

fn retry(raw: &RawRetry, report: &mut Report) -> Retry {
    let default = Retry::default();
    let on = raw.on.as_ref().map(|at| at.value.0.iter().map(|at| at.value.0).collect());
    let attempts = whole(&raw.attempts, 1..=limits::ORIGIN_ATTEMPTS_MAX, report).unwrap_or(default.attempts);
    Retry { attempts, on: on.unwrap_or(default.on) }
}

/// A length of time that is one.
fn span(field: &Field<scalars::Duration>, default: Duration, report: &mut Report) -> Duration {
    let Some(at) = field else { return default };
    if at.value.0.is_zero() {
        report.error(at.span, "nothing is done in no time", "write a duration such as `5s`");
    }
    at.value.0
}

/// A number within these bounds.
fn whole(field: &Field<Integer>, within: std::ops::RangeInclusive<usize>, report: &mut Report) -> Option<usize> {
    let at = field.as_ref()?;
    let number = usize::try_from(at.value.0).ok().filter(|number| within.contains(number));
    if number.is_none() {
        let remedy = format!("write a number from {} to {}", within.start(), within.end());
        report.error(at.span, format!("`{}` is out of bounds", at.value.0), remedy);
    }
    number
}
