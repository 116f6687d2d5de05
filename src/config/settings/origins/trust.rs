//! TLS towards one origin: whom we trust, who we say we are, and for whom.
//!
//! In: `ca` and `tls` as written. Out: what the connections rest on. It must not read the files.

use crate::config::raw::origins::{RawOrigin, RawTls};
use crate::config::read::At;
use crate::config::read::scalars::Origin as Written;
use crate::config::report::Report;
use crate::config::settings::base::Base;
use crate::http::client::{Identity, TrustSettings};

/// What TLS rests on.
pub fn trust(at: &RawOrigin, base: &Base<'_>, report: &mut Report) -> TrustSettings {
    let tls = at.tls.as_ref().map(|at| &at.value);
    let inner = tls.and_then(|tls| tls.ca.as_ref());
    if let (Some(outer), Some(inner)) = (&at.ca, inner) {
        report.error(inner.key, "`ca` is said twice", "remove one of them").see(outer.key, "the first stands here");
    }
    let ca = at.ca.as_ref().or(inner).map(|ca| base.present(&ca.value, report));
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
            let certificate = base.present(&certificate.value, report);
            Some(Identity { certificate, private_key: base.present(&private_key.value, report) })
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
