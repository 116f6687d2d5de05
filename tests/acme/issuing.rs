//! From nothing to a certificate that is served, and on to its renewal.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Authority;

/// What must happen at all happens within this time; it bounds a failure, it measures nothing.
const SOON: Duration = Duration::from_secs(60);

/// Inlay with one plain listener and one with TLS.
struct Front {
    app: App,
    storage: PathBuf,
    _folder: TempDir,
}

impl Front {
    /// Wants a certificate for two domains. The authority is shown the way to it.
    fn new(authority: &Authority, challenge: &str, storage: Option<PathBuf>) -> Self {
        let folder = TempDir::new().unwrap();
        let storage = storage.unwrap_or_else(|| folder.path().join("acme"));
        let text = format!(
            "listen:\n  - {{ address: \"127.0.0.1:0\", redirect_https: true }}\n  - address: 127.0.0.1:0\n    tls:\n      acme:\n        \
             domains: [shop.example, www.shop.example]\n        contact: mailto:a@shop.example\n        \
             directory: {}\n        ca: {}\n        storage: {}\n        challenge: {challenge}\n\
             origin: http://127.0.0.1:9\nvisitor: {{ consent: implied }}\nadmin: {{ address: \"127.0.0.1:0\" }}\n",
            authority.directory(),
            authority.ca().display(),
            storage.display(),
        );
        std::fs::write(folder.path().join("inlay.yaml"), text).unwrap();
        let started = App::start(ConfigSource::file(folder.path().join("inlay.yaml")), Clock::system());
        let (app, _) = started.unwrap_or_else(|error| panic!("{error:#?}"));
        authority.state.http.lock().unwrap().push(app.addresses()[0]);
        authority.state.tls.lock().unwrap().push(app.addresses()[1]);
        Self { app, storage, _folder: folder }
    }

    /// The certificate that it shows for `name`, if that is good.
    async fn shown(&self, authority: &Authority, name: &str) -> Option<CertificateDer<'static>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.state.root.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.app.addresses()[1]).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
        Some(stream.get_ref().1.peer_certificates()?[0].clone().into_owned())
    }

    /// Waits for a good certificate that is not `old`.
    async fn renewed(&self, authority: &Authority, old: Option<&CertificateDer<'static>>) -> CertificateDer<'static> {
        until("a certificate", async || self.shown(authority, "shop.example").await.filter(|shown| Some(shown) != old))
            .await
    }

    fn file(&self) -> PathBuf {
        let mut folders = std::fs::read_dir(&self.storage).unwrap();
        folders.next().unwrap().unwrap().path().join("shop.example.pem")
    }

    async fn metrics(&self) -> String {
        get(self.app.admin_address().unwrap(), "/metrics").await
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, asking).await.unwrap_or_else(|_| panic!("{what} should have come"))
}

#[tokio::test]
async fn a_certificate_is_had_by_either_challenge_and_kept_safely() {
    for challenge in ["http-01", "tls-alpn-01"] {
        let authority = Authority::new();
        let front = Front::new(&authority, challenge, None);
        front.renewed(&authority, None).await;
        assert!(front.shown(&authority, "www.shop.example").await.is_some(), "{challenge}: both names");
        assert_eq!(authority.issued(), 1, "{challenge}");
        let mode = std::fs::metadata(front.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{challenge}: it holds the key");
        let metrics = front.metrics().await;
        assert!(metrics.contains("inlay_certificate_renewals_total{kind=\"issued\"} 1"), "{metrics}");
        assert!(metrics.contains("inlay_certificate_expiry_seconds{name=\"shop.example\"} "), "{metrics}");
        // Nothing of the challenge is left, and everybody else is sent to HTTPS.
        let answer = get(front.app.addresses()[0], "/.well-known/acme-challenge/token-0-0").await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_ahead_of_time_under_the_same_account() {
    let authority = Authority::new();
    authority.state.life.store(9, Ordering::Relaxed);
    let front = Front::new(&authority, "tls-alpn-01", None);
    let first = front.renewed(&authority, None).await;
    let checking = async {
        // Never is there none that is good.
        let mut shown = first.clone();
        while shown == first {
            shown = front.shown(&authority, "shop.example").await.expect("a good certificate at any time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, checking).await.expect("the certificate should be renewed");
    assert!(authority.issued() >= 2);
    assert_eq!(authority.state.accounts.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_restart_uses_what_is_there_and_a_failed_renewal_leaves_it() {
    let authority = Authority::new();
    let front = Front::new(&authority, "http-01", None);
    let first = front.renewed(&authority, None).await;
    // Another process, without orders of its own.
    let again = Front::new(&authority, "http-01", Some(front.storage.clone()));
    assert_eq!(again.shown(&authority, "shop.example").await, Some(first));
    assert_eq!(authority.issued(), 1);
    // Now domains lead elsewhere, and the certificate runs out soon.
    let other = Authority::new();
    other.state.life.store(24, Ordering::Relaxed);
    let late = Front::new(&other, "http-01", None);
    let good = late.renewed(&other, None).await;
    other.state.http.lock().unwrap().clear();
    until("a failure", async || {
        late.metrics().await.contains("inlay_certificate_renewals_total{kind=\"failed\"} 1").then_some(())
    })
    .await;
    assert_eq!(late.shown(&other, "shop.example").await, Some(good), "the last good one stays");
}

#[tokio::test]
async fn processes_that_share_a_folder_order_once() {
    let authority = Authority::new();
    let shared = TempDir::new().unwrap();
    let fronts = [(); 3].map(|()| Front::new(&authority, "tls-alpn-01", Some(shared.path().join("acme"))));
    let first = fronts[0].renewed(&authority, None).await;
    for front in &fronts[1..] {
        assert_eq!(front.renewed(&authority, None).await, first);
    }
    assert_eq!(authority.issued(), 1);
    assert_eq!(authority.state.accounts.lock().unwrap().len(), 1);
}
