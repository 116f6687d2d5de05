//! What is told at the start: a Redis that can't be used stops it, one that is merely away does not.

use std::path::Path;
use std::time::Duration;

use inlay::app::{App, StartError};
use inlay::clock::Clock;
use inlay::config::ConfigSource;

use super::server::{self, Server, free_port};
use crate::contract;
use crate::serving::call;

fn start(folder: &Path, store: &str) -> Result<App, StartError> {
    let file = format!(
        "origin: http://127.0.0.1:9\nlisten: 127.0.0.1:0\nadmin: {{ address: 127.0.0.1:0 }}\nvisitor: {{ consent: implied }}\n\
         store: \"{store}\"\n"
    );
    std::fs::write(folder.join("inlay.yaml"), file).expect("written");
    App::start(ConfigSource::file(folder.join("inlay.yaml")), Clock::system()).map(|(app, _)| app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_can_t_be_used_is_told_without_its_password() {
    if !server::is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (guarded, cluster) = (Server::start(&["--requirepass", "right"]), Server::start(&["--cluster-enabled", "yes"]));
    for (store, told) in [
        (format!("redis://:wr0ng@127.0.0.1:{}", guarded.port), "the store can't be used"),
        (format!("redis://127.0.0.1:{}", guarded.port), "the store can't be used"),
        (format!("redis://127.0.0.1:{}", cluster.port), "is a Cluster: add `?cluster=true`"),
    ] {
        let error = start(folder.path(), &store).map(|_| ()).expect_err(&store).to_string();
        assert!(error.contains(told) && error.contains("127.0.0.1") && !error.contains("wr0ng"), "{store}: {error}");
    }
    let app = start(folder.path(), &format!("redis://:right@127.0.0.1:{}", guarded.port)).expect("started");
    let admin = app.admin_address().expect("an admin port");
    assert_eq!(call(admin, "PUT", "/api/v1/profiles/42", r#"{"tier": "gold"}"#).await.0, 200);
    assert_eq!(call(admin, "GET", "/api/v1/profiles/42", "").await.0, 200);
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_stops_nobody_and_is_used_when_it_comes() {
    if !server::is_there() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let app = start(folder.path(), &format!("redis://127.0.0.1:{port}")).expect("started");
    let admin = app.admin_address().expect("an admin port");
    assert_eq!(call(admin, "GET", "/readyz", "").await.0, 200);
    let (status, problem) = call(admin, "GET", "/api/v1/profiles/42", "").await;
    assert_eq!(status, 503, "{problem}");
    let _server = Server::on(port, &[]);
    let begun = std::time::Instant::now();
    while call(admin, "PUT", "/api/v1/profiles/42", r#"{"tier": "gold"}"#).await.0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not found");
    }
    app.stop(Duration::from_secs(5)).await;
}

/// Certificates of an authority of ours, for a server on this machine.
fn certificates(folder: &Path) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, key).expect("an authority");
    let key = rcgen::KeyPair::generate().expect("a key");
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let server = server.signed_by(&key, &authority).expect("a certificate");
    for (name, pem) in [("ca.pem", authority.pem()), ("server.pem", server.pem()), ("server.key", key.serialize_pem())]
    {
        std::fs::write(folder.join(name), pem).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_tls() {
    if !server::is_there() {
        return;
    }
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let tls = ["--tls-port", &port.to_string(), "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let _server = Server::start(&[&tls[..], &["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"]].concat());
    let url = format!("rediss://localhost:{port}");
    // Nobody on this machine trusts that authority.
    let error = start(folder.path(), &url).map(|_| ()).expect_err("not trusted").to_string();
    assert!(error.contains("the store can't be used") && error.contains("UnknownIssuer"), "{error}");
    let trusted = super::address(&format!("{url}?ca={ca}"));
    contract::hold(&inlay::store::RedisStore::begin(trusted, contract::keep())).await;
}
