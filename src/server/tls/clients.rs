//! Clients that show a certificate (mTLS).
//!
//! In: the authorities that sign them. Out: the verifier of a listener, and what the origin is told of a client that was
//! verified. It must not decide what such a client may do.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::TlsError;
use crate::http::pem;
use crate::http::security::{Ask, ClientAuthority};

/// What judges the certificates of clients.
///
/// # Errors
/// The file of authorities is of no use.
pub fn verifier(
    clients: ClientAuthority,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = clients.ca;
    let mut roots = RootCertStore::empty();
    for authority in pem::certificates(&path)? {
        roots.add(authority).map_err(|source| TlsError::Authority { path: path.clone(), source })?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match clients.ask {
        Ask::Required => builder,
        Ask::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|source| TlsError::Clients { path, source })
}

/// The certificate of a client that was verified, as the origin is told of it. In the extensions of every request that comes
/// over its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate(HeaderValue);

impl ClientCertificate {
    /// Writes it as RFC 9440 section 2.1 has it: a byte sequence of its DER.
    pub fn new(der: &CertificateDer<'_>) -> Self {
        let text = format!(":{}:", STANDARD.encode(der));
        Self(HeaderValue::try_from(text).expect("invariant: base64 may stand in a header"))
    }

    /// The value of the header.
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }
}
