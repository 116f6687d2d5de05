//! How visitors are recognised, and how they consent.
//!
//! In: `visitor` as written, the listeners. Out: [`VisitorSettings`]. It must not recognise anybody.

use super::base::Base;
use super::model::{Listener, VisitorSettings};
use super::{token, told};
use crate::config::raw::visitor::{ConsentForm, RawConsent, RawTcf, RawVisitor, RequiredConsent};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::{Integer, Secret};
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::limits::SECRET_CHARACTERS;
use crate::visitor::ConsentPolicy;
use crate::visitor::consent::tcf::TcfPurposes;
use crate::visitor::consent::{Basis, Told};

/// The name of our cookie unless the file says otherwise.
const COOKIE: &str = "inlay_visitor";
/// The cookie in which consent platforms keep the string, as their framework names it.
const TCF_COOKIE: &str = "euconsent-v2";

/// How visitors are recognised.
pub fn visitor(
    raw: Option<&At<RawVisitor>>,
    listeners: &[Listener],
    base: &Base<'_>,
    report: &mut Report,
) -> VisitorSettings {
    let key = raw.map_or(base.whole, |at| at.key);
    let consent = raw.and_then(|at| at.value.consent.as_ref());
    let secrets = secrets(raw, key, listeners, report);
    if consent.is_none() && !raw.is_some_and(|at| at.unreadable.any(&["consent"])) {
        let remedy =
            "say `consent: implied`, or `consent: { required: { cookie: NAME, value: VALUE } }`, under `visitor`";
        report.warn(key, "`visitor.consent` is unset, so consent is implied", remedy);
    }
    VisitorSettings {
        cookie: raw.and_then(|at| at.value.cookie.as_ref()).map_or(COOKIE, |name| &name.value.0).into(),
        secrets,
        consent: ConsentPolicy {
            basis: consent.and_then(|at| basis(at, report)).unwrap_or_default(),
            heeds_dnt: raw.and_then(|at| at.value.do_not_track.as_ref()).is_some_and(|at| at.value),
        },
        token: raw.and_then(|at| at.value.identify.as_ref()).and_then(|at| token::token(at, base, report)),
    }
}

fn secrets(raw: Option<&At<RawVisitor>>, key: Span, listeners: &[Listener], report: &mut Report) -> Vec<Secret> {
    let written = raw.and_then(|at| at.value.secret.as_ref());
    for short in written.iter().flat_map(|at| &at.value.0).filter(|secret| !secret.is_long()) {
        let what = format!("the secret has fewer than {SECRET_CHARACTERS} characters");
        report.error(short.span, what, "make one with `openssl rand -hex 32`");
    }
    let public = listeners.iter().find(|listener| !listener.address.ip().is_loopback());
    if let (None, Some(listener)) = (written, public) {
        let what = format!("visitors of {} need a `visitor.secret`", listener.address);
        report.error(key, what, "add `secret: \"${INLAY_SECRET}\"` under `visitor`, 32 characters or more");
    }
    written.iter().flat_map(|at| &at.value.0).map(|at| at.value.clone()).collect()
}

/// `None` where it is not clear by what consent is given, which is noted.
fn basis(at: &At<RawConsent>, report: &mut Report) -> Option<Basis> {
    let RawConsent::Form(form) = &at.value else { return Some(Basis::Implied) };
    let ConsentForm { required, tcf, unreadable } = &**form;
    match (required, tcf) {
        (Some(required), None) => by_value(required, report),
        (None, Some(tcf)) => by_tcf(tcf, report),
        (Some(_), Some(tcf)) => {
            report.error(tcf.key, "consent is given in two ways", "keep `required` or `tcf`");
            None
        }
        (None, None) => {
            if !unreadable.any(&["required", "tcf"]) {
                let remedy = "write `implied`, or `required: { cookie: NAME, value: VALUE }`";
                report.error(at.span, "this does not say how consent is given", remedy);
            }
            None
        }
    }
}

fn by_value(at: &At<RequiredConsent>, report: &mut Report) -> Option<Basis> {
    let RequiredConsent { cookie, header, value, unreadable } = &at.value;
    let told = told::compile(cookie, header, report);
    if told.is_none() && !unreadable.any(&["cookie", "header"]) {
        report.error(at.span, "this names neither a cookie nor a header", "add `cookie: NAME`");
    }
    Some(Basis::Required { told: told?, value: value.as_ref()?.value.value.as_str().into() })
}

fn by_tcf(at: &At<RawTcf>, report: &mut Report) -> Option<Basis> {
    let RawTcf { cookie, header, store, personalise, measure, .. } = &at.value;
    let default = TcfPurposes::default();
    let mut listed = |written: &Field<OneOrMany<Integer>>, default: Vec<u8>| match written {
        Some(at) => numbers(at, report),
        None => default,
    };
    let purposes = TcfPurposes {
        store: listed(store, default.store),
        personalise: listed(personalise, default.personalise),
        measure: listed(measure, default.measure),
    };
    let told = told::compile(cookie, header, report).unwrap_or_else(|| Told::Cookie(TCF_COOKIE.into()));
    Some(Basis::Tcf { told, purposes })
}

/// Numbers of the framework's purposes; an empty list would need nobody's consent.
fn numbers(at: &At<OneOrMany<Integer>>, report: &mut Report) -> Vec<u8> {
    if at.value.0.is_empty() {
        report.error(at.span, "this needs no consent at all", "name at least one purpose, from 1 to 24");
    }
    let mut numbers = Vec::new();
    for number in &at.value.0 {
        match u8::try_from(number.value.0) {
            Ok(known @ 1..=24) => numbers.push(known),
            _ => {
                let what = format!("the framework has no purpose {}", number.value.0);
                report.error(number.span, what, "its purposes have numbers from 1 to 24");
            }
        }
    }
    numbers
}
