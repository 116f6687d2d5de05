//! TLS on a listener: its certificates, what it asks of clients, and the handshake.
//!
//! In: settings and PEM files. Out: encrypted streams, each with the certificate that its client showed. It must not
//! watch the files; whoever does calls [`Tls::reload`].

mod certificates;
mod clients;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{Acceptor, ResolvesServerCert};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub use clients::ClientCertificate;

use crate::acme::{self, Challenges};
use crate::http::pem::PemError;
use crate::http::security::{CertificateFiles, ClientAuthority, TlsSettings};
use certificates::Certificates;

/// Why certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("{} does not hold a usable certificate and {} its key", .files.certificate.display(), .files.private_key.display())]
    Pair {
        /// Boxed, because they are large and rare.
        files: Box<CertificateFiles>,
        #[source]
        source: rustls::Error,
    },
    #[error("the names in {} can't be read", .path.display())]
    Names {
        path: PathBuf,
        #[source]
        source: webpki::Error,
    },
    #[error("the OCSP response {} can't be read", .path.display())]
    Staple {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is no OCSP response in DER", .0.display())]
    NoStaple(PathBuf),
    #[error("a TLS listener needs a certificate")]
    None,
    #[error("{} holds what is no certificate authority", .path.display())]
    Authority {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("clients can't be verified by {}", .path.display())]
    Clients {
        path: PathBuf,
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
    #[error("the TLS provider lacks what is needed")]
    Provider(#[source] rustls::Error),
}

/// A listener's side of TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1 by ALPN. Clones share their certificates.
///
/// All suites of the provider are modern: forward secret, and authenticated encryption (AES-GCM, ChaCha20-Poly1305).
/// Sessions resume by tickets whose keys live in this process, change every six hours and are accepted for twelve.
#[derive(Clone, Debug)]
pub struct Tls {
    certificates: Arc<Certificates>,
    clients: Option<ClientAuthority>,
    /// For authorities that ask whether a domain is ours, by a protocol of its own.
    challenge: Option<Arc<ServerConfig>>,
    /// Replaced as a whole when the authorities of clients are read again.
    config: Arc<ArcSwap<ServerConfig>>,
}

impl Tls {
    /// TLS with these certificates and no more; see [`Tls::new`].
    ///
    /// # Errors
    /// [`TlsError`], the first that is found.
    pub fn load(certificates: Vec<CertificateFiles>) -> Result<Self, TlsError> {
        Self::new(TlsSettings { certificates, clients: None })
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], the first that is found.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsError> {
        let TlsSettings { certificates, clients } = settings;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = Arc::new(Certificates::load(certificates, &provider)?);
        let config = config(&certificates, clients.clone(), provider)?;
        Ok(Self { certificates, clients, challenge: None, config: Arc::new(ArcSwap::from_pointee(config)) })
    }

    /// Also answers TLS-ALPN-01 challenges (RFC 8737).
    ///
    /// # Errors
    /// [`TlsError::Provider`].
    pub fn answering(mut self, challenges: &Challenges) -> Result<Self, TlsError> {
        let provider = Arc::clone(self.config.load().crypto_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(TlsError::Provider)?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::new(challenges.clone()));
        config.alpn_protocols = vec![acme::ALPN.to_vec()];
        self.challenge = Some(Arc::new(config));
        Ok(self)
    }

    /// Reads the files again; handshakes from now on use what they hold.
    ///
    /// # Errors
    /// [`TlsError`] of the first that is wrong; in its place what was good stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let provider = Arc::clone(self.config.load().crypto_provider());
        let asking = match &self.clients {
            None => None,
            Some(clients) => Some(config(&self.certificates, Some(clients.clone()), Arc::clone(&provider))?),
        };
        if let Some(asking) = asking {
            self.config.store(Arc::new(asking));
        }
        self.certificates.reload(&provider)
    }

    /// The handshake. It has no bound of its own. `None`: it was all that an authority wanted.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let asks = hello.client_hello().alpn().is_some_and(|mut offered| offered.all(|name| name == acme::ALPN));
        match self.challenge.as_ref().filter(|_| asks) {
            None => hello.into_stream(self.config.load_full()).await.map(Some),
            Some(challenge) => {
                // It reads the certificate in the handshake, and there is nothing to say after that.
                hello.into_stream(Arc::clone(challenge)).await?.shutdown().await?;
                Ok(None)
            }
        }
    }
}

fn config(
    certificates: &Arc<Certificates>,
    clients: Option<ClientAuthority>,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(clients::verifier(clients, provider)?),
    };
    let mut config = builder.with_cert_resolver(Arc::clone(certificates) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // New with each configuration: a ticket holds whom it verified, and others may trust other authorities.
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(TlsError::Provider)?;
    Ok(config)
}

/// The certificate that the client of a stream showed and that was verified.
pub(super) fn client_certificate(stream: &TlsStream<TcpStream>) -> Option<ClientCertificate> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Some(ClientCertificate::new(shown))
}
