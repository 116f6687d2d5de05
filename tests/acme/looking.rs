//! How an authority looks whether a domain is somebody's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// HTTP-01: whether the file is there.
pub async fn by_http(at: SocketAddr, domain: &str, token: &str, proof: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(at).await else { return false };
    let path = format!("/.well-known/acme-challenge/{token}");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {domain}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let asked = stream.write_all(request.as_bytes()).await.is_ok() && stream.read_to_string(&mut answer).await.is_ok();
    asked && answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{proof}"))
}

/// TLS-ALPN-01: whether the handshake shows the certificate (RFC 8737 section 3).
pub async fn by_tls(at: SocketAddr, domain: &str, proof: &str) -> bool {
    let shown = Arc::new(Shown::default());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.dangerous().with_custom_certificate_verifier(shown.clone()).with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let Ok(stream) = TcpStream::connect(at).await else { return false };
    let name = ServerName::try_from(domain.to_owned()).unwrap();
    let Ok(stream) = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await else {
        return false;
    };
    let agreed = stream.get_ref().1.alpn_protocol() == Some(b"acme-tls/1");
    let der = shown.0.lock().unwrap().clone();
    agreed && says(&der, domain, proof)
}

/// One name, and the digest of the proof in a critical extension.
fn says(der: &[u8], domain: &str, proof: &str) -> bool {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let one = names.value.general_names.len() == 1
        && matches!(names.value.general_names[0], x509_parser::prelude::GeneralName::DNSName(name) if name == domain);
    let digest = digest(&SHA256, proof.as_bytes());
    let wanted = [&[4, 32], digest.as_ref()].concat();
    let mut extensions = certificate.extensions().iter();
    let proved =
        extensions.any(|one| one.oid.to_id_string() == "1.3.6.1.5.5.7.1.31" && one.critical && one.value == wanted);
    one && proved
}

/// Believes everything and keeps the certificate.
#[derive(Debug, Default)]
struct Shown(Mutex<Vec<u8>>);

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
