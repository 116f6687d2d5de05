//! What people and programs are told where the site's own answer can't be had.

use std::net::SocketAddr;

use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::house::{Answer, Front};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const PAGE: &str = "<h1>{{ site.name }}: {{ status }} {{ reason }}</h1><p>{{ detail }}";

/// An address where nobody listens.
async fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address")
}

async fn down(deployment: &str, files: &[(&str, &str)]) -> Front {
    Front::facing(closed().await, deployment, files).await
}

fn content_type(answer: &Answer) -> String {
    answer.header("content-type").unwrap_or_default()
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_a_document() {
    let front = down("", &[]).await;
    for (accept, is_page) in [
        (Some(BROWSER.1), true),
        (Some("text/html;q=0.1"), true),
        (Some("*/*"), false),
        (Some("application/json, text/html;q=0.9"), false),
        (None, false),
    ] {
        let headers: Vec<_> = accept.iter().map(|accept| ("accept", *accept)).collect();
        let answer = front.get_with("/", &headers).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{accept:?}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{accept:?}");
        assert!(answer.header("proxy-status").is_some_and(|status| status.contains("connection_refused")));
        assert!(!answer.text().contains("127.0.0.1"), "nothing of the inside is told: {}", answer.text());
        if is_page {
            assert_eq!(content_type(&answer), "text/html; charset=utf-8", "{accept:?}");
            assert!(answer.text().contains("<h1>Bad Gateway</h1>"), "{}", answer.text());
        } else {
            assert_eq!(content_type(&answer), "application/problem+json", "{accept:?}");
            assert_eq!(serde_json::from_slice::<Value>(&answer.body).expect("JSON")["status"], 502);
        }
    }
}

#[tokio::test]
async fn head_is_told_what_get_would_be() {
    let front = down("", &[]).await;
    let get = front.get_with("/", &[BROWSER]).await;
    let head = front.send("HEAD", "/", &[BROWSER], "").await;
    assert_eq!((head.status, head.body.len()), (get.status, 0));
    for name in ["content-type", "content-length", "cache-control", "proxy-status"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string()));
}

#[tokio::test]
async fn each_site_has_its_page_and_strangers_that_of_the_top() {
    let deployment = "error_page: top.html\nsites:\n  shop: { hosts: shop.example, error_page: shop.html }\n  \
                      blog: { hosts: blog.example }\n";
    let files = [("top.html", PAGE), ("shop.html", "<i>{{ site.name }} is closed, {{ status }}")];
    let front = down(deployment, &files).await;
    for (host, path, expected) in [
        ("shop.example", "/", "<i>shop is closed, 502"),
        ("blog.example", "/", "<h1>blog: 502 Bad Gateway</h1><p>The website behind this proxy gave no usable answer."),
        ("other.example", "/", "<h1>: 421 Misdirected Request</h1><p>no site is configured"),
        ("blog.example", "/_inlay/%3Cb%3E", "404 Not Found"),
    ] {
        let answer = front.get_with(path, &[BROWSER, ("host", host)]).await;
        assert!(answer.text().contains(expected), "{host}: {}", answer.text());
        assert!(!answer.text().contains("<b>"), "{host}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_page_is_read_again_with_the_files_and_a_wrong_one_changes_nothing() {
    let front = down("error_page: error.html\n", &[("error.html", "first {{ status }}")]).await;
    let told = async || front.get_with("/", &[BROWSER]).await.text().to_owned();
    assert_eq!(told().await, "first 502");
    front.write("error.html", "second {{ reason }}");
    front.app.reload();
    assert_eq!(told().await, "second Bad Gateway");
    front.write("error.html", "third {{ raeson }}");
    front.app.reload();
    assert_eq!(told().await, "second Bad Gateway");
}

/// A server that says 503 of itself below `/busy`, and is silent elsewhere.
async fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 2048];
            let _ = stream.read(&mut head).await;
            if head.starts_with(b"GET /busy") {
                let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nmine").await;
            }
            held.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn an_origin_that_is_too_slow_or_too_busy_is_told_apart() {
    let address = silent().await;
    let deployment = "origins:\n  slow: { urls: ['http://ADDRESS'], timeouts: { first_byte: 300ms } }\n  \
                      full: { urls: ['http://ADDRESS'], limits: { connections: 1, pending: 0 } }\n\
                      routes:\n  - { path: /slow, origin: slow }\n  - { path: '/full/**', origin: full }\n";
    let front = Front::facing(address, &deployment.replace("ADDRESS", &address.to_string()), &[]).await;
    let slow = front.get_with("/slow", &[BROWSER]).await;
    assert_eq!((slow.status, content_type(&slow)), (StatusCode::GATEWAY_TIMEOUT, "text/html; charset=utf-8".into()));
    assert!(slow.text().contains("too long to answer"), "{}", slow.text());
    assert_eq!(slow.header("retry-after"), None);

    // The first one takes the only connection, and is never answered.
    let mut first = tokio::net::TcpStream::connect(front.address()).await.expect("a connection");
    first.write_all(b"GET /full/first HTTP/1.1\r\nHost: a.example\r\n\r\n").await.expect("sent");
    front
        .until_true("the first is in flight", async || {
            let servers = format!("inlay_origin_in_flight{{origin=\"full\",server=\"{address}\"}}");
            (front.metric(&servers).await == 1.0).then_some(())
        })
        .await;
    let full = front.get_with("/full/second", &[BROWSER]).await;
    assert_eq!(
        (full.status, content_type(&full)),
        (StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=utf-8".into())
    );
    assert!(full.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0)));

    // What the origin says itself stays as it is.
    let own = front.get_with("/busy", &[BROWSER]).await;
    assert_eq!((own.status, own.text()), (StatusCode::SERVICE_UNAVAILABLE, "mine"));
}
