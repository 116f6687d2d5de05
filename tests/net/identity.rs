//! TLS towards an origin: who we say we are, and the name that is asked for where it is not the URL's.

use std::path::PathBuf;

use http::HeaderName;
use inlay::http::client::{Identity, TrustSettings};
use inlay::http::headers::Pseudonym;
use inlay::http::security::{Ask, CertificateFiles, ClientAuthority, TlsSettings};
use inlay::origin::{Origins, OriginsError};
use inlay::server::gate::Gate;
use inlay::server::tls::Tls;
use inlay::shutdown::shutdown;

use crate::authority::Authority;
use crate::house::{Running, Setup, echo_service, get, serve, serve_gated};

/// A proxy for the origin at `url`, which it reaches with this trust.
fn proxy(url: String, origin: &Running, trust: TrustSettings) -> Result<Running, OriginsError> {
    let (trigger, handle) = shutdown();
    let setup = Setup { urls: vec![url], ..Setup::of(origin.address) };
    let mut settings = setup.settings();
    settings.trust = trust;
    let origins = Origins::new(vec![settings], &Pseudonym::new(0xabc), &handle)?;
    Ok(setup.proxy_of(&origins, trigger, handle))
}

fn identity(files: &CertificateFiles) -> Option<Identity> {
    Some(Identity { certificate: files.certificate.clone(), private_key: files.private_key.clone() })
}

fn trust(ca: PathBuf, identity: Option<Identity>) -> TrustSettings {
    TrustSettings { ca: Some(ca), identity, server_name: None }
}

/// An origin that serves nobody who does not show a certificate of `authority`, and tells which it was shown.
fn demanding(authority: &Authority) -> Running {
    let clients = Some(ClientAuthority { ca: authority.ca(), ask: Ask::Required });
    let tls = Tls::new(TlsSettings { certificates: vec![authority.sign("local", &["localhost"])], clients }).unwrap();
    let name = HeaderName::from_static("client-cert");
    let gate = Gate { client_header: Some(name.clone()), reserved: [name].into(), ..Gate::default() };
    serve_gated(Some(tls), gate, echo_service)
}

#[tokio::test]
async fn an_origin_that_asks_who_we_are_is_shown_our_certificate() {
    let authority = Authority::new();
    let origin = demanding(&authority);
    let url = format!("https://localhost:{}", origin.address.port());
    let ours = identity(&authority.sign("inlay", &["inlay.example"]));
    let known = proxy(url.clone(), &origin, trust(authority.ca(), ours)).unwrap();
    let answer = get(known.address, "/page", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\nclient-cert: :"), "{answer}");
    // Nobody, and somebody whom another vouches for.
    let other = Authority::new();
    for shown in [None, identity(&other.sign("inlay", &["inlay.example"]))] {
        let unknown = proxy(url.clone(), &origin, trust(authority.ca(), shown)).unwrap();
        let answer = get(unknown.address, "/page", "").await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_before_anything_is_asked() {
    let authority = Authority::new();
    let origin = demanding(&authority);
    let (one, two) = (authority.sign("one", &["one.example"]), authority.sign("two", &["two.example"]));
    let mixed = Identity { certificate: one.certificate, private_key: two.private_key };
    let url = format!("https://localhost:{}", origin.address.port());
    let Err(OriginsError::Trust { .. }) = proxy(url, &origin, trust(authority.ca(), Some(mixed))) else {
        panic!("it should not be used")
    };
}

#[tokio::test]
async fn the_name_that_is_said_is_asked_for_and_must_be_shown() {
    let authority = Authority::new();
    let files = [authority.sign("blue", &["blue.example"]), authority.sign("green", &["green.example"])];
    let origin = serve(Some(Tls::load(files.to_vec()).unwrap()), echo_service);
    // An address, for which nobody has a certificate.
    let url = format!("https://{}", origin.address);
    for (name, status) in
        [(Some("green.example"), "200"), (Some("blue.example"), "200"), (Some("red.example"), "502"), (None, "502")]
    {
        let trust = TrustSettings {
            server_name: name.map(str::to_owned),
            ca: Some(authority.ca()),
            ..TrustSettings::default()
        };
        let proxy = proxy(url.clone(), &origin, trust).unwrap();
        let answer = get(proxy.address, "/page", "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{name:?}: {answer}");
        // `Host` is not touched by it.
        assert!(status == "502" || answer.contains(&format!("https://{}/page", origin.address)), "{answer}");
    }
}
