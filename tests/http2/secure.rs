//! TLS for the tests: a certificate made on the spot, and a client that trusts it and asks for HTTP/2.

use std::sync::Arc;

use inlay::http::security::CertificateFiles;
use inlay::server::tls::Tls;
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Both sides of it.
pub struct Identity {
    tls: Tls,
    connector: TlsConnector,
    _folder: TempDir,
}

impl Identity {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap();
        let files = CertificateFiles::new(folder.path().join("a.pem"), folder.path().join("a.key"));
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.private_key, key.serialize_pem()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let mut config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self { tls: Tls::load(vec![files]).unwrap(), connector: TlsConnector::from(Arc::new(config)), _folder: folder }
    }

    /// For a listener.
    pub fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// The client's handshake, in which HTTP/2 must come out.
    pub async fn connect(&self, stream: TcpStream) -> TlsStream<TcpStream> {
        let stream = self.connector.connect(ServerName::try_from("a").unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
    }
}
