//! How a listener is secured, as data: whose certificates it has, whom it asks, and what it tells browsers of TLS.
//!
//! In: nothing. Out: plain values, which settings are made of and servers are set up with. It must not read files.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderValue;

/// What a listener's TLS is set up with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// At least one.
    pub certificates: Vec<CertificateFiles>,
    /// `None`: clients are not asked who they are.
    pub clients: Option<ClientAuthority>,
}

impl TlsSettings {
    /// All files, for whoever watches them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let authorities = self.clients.iter().map(|clients| clients.ca.as_path());
        self.certificates.iter().flat_map(CertificateFiles::paths).chain(authorities)
    }
}

/// One certificate's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM, with the chain behind it.
    pub certificate: PathBuf,
    /// PEM; may be the same file.
    pub private_key: PathBuf,
    /// An OCSP response in DER (RFC 6960), stapled to the handshake.
    pub ocsp: Option<PathBuf>,
    pub presence: Presence,
}

/// Whether files must be there from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Required,
    /// Somebody is about to fetch the certificate: until it is there, its names have none.
    Awaited,
}

impl CertificateFiles {
    /// A certificate and its key, which must be there.
    pub fn new(certificate: PathBuf, private_key: PathBuf) -> Self {
        Self { certificate, private_key, ocsp: None, presence: Presence::Required }
    }

    /// One file for both, which somebody else is about to write.
    pub fn awaited(file: PathBuf) -> Self {
        Self { certificate: file.clone(), private_key: file, ocsp: None, presence: Presence::Awaited }
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.private_key), self.ocsp.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    /// Whether it is to come and has not.
    pub fn is_awaited(&self) -> bool {
        self.presence == Presence::Awaited && !self.certificate.exists()
    }
}

/// Who says who clients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuthority {
    /// PEM: the authorities whose certificates count.
    pub ca: PathBuf,
    pub ask: Ask,
}

/// Whether a client must show a certificate. One that is shown must be good either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Without one there is no connection.
    Required,
    Optional,
}

/// Where clients find HTTPS; `None` is 443, which a URL does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpsPort(pub Option<NonZeroU16>);

/// What browsers are told about coming with TLS only (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    pub max_age: Duration,
    pub subdomains: Subdomains,
}

/// For how much of a host's domain HSTS holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subdomains {
    Left,
    Included,
    /// Included, and with leave to build it into browsers.
    Preloaded,
}

impl Hsts {
    /// The header's value.
    pub fn value(self) -> HeaderValue {
        let seconds = self.max_age.as_secs();
        let rest = match self.subdomains {
            Subdomains::Left => "",
            Subdomains::Included => "; includeSubDomains",
            Subdomains::Preloaded => "; includeSubDomains; preload",
        };
        HeaderValue::try_from(format!("max-age={seconds}{rest}")).expect("invariant: digits and words are a value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsts_says_what_it_covers() {
        let value = |subdomains| Hsts { max_age: Duration::from_secs(60), subdomains }.value();
        assert_eq!(value(Subdomains::Left), "max-age=60");
        assert_eq!(value(Subdomains::Preloaded), "max-age=60; includeSubDomains; preload");
    }
}
