//! What TLS is besides encryption: who the client is, staples, sessions that resume, the way to HTTPS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Request, Response};
use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use inlay::http::Body;
use inlay::http::peer::TrustedProxies;
use inlay::http::security::{Ask, CertificateFiles, ClientAuthority, Hsts, HttpsPort, Subdomains, TlsSettings};
use inlay::server::gate::Gate;
use inlay::server::tls::Tls;
use inlay::shutdown::shutdown;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::{Authority, der};
use crate::house::{Running, echo, echo_service, get, serve, serve_gated};

/// What one request gets over TLS, on a connection of its own, and how the session came about.
async fn ask(server: &Running, config: &Arc<ClientConfig>, lines: &str) -> std::io::Result<(String, HandshakeKind)> {
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(config.clone()).connect(name, stream).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let kind = stream.get_ref().1.handshake_kind().expect("a handshake");
    Ok((answer, kind))
}

fn asking(authority: &Authority, ask: Ask) -> Running {
    let clients = Some(ClientAuthority { ca: authority.ca(), ask });
    let tls = Tls::new(TlsSettings { certificates: vec![authority.sign("local", &["localhost"])], clients }).unwrap();
    let name = HeaderName::from_static("client-cert");
    let gate = Gate { client_header: Some(name.clone()), reserved: [name].into(), ..Gate::default() };
    serve_gated(Some(tls), gate, echo_service)
}

/// A client that shows the certificate in `files`.
fn showing(authority: &Authority, files: &CertificateFiles) -> Arc<ClientConfig> {
    let key = PrivateKeyDer::from_pem_file(&files.private_key).unwrap();
    Arc::new(authority.client().with_client_auth_cert(vec![der(files)], key).unwrap())
}

#[tokio::test]
async fn a_client_proves_who_it_is_and_the_origin_is_told() {
    let authority = Authority::new();
    let client = authority.sign("ann", &["ann.example"]);
    let known = showing(&authority, &client);
    let nobody = Arc::new(authority.client().with_no_client_auth());
    let told = format!("client-cert: :{}:\n", STANDARD.encode(der(&client)));
    let forged = "Client-Cert: :AAAA:\r\nClient_Cert: :AAAA:\r\n";
    for wanted in [Ask::Required, Ask::Optional] {
        let server = asking(&authority, wanted);
        let (answer, _) = ask(&server, &known, forged).await.unwrap();
        assert!(answer.contains(&told) && !answer.contains("AAAA"), "{answer}");
        // A session that resumes has the same client.
        let (answer, kind) = ask(&server, &known, "").await.unwrap();
        assert_eq!(kind, HandshakeKind::Resumed);
        assert!(answer.contains(&told), "{answer}");
        match (wanted, ask(&server, &nobody, forged).await) {
            (Ask::Required, served) => assert!(served.is_err(), "{served:?}"),
            (Ask::Optional, served) => {
                let (answer, _) = served.unwrap();
                assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("AAAA"), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_whom_another_authority_signed_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let stranger = showing(&authority, &other.sign("eve", &["eve.example"]));
    for wanted in [Ask::Required, Ask::Optional] {
        let refused = ask(&asking(&authority, wanted), &stranger, "").await;
        assert!(refused.is_err(), "{refused:?}");
    }
}

#[tokio::test]
async fn the_authorities_of_clients_follow_their_file() {
    let (authority, next) = (Authority::new(), Authority::new());
    let (old, new) = (authority.sign("ann", &["ann.example"]), next.sign("ann", &["ann.example"]));
    let clients = Some(ClientAuthority { ca: authority.ca(), ask: Ask::Required });
    let certificates = vec![authority.sign("local", &["localhost"])];
    let tls = Tls::new(TlsSettings { certificates, clients }).unwrap();
    let server = serve(Some(tls.clone()), echo_service);
    let (old, new) = (showing(&authority, &old), showing(&authority, &new));
    ask(&server, &old, "").await.unwrap();
    ask(&server, &new, "").await.unwrap_err();
    std::fs::write(authority.ca(), next.certificate.pem()).unwrap();
    tls.reload().unwrap();
    ask(&server, &new, "").await.unwrap();
    // Nor does a ticket from before let it in.
    ask(&server, &old, "").await.unwrap_err();
}

#[tokio::test]
async fn sessions_resume_in_both_versions() {
    let authority = Authority::new();
    let server = serve(Some(Tls::load(vec![authority.sign("local", &["localhost"])]).unwrap()), echo_service);
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        assert_eq!(ask(&server, &config, "").await.unwrap().1, HandshakeKind::Full);
        assert_eq!(ask(&server, &config, "").await.unwrap().1, HandshakeKind::Resumed, "{versions:?}");
    }
}

/// Believes everything and keeps the staple.
#[derive(Debug, Default)]
struct Stapled(Mutex<Vec<u8>>);

impl ServerCertVerifier for Stapled {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = staple.to_vec();
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

#[tokio::test]
async fn a_staple_is_sent_and_follows_its_file() {
    let authority = Authority::new();
    let ocsp = authority.folder.path().join("site.ocsp");
    std::fs::write(&ocsp, [0x30, 0x03, 0x0a, 0x01, 0x00]).unwrap();
    let files = CertificateFiles { ocsp: Some(ocsp.clone()), ..authority.sign("local", &["localhost"]) };
    let tls = Tls::load(vec![files]).unwrap();
    let server = serve(Some(tls.clone()), echo_service);
    let stapled = Arc::new(Stapled::default());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.dangerous().with_custom_certificate_verifier(stapled.clone()).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let config = Arc::new(config);
    ask(&server, &config, "").await.unwrap();
    assert_eq!(*stapled.0.lock().unwrap(), [0x30, 0x03, 0x0a, 0x01, 0x00]);
    std::fs::write(&ocsp, [0x30, 0x03, 0x0a, 0x01, 0x03]).unwrap();
    tls.reload().unwrap();
    ask(&server, &config, "").await.unwrap();
    assert_eq!(*stapled.0.lock().unwrap(), [0x30, 0x03, 0x0a, 0x01, 0x03]);
    std::fs::write(&ocsp, "no DER").unwrap();
    tls.reload().unwrap_err();
    ask(&server, &config, "").await.unwrap();
    assert_eq!(*stapled.0.lock().unwrap(), [0x30, 0x03, 0x0a, 0x01, 0x03], "the last good one stays");
}

#[tokio::test]
async fn a_wrong_certificate_does_not_keep_others_from_changing() {
    let authority = Authority::new();
    let (a, b) = (authority.sign("a", &["a.example"]), authority.sign("b", &["b.example"]));
    let tls = Tls::load(vec![a.clone(), b.clone()]).unwrap();
    let server = serve(Some(tls.clone()), echo_service);
    let good = der(&a);
    std::fs::write(&a.certificate, "").unwrap();
    let renewed = authority.sign("b", &["b.example"]);
    tls.reload().unwrap_err();
    assert_eq!(authority.shown(&server, "a.example").await, good);
    assert_eq!(authority.shown(&server, "b.example").await, der(&renewed));
}

#[tokio::test]
async fn plain_clients_are_sent_to_https_and_those_of_a_trusted_proxy_are_not() {
    let trusted = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let gate = |trusted| Gate { redirect: Some(HttpsPort(None)), trusted, ..Gate::default() };
    let server = serve_gated(None, gate(TrustedProxies::default()), echo_service);
    let answer = get(server.address, "/a%20b?c=d", "X-Forwarded-Proto: https\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains("location: https://public.example/a%20b?c=d\r\n"), "{answer}");
    let server = serve_gated(None, gate(trusted), echo_service);
    let answer = get(server.address, "/", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = get(server.address, "/", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
}

#[tokio::test]
async fn hsts_is_said_over_tls_unless_the_origin_says_it() {
    let authority = Authority::new();
    let hsts = Hsts { max_age: Duration::from_secs(60), subdomains: Subdomains::Included }.value();
    let gate = Gate { hsts: Some(hsts), ..Gate::default() };
    let service = |request: Request<Body>| async move {
        let own = request.headers().contains_key("own");
        let response = Response::builder();
        let response = if own { response.header("strict-transport-security", "max-age=0") } else { response };
        response.body(Body::empty()).unwrap()
    };
    let tls = Tls::load(vec![authority.sign("local", &["localhost"])]).unwrap();
    let secure = serve_gated(Some(tls), gate.clone(), service);
    let config = Arc::new(authority.client().with_no_client_auth());
    let (answer, _) = ask(&secure, &config, "").await.unwrap();
    assert!(answer.contains("strict-transport-security: max-age=60; includeSubDomains\r\n"), "{answer}");
    let (answer, _) = ask(&secure, &config, "Own: 1\r\n").await.unwrap();
    assert!(answer.contains("strict-transport-security: max-age=0\r\n") && !answer.contains("=60"), "{answer}");
    let answer = get(serve_gated(None, gate, service).address, "/", "").await;
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn the_whole_of_inlay_serves_a_renewed_certificate_by_itself() {
    let authority = Authority::new();
    let old = der(&authority.sign("site", &["localhost"]));
    let origin = echo();
    let tls = "{ certificate: site.pem, private_key: site.key }";
    let listen = format!("[{{ address: \"127.0.0.1:0\", tls: {tls}, hsts: {{ max_age: 1h }} }}]");
    let text = format!("listen: {listen}\norigin: http://{}\nvisitor: {{ consent: implied }}\n", origin.address);
    std::fs::write(authority.folder.path().join("inlay.yaml"), text).unwrap();
    let source = ConfigSource::file(authority.folder.path().join("inlay.yaml"));
    let (app, _) = App::start(source, Clock::system()).unwrap();
    let server = Running { address: app.addresses()[0], trigger: shutdown().0 };
    assert_eq!(authority.shown(&server, "localhost").await, old);
    let config = Arc::new(authority.client().with_no_client_auth());
    let (answer, _) = ask(&server, &config, "").await.unwrap();
    assert!(answer.contains("strict-transport-security: max-age=3600\r\n"), "{answer}");
    let new = der(&authority.sign("site", &["localhost"]));
    let renewed = async {
        while authority.shown(&server, "localhost").await != new {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("the new certificate should be served");
}
