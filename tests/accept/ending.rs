//! How things end: a page that its origin broke off, and the process itself.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use inlay::http::{Body, BodyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{Front, page};

const RULES: &str = "\
rules:
  everywhere:
    match: { path: /** }
    inject:
      - { select: p, place: after, html: LAID }
";

/// A page of which the origin sends only the beginning, in one piece with the news that it broke.
fn broken_off() -> Response<Body> {
    let pieces = [Ok(Bytes::from_static(b"<p>one</p><p>tw")), Err(BodyError::TooLong(0))];
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    response.body(Body::stream(stream::iter(pieces))).expect("a response")
}

/// All that comes on a connection of its own, up to its end.
async fn raw(front: &Front, request: &str) -> String {
    let mut stream = TcpStream::connect(front.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut all = Vec::new();
    let reading = stream.read_to_end(&mut all);
    let _ = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("an end");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn what_came_of_a_page_that_broke_off_arrives() {
    let front = Front::new(RULES, |_| broken_off()).await;
    let answer = raw(&front, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("<p>one</p>LAID"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "a broken page must not look whole: {answer}");
}

#[tokio::test]
async fn the_admin_port_answers_while_pages_drain() {
    let front = Front::new(RULES, |_| {
        let slow = stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            (number < 10).then(|| (Ok(Bytes::from_static(b"<p>x</p>")), number + 1))
        });
        let response = Response::builder().header("content-type", "text/html; charset=utf-8");
        response.body(Body::stream(slow)).expect("a response")
    })
    .await;
    let site = front.address();
    let admin = front.app.admin_address().expect("an admin port");
    let reading = tokio::spawn(async move {
        let mut stream = TcpStream::connect(site).await.expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("a whole answer");
        String::from_utf8_lossy(&all).into_owned()
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(front.app.stop(Duration::from_secs(20)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(admin).await.expect("the admin port still listens");
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut ready = String::new();
    stream.read_to_string(&mut ready).await.expect("an answer");
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(TcpStream::connect(site).await.is_err(), "no new visitors");
    let page = reading.await.expect("read");
    assert!(page.ends_with("0\r\n\r\n") && page.matches("LAID").count() == 10, "{page}");
    stopping.await.expect("stopped");
    assert!(TcpStream::connect(admin).await.is_err(), "at last the admin port is closed too");
}

#[tokio::test]
async fn a_page_with_more_matches_than_slots_is_counted() {
    let front = Front::new(RULES, |_| page("<p>x</p>".repeat(inlay::limits::SLOTS_PER_PAGE + 5))).await;
    let answer = front.get("/").await;
    assert_eq!(answer.text().matches("LAID").count(), inlay::limits::SLOTS_PER_PAGE);
    let metrics = front.admin("GET", "/metrics").await;
    assert!(metrics.text().contains("inlay_broken_pages_total{kind=\"slots\"} 1"), "{}", metrics.text());
}
