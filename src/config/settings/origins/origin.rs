//! One origin: where it is, what it is called, how long it may take.
//!
//! In: a definition as written. Out: its settings, or what is wrong with it. It must not know the other origins.

use http::Uri;

use super::bounded::{span, whole};
use super::fitness::{ejection, health, retry};
use super::trust::trust;
use crate::config::raw::origins::{BalanceWord, RawBalance, RawBounds, RawOrigin, RawTimeouts};
use crate::config::read::At;
use crate::config::read::scalars::Origin as Written;
use crate::config::report::Report;
use crate::config::settings::base::Base;
use crate::config::source::Span;
use crate::http::client::{Bounds, Timeouts};
use crate::limits;
use crate::origin::{Balance, HostPolicy, OriginSettings, ServerUrl};

/// Its settings; `None` if it can't be asked.
pub fn origin(name: &str, at: &At<RawOrigin>, base: &Base<'_>, report: &mut Report) -> Option<OriginSettings> {
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

/// A URL as requests have it.
pub fn uri(url: &url::Url, span: Span, report: &mut Report) -> Option<Uri> {
    let uri = url.as_str().parse().ok();
    if uri.is_none() {
        report.error(span, format!("`{url}` cannot be asked for"), "use a host name and a plain path");
    }
    uri
}
