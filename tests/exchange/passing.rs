//! What passes untouched, and what a rewritten page's head says.

use bytes::Bytes;
use http::{Response, StatusCode};
use inlay::http::Body;
use proptest::prelude::*;

use super::house::{Front, page};

const EVERYWHERE: &str = "\
rules:
  everywhere:
    match: { path: /** }
    inject:
      - { select: p, place: after, html: LAID }
";

fn typed(content_type: &str, body: &'static str) -> Response<Body> {
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

#[tokio::test]
async fn own_paths_and_unknown_hosts_are_answered_by_us() {
    let front = Front::with("", &[("rules/a.yaml", EVERYWHERE)], |_| page("<p></p>")).await;
    let answer = front.get("/_inlay/nothing").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// With rules whose content is empty-keep, any bytes come out as they went in.
    #[test]
    fn any_bytes_pass_bit_for_bit(body in proptest::collection::vec(any::<u8>(), 0..4096), html in any::<bool>()) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let rules = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: \"*\", place: inner, template: \" \" }\n";
            let sent = Bytes::from(body);
            let origin = sent.clone();
            let kind = if html { "text/html" } else { "application/octet-stream" };
            let front = Front::new(rules, move |_| {
                Response::builder().header("content-type", kind).body(Body::full(origin.clone())).expect("a response")
            }).await;
            prop_assert_eq!(front.get("/").await.body, sent);
            Ok(())
        })?;
    }
}
