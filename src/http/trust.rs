//! TLS towards other servers: whom we trust, and who we say we are.
//!
//! In: PEM files. Out: the client's side of TLS 1.2 and 1.3. It must not open connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::pem::{self, PemError};

/// What TLS with one server rests on, besides the platform's authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustSettings {
    /// PEM file of certificate authorities that are trusted as well.
    pub ca: Option<PathBuf>,
    /// What we show to a server that asks who we are.
    pub identity: Option<Identity>,
    /// The name that is asked for (SNI) and that the certificate must be for, where it is not the URL's.
    pub server_name: Option<String>,
}

/// A certificate of ours with its key, both PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    pub private_key: PathBuf,
}

impl TrustSettings {
    /// The files that it is made of.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(|identity| [&identity.certificate, &identity.private_key]);
        self.ca.iter().chain(identity).map(PathBuf::as_path)
    }
}

/// Why files can't be used for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("{} holds a certificate that can't be used", .path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("{} does not hold a usable certificate and {} its key", .identity.certificate.display(), .identity.private_key.display())]
    Identity {
        identity: Identity,
        #[source]
        source: rustls::Error,
    },
    #[error("`{0}` is no name that a certificate can be for")]
    Name(String),
    #[error("the TLS provider lacks the protocol's versions")]
    Provider(#[source] rustls::Error),
}

/// The platform's authorities. Those that can't be read are left out, and told.
pub fn platform() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a certificate authority of the platform was left out");
    }
    roots.add_parsable_certificates(native.certs);
    roots
}

/// Trusts `roots` and what the settings add to them; ALPN is left to whoever dials.
///
/// # Errors
/// [`TrustError`] where a file is of no use.
pub fn config(mut roots: RootCertStore, settings: &TrustSettings) -> Result<ClientConfig, TrustError> {
    if let Some(path) = &settings.ca {
        for certificate in pem::certificates(path)? {
            roots.add(certificate).map_err(|source| TrustError::Certificate { path: path.clone(), source })?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Provider)?
        .with_root_certificates(roots);
    let Some(identity) = &settings.identity else { return Ok(config.with_no_client_auth()) };
    let chain = pem::certificates(&identity.certificate)?;
    let key = pem::private_key(&identity.private_key)?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|source| TrustError::Identity { identity: identity.clone(), source })
}
