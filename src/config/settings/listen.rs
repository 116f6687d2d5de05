//! Listeners: addresses, and the certificates of those with TLS.
//!
//! In: `listen` as written. Out: [`Listener`]s whose files exist. It must not read keys or bind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::base::Base;
use super::model::{Admin, Certificate, Listener};
use crate::config::raw::deployment::{RawCertificate, RawListener};
use crate::config::read::At;
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::config::yaml::Text;

/// Where we listen unless told otherwise: reachable from this machine only.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The listeners, in the order of the file.
pub fn listeners(raw: Option<&At<OneOrMany<RawListener>>>, base: &Base<'_>, report: &mut Report) -> Vec<Listener> {
    let Some(raw) = raw else {
        return vec![Listener { address: DEFAULT, certificates: Vec::new() }];
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
    listeners.into_iter().map(|(listener, _)| listener).collect()
}

fn listener(raw: &RawListener, base: &Base<'_>, report: &mut Report) -> Option<Listener> {
    match raw {
        RawListener::Plain(address) => Some(Listener { address: address.0, certificates: Vec::new() }),
        RawListener::Parts(parts) => {
            let tls = parts.tls.iter().flat_map(|at| &at.value.0);
            let certificates = tls.filter_map(|at| certificate(&at.value, base, report)).collect();
            Some(Listener { address: parts.address.as_ref()?.value.0, certificates })
        }
    }
}

fn certificate(raw: &RawCertificate, base: &Base<'_>, report: &mut Report) -> Option<Certificate> {
    let certificate = raw.certificate.as_ref().map(|at| present(&at.value, base, report));
    let private_key = raw.private_key.as_ref().map(|at| present(&at.value, base, report));
    Some(Certificate { certificate: certificate?, private_key: private_key? })
}

/// A file that will be needed. Its absence is a warning: files are often checked where the keys are not.
pub fn present(text: &Text, base: &Base<'_>, report: &mut Report) -> PathBuf {
    let path = base.path(text);
    if !path.is_file() {
        let what = format!("there is no file `{}` here", path.display());
        report.warn(text.span, what, "put it there before `inlay run`; paths are relative to this file");
    }
    path
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
