//! Whom a source can reach: what it names, on addresses that anybody could reach, whatever names and redirects say.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use http::Response;
use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use inlay::http::Body;
use inlay::http::client::Names;
use inlay::server::inherited::Inherited;

use super::api::{Api, fronted, json};
use super::house::{NOW, page, serve_origin};

const PAGE: &str = "<p>own</p>";

fn rules(source: &str) -> String {
    format!(
        "sources:\n  s:\n    retries: 0\n{source}\nrules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      - {{ select: p, place: \
         inner, deadline: 5s, template: '{{{{ sources.s().n }}}}' }}\n"
    )
}

fn redirecting(to: String) -> Api {
    Api::new(move |came| match came.target.as_str() {
        "/" => Response::builder().status(302).header("location", &to).body(Body::empty()).expect("a response"),
        _ => json(r#"{ "n": 1 }"#),
    })
}

#[tokio::test]
async fn an_address_inside_is_refused_unless_it_is_allowed() {
    let api = Api::new(|_| json(r#"{ "n": 1 }"#));
    let port = api.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"] {
        let front = fronted(PAGE, &rules(&format!("    url: 'http://{host}:{port}/'")), &api).await;
        assert_eq!(front.get("/").await.text(), PAGE, "{host}");
        let metrics = front.admin("GET", "/metrics").await;
        let inward = "inlay_source_calls_total{source=\"s\",outcome=\"inward\"} 1";
        assert!(metrics.text().contains(inward), "{host}: {}", metrics.text());
    }
    assert!(api.came().is_empty(), "nobody was connected to");
    let front = fronted(PAGE, &rules("    allow_private: true\n    url: http://API/"), &api).await;
    assert_eq!(front.get("/").await.text(), "<p>1</p>");
}

#[tokio::test]
async fn redirects_are_followed_where_they_are_allowed_and_no_further() {
    let elsewhere = Api::new(|_| json(r#"{ "n": 6 }"#));
    let other = format!("http://localhost:{}/there", elsewhere.address.port());
    let follow = "    allow_private: true\n    url: http://API/\n    redirects: { follow: 2 }";
    for (source, to, shows) in [
        ("    allow_private: true\n    url: http://API/", "/there".to_owned(), PAGE),
        (follow, "/there".to_owned(), "<p>1</p>"),
        (follow, "/".to_owned(), PAGE),
        (follow, other.clone(), PAGE),
        (
            "    allow_private: true\n    url: http://API/\n    redirects: { follow: 1, hosts: [localhost] }",
            other.clone(),
            "<p>6</p>",
        ),
        (follow, "file:///etc/passwd".to_owned(), PAGE),
    ] {
        let api = redirecting(to.clone());
        let front = fronted(PAGE, &rules(source), &api).await;
        let answer = front.get("/").await;
        assert_eq!(answer.text(), shows, "{source} to {to}");
    }
}

/// A name that is public when it is looked at first and inside when it is connected to: each connection is judged by the
/// address that it goes to.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let api = Api::new(|_| json(r#"{ "n": 1 }"#));
    let asked: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    let noted = asked.clone();
    let names = Names::told(move |_| {
        let mut asked = noted.lock().expect("no panic");
        // The first answers are of the kind that a check would let pass.
        let address: IpAddr =
            if asked.len().is_multiple_of(2) { "203.0.114.1" } else { "127.0.0.1" }.parse().expect("an address");
        asked.push(address);
        Ok(vec![address])
    });
    let (origin, _origin) = serve_origin(|_| page(PAGE));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    let source = format!("    timeout: 300ms\n    url: 'http://rebinding.example:{}/'", api.address.port());
    std::fs::write(folder.path().join("rules/site.yaml"), rules(&source)).expect("a file");
    let head = format!("listen: 127.0.0.1:0\norigin: http://{origin}\nrules: rules\n");
    std::fs::write(folder.path().join("inlay.yaml"), head).expect("a file");
    let source = ConfigSource::file(folder.path().join("inlay.yaml"));
    let clock = Clock::fixed(NOW.parse().expect("a time"));
    let (app, _) = App::start_as_told(source, clock, Inherited::none(), names).expect("it starts");
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    for _ in 0..6 {
        let url = format!("http://{}/", app.addresses()[0]).parse().expect("a URL");
        let answer = client.get(url).await.expect("an answer") as Response<hyper::body::Incoming>;
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body").to_bytes();
        assert_eq!(&body[..], PAGE.as_bytes());
        let _: &hyper_util::client::legacy::Client<_, http_body_util::Full<bytes::Bytes>> = &client;
    }
    assert!(asked.lock().expect("no panic").contains(&"127.0.0.1".parse().expect("an address")));
    assert!(api.came().is_empty(), "the inside was connected to");
}
