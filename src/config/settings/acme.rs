//! Certificates that are fetched by themselves: for which names, from whom.
//!
//! In: `acme` as written. Out: a [`Wanted`] whose names an authority can be asked for. It must not ask one.

use std::net::IpAddr;

use super::base::Base;
use crate::acme::{Challenge, Wanted};
use crate::config::raw::listen::RawAcme;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::limits::ACME_DOMAINS;

/// The authority unless another is named, and its twin for tests.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// Compiles what was written; every problem is noted. `None` if something needed is missing.
pub fn compile(raw: &RawAcme, base: &Base<'_>, report: &mut Report) -> Option<Wanted> {
    let ca = raw.ca.as_ref().map(|at| base.present(&at.value, report));
    let contact = raw.contact.as_ref().map(|at| contact(&at.value, report));
    let directory = raw.directory.as_ref().map_or(LETS_ENCRYPT.to_owned(), |at| directory(&at.value, report));
    let written = raw.domains.as_ref()?;
    let domains: Vec<String> = written.value.0.iter().filter_map(|at| domain(&at.value, report)).collect();
    if written.value.0.is_empty() {
        report.error(written.span, "there is no domain", "name those that the certificate is for");
    } else if domains.len() > ACME_DOMAINS {
        let what = format!("a certificate is for at most {ACME_DOMAINS} domains");
        report.error(written.span, what, "make a list of `acme`, each with a part of them");
    }
    Some(Wanted {
        domains: Some(domains).filter(|domains| !domains.is_empty())?,
        contact,
        directory,
        ca,
        storage: base.path(&raw.storage.as_ref()?.value),
        challenge: raw.challenge.as_ref().map_or(Challenge::TlsAlpn01, |at| at.value),
    })
}

/// A domain in lower case, if an authority could look for it.
fn domain(text: &Text, report: &mut Report) -> Option<String> {
    let name = text.value.to_ascii_lowercase();
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let (what, remedy) = if name.starts_with("*.") {
        ("a wildcard is proved by DNS alone (`dns-01`), which Inlay does not speak", "name each domain")
    } else if name.parse::<IpAddr>().is_ok() {
        ("an address is no domain", "name the domain that leads to it")
    } else if !name.split('.').all(label) || name.len() > 253 {
        ("this is no domain", "write it without scheme, port and path; other scripts in Punycode: `xn--…`")
    } else {
        return Some(name);
    };
    report.error(text.span, format!("`{}`: {what}", text.value), remedy);
    None
}

fn contact(text: &Text, report: &mut Report) -> String {
    if !text.value.strip_prefix("mailto:").is_some_and(|address| address.contains('@')) {
        let remedy = "write `mailto:` and an address: `mailto:you@example.com`";
        report.error(text.span, format!("`{}` is no way to reach somebody", text.value), remedy);
    }
    text.value.clone()
}

fn directory(text: &Text, report: &mut Report) -> String {
    match text.value.as_str() {
        "letsencrypt" => return LETS_ENCRYPT.to_owned(),
        "staging" => return STAGING.to_owned(),
        _ => {}
    }
    let is_https = url::Url::parse(&text.value).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    if !is_https {
        let remedy = "write `letsencrypt`, `staging`, or the `https` URL of an authority's directory";
        report.error(text.span, format!("`{}` is no directory of an authority", text.value), remedy);
    }
    text.value.clone()
}
