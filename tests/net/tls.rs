//! TLS on both sides: names, protocols, authorities, and certificates that change.

use std::path::Path;

use http::{Request, Version};
use inlay::http::Body;
use inlay::http::client::{
    Address, Bounds, ClientSettings, Needs, Protocol, SendError, ServerClient, Timeouts, TrustError, TrustSettings,
};
use inlay::http::trust;
use inlay::server::tls::Tls;
use tempfile::TempDir;

use crate::authority::{Authority, der};
use crate::house::{Running, Setup, echo_service, serve, text};

/// Asks with a client of its own.
async fn fetch(ca: Option<&Path>, server: &Running, needs: Needs) -> Result<(Version, String), SendError> {
    let url = format!("https://localhost:{}/page", server.address.port());
    let client = client(ca, &url).unwrap();
    let sent = client.send(Request::get(url).body(Body::empty()).unwrap(), needs).await;
    let response = sent.map_err(|unanswered| unanswered.error)?;
    Ok((response.version(), text(response).await))
}

fn client(ca: Option<&Path>, url: &str) -> Result<ServerClient, TrustError> {
    let settings = ClientSettings {
        address: Address::Tcp(url.parse().unwrap()),
        protocol: Protocol::Auto,
        trust: TrustSettings { ca: ca.map(Path::to_owned), ..TrustSettings::default() },
        timeouts: Timeouts::default(),
        bounds: Bounds::default(),
    };
    ServerClient::new(&settings, trust::platform)
}

#[tokio::test]
async fn the_certificate_is_chosen_by_name() {
    let authority = Authority::new();
    let files = [
        authority.sign("first", &["first.example", "other.example"]),
        authority.sign("wild", &["*.shop.example"]),
        authority.sign("exact", &["a.shop.example", "other.example"]),
    ];
    let server = serve(Some(Tls::load(files.to_vec()).unwrap()), echo_service);
    for (name, file) in [("first.example", 0), ("B.shop.example", 1), ("a.shop.example", 2), ("other.example", 0)] {
        assert_eq!(authority.shown(&server, name).await, der(&files[file]), "{name}");
    }
}

#[tokio::test]
async fn both_sides_speak_http2_over_tls_and_http1_where_it_is_asked() {
    let authority = Authority::new();
    let tls = Tls::load(vec![authority.sign("local", &["localhost"])]).unwrap();
    let origin = serve(Some(tls.clone()), echo_service);
    let proxy = Setup {
        urls: vec![format!("https://localhost:{}", origin.address.port())],
        ca: Some(authority.ca()),
        tls: Some(tls),
        ..Setup::of(origin.address)
    }
    .proxy();
    let ca = authority.ca();
    let (version, seen) = fetch(Some(&ca), &proxy, Needs::Nothing).await.unwrap();
    assert_eq!(version, Version::HTTP_2);
    assert!(seen.starts_with(&format!("GET https://localhost:{}/page HTTP/2.0\n", origin.address.port())), "{seen}");
    assert!(seen.contains("x-forwarded-proto: https\n") && !seen.contains("\nhost: "), "{seen}");
    let (version, _) = fetch(Some(&ca), &proxy, Needs::Http1).await.unwrap();
    assert_eq!(version, Version::HTTP_11);
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused() {
    let authority = Authority::new();
    let tls = Tls::load(vec![authority.sign("local", &["localhost"])]).unwrap();
    let origin = serve(Some(tls), echo_service);
    let refused = fetch(None, &origin, Needs::Nothing).await.unwrap_err();
    assert!(matches!(refused, SendError::Tls(_)), "{refused:?}");
    let other = Authority::new();
    let refused = fetch(Some(&other.ca()), &origin, Needs::Nothing).await.unwrap_err();
    assert!(matches!(refused, SendError::Tls(_)), "{refused:?}");
    let wrong = serve(Some(Tls::load(vec![authority.sign("wrong", &["else.example"])]).unwrap()), echo_service);
    let refused = fetch(Some(&authority.ca()), &wrong, Needs::Nothing).await.unwrap_err();
    assert!(matches!(refused, SendError::Tls(_)), "{refused:?}");
}

#[tokio::test]
async fn certificates_follow_their_files_and_the_last_good_ones_stay() {
    let authority = Authority::new();
    let files = authority.sign("local", &["localhost"]);
    let tls = Tls::load(vec![files.clone()]).unwrap();
    let server = serve(Some(tls.clone()), echo_service);
    let old = der(&files);
    let renewed = authority.sign("local", &["localhost"]);
    assert_eq!(authority.shown(&server, "localhost").await, old);
    tls.reload().unwrap();
    assert_eq!(authority.shown(&server, "localhost").await, der(&renewed));

    let good = der(&renewed);
    // A key that belongs to another certificate, half a file, no file.
    let other = authority.sign("other", &["localhost"]);
    std::fs::copy(&other.private_key, &files.private_key).unwrap();
    tls.reload().unwrap_err();
    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    tls.reload().unwrap_err();
    std::fs::remove_file(&files.certificate).unwrap();
    tls.reload().unwrap_err();
    assert_eq!(authority.shown(&server, "localhost").await, good);
}

#[test]
fn authorities_that_are_of_no_use_are_told() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    assert!(client(Some(&empty), "https://a").is_err());
    assert!(client(Some(&folder.path().join("missing.pem")), "https://a").is_err());
}
