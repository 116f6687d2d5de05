//! What passes untouched, and what a rewritten page's head says.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Response, StatusCode};
use inlay::http::Body;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::house::{Front, page};

const EVERYWHERE: &str = "\
rules:
  everywhere:
    match: { path: /** }
    inject:
      - { select: p, place: after, html: LAID }
";

fn typed(content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    Response::builder()
        .header("content-type", content_type)
        .header("etag", "\"v1\"")
        .body(Body::full(body))
        .expect("a response")
}

#[tokio::test]
async fn what_is_no_page_passes_untouched() {
    let front = Front::new(EVERYWHERE, |request| match request.uri().path() {
        "/json" => typed("application/json", "{\"p\":\"<p>\"}"),
        "/xhtml" => typed("application/xhtml+xml", "<p/>"),
        "/none" => Response::builder().body(Body::full("<p>")).expect("a response"),
        "/fixed" => {
            let mut response = typed("text/html", "<p></p>");
            response.headers_mut().insert("cache-control", "no-transform, max-age=60".parse().expect("a header"));
            response
        }
        "/coded" => {
            let mut response = typed("text/html", "<p></p>");
            response.headers_mut().insert("content-encoding", "exotic".parse().expect("a header"));
            response
        }
        _ => {
            let mut response = typed("text/html", "<p></p>");
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    })
    .await;
    for path in ["/json", "/xhtml", "/none", "/fixed", "/coded", "/missing"] {
        let answer = front.get(path).await;
        assert!(!answer.text().contains("LAID"), "{path}");
        assert_eq!(answer.header("etag").is_some(), path != "/none", "{path}");
        assert!(answer.header("content-length").is_some(), "{path}");
    }
}

#[tokio::test]
async fn statuses_without_a_page_pass_untouched() {
    let front = Front::new(EVERYWHERE, |request| {
        let conditional = request.headers().contains_key("if-none-match");
        let status = match request.uri().path() {
            "/204" => StatusCode::NO_CONTENT,
            _ if conditional => StatusCode::NOT_MODIFIED,
            _ => StatusCode::OK,
        };
        let body = if status == StatusCode::OK { Body::full("<p></p>") } else { Body::empty() };
        Response::builder()
            .status(status)
            .header("etag", "\"v1\"")
            .header("content-type", "text/html")
            .body(body)
            .expect("a response")
    })
    .await;
    assert_eq!(front.get("/204").await.status, StatusCode::NO_CONTENT);
    let answer = front.get_with("/", &[("if-none-match", "\"v1\"")]).await;
    assert_eq!((answer.status, answer.header("etag").as_deref()), (StatusCode::NOT_MODIFIED, Some("\"v1\"")));
    // A browser that asks for a page gets the page: the one it has may be from before there were rules.
    let answer = front.get_with("/", &[("if-none-match", "\"v1\""), ("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "<p></p>LAID"));
}

#[tokio::test]
async fn a_range_of_a_page_gets_the_whole_and_of_a_film_the_range() {
    let front = Front::new(EVERYWHERE, |request| {
        let (kind, body) =
            if request.uri().path() == "/film" { ("video/mp4", "FILM") } else { ("text/html", "<p></p>") };
        let part = request.headers().contains_key("range");
        let response = Response::builder().header("content-type", kind).header("accept-ranges", "bytes");
        let response = match part {
            true => response.status(206).header("content-range", "bytes 0-1/9"),
            false => response,
        };
        response.body(Body::full(if part { &body[..2] } else { body })).expect("a response")
    })
    .await;
    let range = [("range", "bytes=0-1")];
    let film = front.get_with("/film", &range).await;
    assert_eq!((film.status.as_u16(), film.text()), (206, "FI"));
    let whole = front.get_with("/", &range).await;
    assert_eq!((whole.status.as_u16(), whole.text()), (200, "<p></p>LAID"));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-range")), (None, None));
}

#[tokio::test]
async fn the_head_of_a_rewritten_page_says_nothing_of_the_old_bytes() {
    let front = Front::new(EVERYWHERE, |_| {
        let mut response = page("<p></p>");
        for (name, value) in [
            ("etag", "\"v1\""),
            ("last-modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
            ("accept-ranges", "bytes"),
            ("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
            ("digest", "sha-256=x"),
            ("content-digest", "sha-256=:x:"),
            ("repr-digest", "sha-256=:x:"),
            ("set-cookie", "a=1"),
            ("x-powered-by", "origin"),
        ] {
            response.headers_mut().append(name, value.parse().expect("a header"));
        }
        response.headers_mut().append("set-cookie", "b=2".parse().expect("a header"));
        response
    })
    .await;
    for method in ["GET", "HEAD"] {
        let answer = front.send(method, "/", &[], "").await;
        for name in [
            "etag",
            "last-modified",
            "accept-ranges",
            "content-md5",
            "digest",
            "content-digest",
            "repr-digest",
            "content-length",
        ] {
            assert_eq!(answer.header(name), None, "{method} {name}");
        }
        assert_eq!(answer.header("set-cookie").as_deref(), Some("a=1, b=2"), "{method}");
        assert_eq!(answer.header("x-powered-by").as_deref(), Some("origin"), "{method}");
        assert!(answer.header("via").is_some() && answer.header("cache-status").is_some(), "{method}");
        assert!(answer.header("server-timing").is_some_and(|timing| timing.contains("slot-everywhere")), "{method}");
    }
}

#[tokio::test]
async fn protected_paths_are_passed_on() {
    let front = Front::with("protect: [/checkout/**]\n", &[("rules/a.yaml", EVERYWHERE)], |_| page("<p></p>")).await;
    for path in ["/checkout", "/checkout/pay", "/a/..//checkout/%70ay"] {
        let answer = front.get(path).await;
        assert_eq!(answer.text(), "<p></p>", "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    assert_eq!(front.get("/").await.text(), "<p></p>LAID");
}

/// With slots everywhere whose content is blank, any bytes come out as they went in.
#[test]
fn any_bytes_pass_bit_for_bit() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rules = "\
rules:
  r:
    match: { path: /** }
    inject:
      - { select: \"*\", place: inner, template: \" \" }
      - { select: \"*\", attribute: title, template: \" \" }
";
    let sent = Arc::new(Mutex::new(Bytes::new()));
    let origin = sent.clone();
    let front = runtime.block_on(Front::new(rules, move |request| {
        let kind = if request.uri().path() == "/page" { "text/html" } else { "application/octet-stream" };
        typed(kind, origin.lock().expect("no panic").clone())
    }));
    // Half of the bytes are those that matter to a parser.
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"<>/!-='\"& \tabp".to_vec())];
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let proved = runner.run(&prop::collection::vec(byte, 0..2048), |body| {
        let body = Bytes::from(body);
        *sent.lock().expect("no panic") = body.clone();
        for path in ["/page", "/data"] {
            let answer = runtime.block_on(front.get(path));
            prop_assert!(answer.body == body, "{}: {}", path, answer.body.escape_ascii());
        }
        Ok(())
    });
    proved.unwrap_or_else(|error| panic!("{error}"));
}
