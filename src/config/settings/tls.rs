//! TLS of a listener: which files it needs, and what it asks of clients.
//!
//! In: `tls` as written. Out: the server's settings, with paths that start from the file. It must not read keys.

use http::HeaderName;

use super::acme;
use super::base::Base;
use crate::acme::Wanted;
use crate::config::raw::listen::{RawCertificate, RawTls, TlsParts};
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::config::yaml::Text;
use crate::http::security::{Ask, CertificateFiles, ClientAuthority, TlsSettings};

/// Where RFC 9440 puts a client's certificate.
const CLIENT_HEADER: HeaderName = HeaderName::from_static("client-cert");

/// TLS, and the header in which the origin is told of clients.
pub struct Compiled {
    pub settings: TlsSettings,
    pub acme: Vec<Wanted>,
    pub client_header: Option<HeaderName>,
}

/// Compiles what was written; every problem is noted.
pub fn compile(raw: &At<RawTls>, base: &Base<'_>, report: &mut Report) -> Compiled {
    match &raw.value {
        RawTls::Certificates(list) => {
            if list.0.is_empty() {
                no_certificate(raw.span, report);
            }
            let files = list.0.iter().filter_map(|at| certificate(&at.value, base, report)).collect();
            let settings = TlsSettings { certificates: files, clients: None };
            Compiled { settings, acme: Vec::new(), client_header: None }
        }
        RawTls::Parts(parts) => parts_of(parts, raw.span, base, report),
    }
}

fn parts_of(parts: &TlsParts, span: Span, base: &Base<'_>, report: &mut Report) -> Compiled {
    let mut certificates: Vec<CertificateFiles> = pair(parts, span, base, report).into_iter().collect();
    let more = parts.certificates.iter().flat_map(|at| &at.value.0);
    certificates.extend(more.filter_map(|at| certificate(&at.value, base, report)));
    let ordered = parts.acme.iter().flat_map(|at| &at.value.0);
    let acme: Vec<Wanted> = ordered.filter_map(|at| acme::compile(&at.value, base, report)).collect();
    certificates.extend(acme.iter().map(|wanted| CertificateFiles::awaited(wanted.file())));
    let named = ["certificate", "private_key", "ocsp", "certificates", "acme"];
    let pairless = parts.certificate.is_none() && parts.private_key.is_none() && parts.ocsp.is_none();
    let none = pairless && parts.acme.is_none() && parts.certificates.as_ref().is_none_or(|at| at.value.0.is_empty());
    if none && !parts.unreadable.any(&named) {
        no_certificate(span, report);
    }
    let clients = clients(parts, base, report);
    let client_header = clients.as_ref().map(|_| {
        let written = parts.client_header.as_ref().and_then(|at| HeaderName::try_from(&at.value.0).ok());
        written.unwrap_or(CLIENT_HEADER)
    });
    Compiled { settings: TlsSettings { certificates, clients }, acme, client_header }
}

fn no_certificate(span: Span, report: &mut Report) {
    report.error(span, "TLS needs a certificate", "add `certificate: site.pem` and `private_key: site.key`, or `acme`");
}

fn certificate(raw: &RawCertificate, base: &Base<'_>, report: &mut Report) -> Option<CertificateFiles> {
    files(raw.certificate.as_ref(), raw.private_key.as_ref(), raw.ocsp.as_ref(), base, report)
}

/// The certificate that stands among the other keys of `tls`, if one does.
fn pair(parts: &TlsParts, span: Span, base: &Base<'_>, report: &mut Report) -> Option<CertificateFiles> {
    let given = parts.certificate.is_some() || parts.private_key.is_some() || parts.ocsp.is_some();
    let missing = [
        ("certificate", parts.certificate.is_none(), "a PEM file with the certificate and its chain"),
        ("private_key", parts.private_key.is_none(), "a PEM file with the private key"),
    ];
    for (key, missing, what) in missing {
        if given && missing && !parts.unreadable.any(&[key]) {
            report.error(span, format!("`{key}` is missing"), format!("add it: {what}"));
        }
    }
    files(parts.certificate.as_ref(), parts.private_key.as_ref(), parts.ocsp.as_ref(), base, report)
}

fn files(
    certificate: Option<&At<Text>>,
    private_key: Option<&At<Text>>,
    ocsp: Option<&At<Text>>,
    base: &Base<'_>,
    report: &mut Report,
) -> Option<CertificateFiles> {
    let mut path = |at: Option<&At<Text>>| at.map(|at| base.present(&at.value, report));
    let (certificate, private_key, ocsp) = (path(certificate), path(private_key), path(ocsp));
    Some(CertificateFiles { ocsp, ..CertificateFiles::new(certificate?, private_key?) })
}

fn clients(parts: &TlsParts, base: &Base<'_>, report: &mut Report) -> Option<ClientAuthority> {
    let Some(ca) = &parts.client_ca else {
        let idle = [
            ("client", parts.client.as_ref().map(|at| at.key)),
            ("client_header", parts.client_header.as_ref().map(|at| at.key)),
        ];
        for (name, key) in idle {
            if let Some(key) = key.filter(|_| !parts.unreadable.any(&["client_ca"])) {
                let what = format!("`{name}` says nothing without `client_ca`");
                report.error(key, what, "name the authorities that sign clients' certificates: `client_ca: ca.pem`");
            }
        }
        return None;
    };
    let ask = parts.client.as_ref().map_or(Ask::Required, |at| at.value);
    Some(ClientAuthority { ca: base.present(&ca.value, report), ask })
}
