//! The process with its store: what servers tell it over the admin port is there after a restart.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use inlay::app::{App, StartError};
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn start(folder: &Path) -> Result<App, StartError> {
    let file = "origin: http://127.0.0.1:9\nlisten: 127.0.0.1:0\nadmin: { address: 127.0.0.1:0 }\nstore: data\n\
                visitor: { consent: implied }\nprofiles: { events: 2 }\n";
    std::fs::write(folder.join("inlay.yaml"), file).expect("written");
    App::start(ConfigSource::file(folder.join("inlay.yaml")), Clock::system()).map(|(app, _)| app)
}

/// One call of the admin port: its status and its document.
pub async fn call(admin: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Json) {
    let (status, text) = call_text(admin, method, path, body).await;
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// One call of the admin port: its status and its body.
pub async fn call_text(admin: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).await.expect("connected");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {admin}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (_, text) = answer.split_once("\r\n\r\n").expect("a head");
    (status, text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_tell_is_there_after_a_restart_until_it_is_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = start(folder.path()).expect("started");
    let admin = app.admin_address().expect("an admin port");
    assert_eq!(call(admin, "GET", "/api/v1/profiles/42", "").await.0, 404);
    assert_eq!(call(admin, "PUT", "/api/v1/profiles/42", r#"{"loyalty": {"tier": "gold"}}"#).await.0, 200);
    let events: Vec<Json> = (0..3)
        .map(|number| json!({ "type": "order.placed", "id": format!("o{number}"), "data": { "total": number } }))
        .collect();
    let events = Json::from(events).to_string();
    for _ in 0..2 {
        let (status, told) = call(admin, "POST", "/api/v1/profiles/customer%3A42/events", &events).await;
        assert_eq!((status, &told["accepted"]), (200, &json!(3)));
    }
    // While it runs, nobody else may have its folder.
    let second = start(folder.path()).map(|_| ()).expect_err("two of one store").to_string();
    assert!(second.contains("another process has the store"), "{second}");
    app.stop(Duration::from_secs(5)).await;

    let app = start(folder.path()).expect("started again");
    let admin = app.admin_address().expect("an admin port");
    let (status, known) = call(admin, "GET", "/api/v1/profiles/42", "").await;
    assert_eq!(status, 200);
    assert_eq!(known["traits"], json!({ "loyalty": { "tier": "gold" } }));
    assert_eq!(known["counters"], json!({ "order.placed": 3 }), "events count once, beyond those that are kept");
    assert_eq!(known["events"].as_array().map(Vec::len), Some(2));
    let (status, erased) = call(admin, "DELETE", "/api/v1/profiles/42", "").await;
    assert_eq!((status, &erased["events"], &erased["ids"]), (200, &json!(2), &json!(["customer:42"])));
    assert_eq!(call(admin, "GET", "/api/v1/profiles/42", "").await.0, 404);
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_call_is_told_what_to_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = start(folder.path()).expect("started");
    let admin = app.admin_address().expect("an admin port");
    for (method, path, body, status, told) in [
        ("PUT", "42", "[]", 400, "traits are an object"),
        ("PUT", "42", "{", 400, "EOF"),
        ("PUT", "%20", "{}", 400, "an id has 1 to"),
        ("POST", "42", "{}", 405, "takes GET, PUT and DELETE"),
        ("POST", "42/events", "[]", 400, "1 to 1000"),
        ("POST", "42/events", r#"[{"type": "a.b"}, {"type": "view"}]"#, 400, "event 2: `view` is no event type"),
        ("GET", "42/orders", "", 404, "`events`, and nothing else"),
    ] {
        let (is, problem) = call(admin, method, &format!("/api/v1/profiles/{path}"), body).await;
        assert_eq!(is, status, "{method} {path}");
        assert!(problem.to_string().contains(told), "{method} {path}: {problem}");
    }
    app.stop(Duration::from_secs(5)).await;
}
