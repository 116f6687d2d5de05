//! Listeners: addresses, and what each does by itself.
//!
//! In: `listen` as written. Out: [`Listener`]s whose files exist. It must not read keys or bind.

use std::net::{Ipv4Addr, SocketAddr};

use super::base::Base;
use super::model::{Admin, Listener};
use super::tls::{self, Compiled};
use crate::acme::{Challenge, Wanted};
use crate::config::raw::deployment::Deployment;
use crate::config::raw::listen::{ListenerParts, RawHsts, RawListener, RawRedirect};
use crate::config::read::At;
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::http::proxy_protocol::ProxyProtocol;
use crate::http::security::{Hsts, HttpsPort, Subdomains};
use crate::limits::HSTS_PRELOADED;

/// Where we listen unless told otherwise: reachable from this machine only.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The listeners, in the order of the file.
pub fn listeners(raw: Option<&At<OneOrMany<RawListener>>>, base: &Base<'_>, report: &mut Report) -> Vec<Listener> {
    let Some(raw) = raw else {
        return vec![plain(DEFAULT)];
    };
    let mut listeners: Vec<(Listener, Span)> = Vec::new();
    for item in &raw.value.0 {
        let Some(listener) = listener(&item.value, base, report) else { continue };
        let same = |(other, _): &&(Listener, Span)| other.address == listener.address && other.address.port() != 0;
        if let Some((_, first)) = listeners.iter().find(same) {
            let first = *first;
            let what = format!("`{}` is listened on twice", listener.address);
            report.error(item.span, what, "remove one of them").see(first, "the first stands here");
        }
        listeners.push((listener, item.span));
    }
    if raw.value.0.is_empty() {
        report.error(raw.span, "there is no address to listen on", "add one: `127.0.0.1:8080`");
    }
    let listeners: Vec<Listener> = listeners.into_iter().map(|(listener, _)| listener).collect();
    check_challenges(raw, &listeners, report);
    check_files(raw, &listeners, report);
    listeners
}

fn listener(raw: &RawListener, base: &Base<'_>, report: &mut Report) -> Option<Listener> {
    match raw {
        RawListener::Plain(address) => Some(plain(address.0)),
        RawListener::Parts(parts) => {
            let tls = parts.tls.as_ref().map(|at| tls::compile(at, base, report));
            check_without_tls(parts, tls.is_some(), report);
            let redirect = parts.redirect_https.as_ref().and_then(|at| match at.value {
                RawRedirect::No => None,
                RawRedirect::To(port) => Some(HttpsPort(port)),
            });
            let hsts = parts.hsts.as_ref().and_then(|at| hsts(at, report));
            let address = parts.address.as_ref()?.value.0;
            let listener = Listener { redirect, hsts, proxy_protocol: proxy_protocol(parts), ..plain(address) };
            Some(match tls {
                None => listener,
                Some(Compiled { settings, acme, client_header }) => {
                    Listener { tls: Some(settings), acme, client_header, ..listener }
                }
            })
        }
    }
}

/// An authority asks by HTTP-01 where there is no TLS.
fn check_challenges(raw: &At<OneOrMany<RawListener>>, listeners: &[Listener], report: &mut Report) {
    let asked = listeners.iter().flat_map(|one| &one.acme).any(|wanted| wanted.challenge == Challenge::Http01);
    if asked && listeners.iter().all(|listener| listener.tls.is_some()) {
        let what = "`http-01` asks on port 80 without TLS, and no listener is without";
        report.error(raw.key, what, "add `- 0.0.0.0:80`, or write `challenge: tls-alpn-01`");
    }
}

/// Two certificates that differ must not take turns in one file.
fn check_files(raw: &At<OneOrMany<RawListener>>, listeners: &[Listener], report: &mut Report) {
    let wanted: Vec<&Wanted> = listeners.iter().flat_map(|one| &one.acme).collect();
    for (place, one) in wanted.iter().enumerate() {
        if wanted[..place].iter().any(|other| other.file() == one.file() && other != one) {
            let what = format!("`{}` is the first domain of two `acme` that differ", one.domains[0]);
            report.error(raw.key, what, "say the same in both, or begin one with another domain");
        }
    }
}

fn plain(address: SocketAddr) -> Listener {
    Listener {
        address,
        tls: None,
        acme: Vec::new(),
        client_header: None,
        redirect: None,
        hsts: None,
        proxy_protocol: ProxyProtocol::Off,
    }
}

fn proxy_protocol(parts: &ListenerParts) -> ProxyProtocol {
    match &parts.proxy_protocol {
        Some(At { value: true, .. }) => ProxyProtocol::Required,
        _ => ProxyProtocol::Off,
    }
}

/// Whose header is to be believed must be said: nobody else may connect.
pub fn check_proxy_protocol(raw: &Deployment, report: &mut Report) {
    let unsure = raw.unreadable.any(&["trusted_proxies"]);
    if unsure || raw.trusted_proxies.as_ref().is_some_and(|at| !at.value.0.is_empty()) {
        return;
    }
    for item in raw.listen.iter().flat_map(|at| &at.value.0) {
        let RawListener::Parts(parts) = &item.value else { continue };
        if let Some(at) = parts.proxy_protocol.as_ref().filter(|at| at.value) {
            let what =
                "nobody could connect: the PROXY protocol is believed of `trusted_proxies` only, and there are none";
            report.error(at.key, what, "name the balancer's network: `trusted_proxies: [10.0.0.0/8]`");
        }
    }
}

/// What makes sense on one side of TLS only.
fn check_without_tls(parts: &ListenerParts, has_tls: bool, report: &mut Report) {
    let unsure = parts.unreadable.any(&["tls"]);
    if let Some(at) = parts.hsts.as_ref().filter(|_| !has_tls && !unsure) {
        let what = "browsers believe `hsts` over TLS only, and this listener has none";
        report.error(at.key, what, "move it to the listener with `tls`");
    }
    if let Some(at) = parts.redirect_https.as_ref().filter(|at| has_tls && at.value != RawRedirect::No) {
        let what = "clients of this listener have TLS already, so there is nowhere to send them";
        report.error(at.key, what, "move `redirect_https` to the listener without `tls`");
    }
}

fn hsts(raw: &At<RawHsts>, report: &mut Report) -> Option<Hsts> {
    let max_age = raw.max_age.as_ref()?.value.0;
    let given = |flag: &Option<At<bool>>| flag.as_ref().is_some_and(|at| at.value);
    let subdomains = match (given(&raw.include_subdomains), given(&raw.preload)) {
        (_, true) => Subdomains::Preloaded,
        (true, false) => Subdomains::Included,
        (false, false) => Subdomains::Left,
    };
    let covers = max_age >= HSTS_PRELOADED && given(&raw.include_subdomains);
    if let Some(preload) = raw.preload.as_ref().filter(|at| at.value && !covers) {
        let what = "what is to be built into browsers holds for a year at least and for all subdomains";
        report.error(preload.key, what, "write `max_age: 365d` and `include_subdomains: true`, or remove `preload`");
    }
    Some(Hsts { max_age, subdomains })
}

/// The admin port is its own, and is not left open to others without a token.
pub fn check_admin(admin: &Admin, key: Span, listeners: &[Listener], report: &mut Report) {
    if admin.address.port() != 0 && listeners.iter().any(|listener| listener.address == admin.address) {
        let what = format!("`{}` is listened on for the site already", admin.address);
        report.error(key, what, "give `admin` a port of its own");
    }
    if admin.token.is_none() && !admin.address.ip().is_loopback() {
        let what = "the admin port is open to other machines and has no token, so `/api/v1/` stays closed";
        report.warn(key, what, "add `token: \"${INLAY_ADMIN_TOKEN}\"`, or listen on 127.0.0.1");
    }
}
