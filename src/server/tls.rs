//! TLS on a listener: certificates from PEM files, chosen by the name that the client asks for.
//!
//! In: pairs of files. Out: encrypted streams; certificates that follow their files when told to. It must not watch
//! the files; whoever does calls [`Tls::reload`].

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::http::pem::{self, PemError};

/// One certificate's files, both PEM; the certificate's with the chain behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub private_key: PathBuf,
}

/// Why certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("{} does not hold a usable certificate and {} its key", .files.certificate.display(), .files.private_key.display())]
    Pair {
        files: CertificateFiles,
        #[source]
        source: rustls::Error,
    },
    #[error("the names in {} can't be read", .path.display())]
    Names {
        path: PathBuf,
        #[source]
        source: webpki::Error,
    },
    #[error("a TLS listener needs a certificate")]
    None,
    #[error("the TLS provider lacks the protocol's versions")]
    Provider(#[source] rustls::Error),
}

/// A listener's side of TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1 by ALPN. Clones share their certificates.
#[derive(Clone, Debug)]
pub struct Tls {
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files. The first certificate is for clients that ask for a name which none has, or for no name.
    ///
    /// # Errors
    /// [`TlsError`], the first that is found.
    pub fn load(files: Vec<CertificateFiles>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let table = Table::load(&files, &provider)?;
        let certificates = Arc::new(Certificates { files, table: ArcSwap::from_pointee(table) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { certificates, config: Arc::new(config) })
    }

    /// Reads the files again; handshakes from now on use what they hold.
    ///
    /// # Errors
    /// [`TlsError`]; the certificates that were good stay in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let table = Table::load(&self.certificates.files, self.config.crypto_provider())?;
        self.certificates.table.store(Arc::new(table));
        Ok(())
    }

    /// The files, for whoever watches them.
    pub fn files(&self) -> &[CertificateFiles] {
        &self.certificates.files
    }

    /// The handshake. It has no bound of its own.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

#[derive(Debug)]
struct Certificates {
    files: Vec<CertificateFiles>,
    table: ArcSwap<Table>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.table.load().choose(hello.server_name()))
    }
}

/// Certificates by the names they are for.
#[derive(Debug)]
struct Table {
    first: Arc<CertifiedKey>,
    /// Lower-case; `*.example.com` as it is written.
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Table {
    fn load(files: &[CertificateFiles], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut by_name = HashMap::new();
        let mut first = None;
        for files in files {
            let key = Arc::new(load_pair(files, provider)?);
            for name in names(&key, files)? {
                // Of two certificates for one name the first listed is it.
                by_name.entry(name).or_insert_with(|| Arc::clone(&key));
            }
            first.get_or_insert(key);
        }
        Ok(Self { first: first.ok_or(TlsError::None)?, by_name })
    }

    /// The exact name before the wildcard (RFC 9525 section 6.3: one label, the leftmost), else the first certificate.
    fn choose(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let named = name.map(str::to_ascii_lowercase).and_then(|name| {
            let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
            self.by_name.get(&name).or_else(wildcard)
        });
        Arc::clone(named.unwrap_or(&self.first))
    }
}

fn load_pair(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::private_key(&files.private_key)?;
    // Also refuses a key that does not belong to the certificate.
    CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Pair { files: files.clone(), source })
}

fn names(key: &CertifiedKey, files: &CertificateFiles) -> Result<Vec<String>, TlsError> {
    let unreadable = |source| TlsError::Names { path: files.certificate.clone(), source };
    let certificate = webpki::EndEntityCert::try_from(&key.cert[0]).map_err(unreadable)?;
    Ok(certificate.valid_dns_names().map(str::to_ascii_lowercase).collect())
}
