//! The shared cache, through the whole of the proxy: what is stored, for whom, and what is never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use inlay::http::Body;
use jiff::{SignedDuration, Timestamp};

use super::house::{Front, NOW, fed, page};

/// An origin whose every answer says which it is, with these headers.
fn counting(
    headers: &'static [(&'static str, &'static str)],
) -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync {
    let asked = AtomicUsize::new(0);
    move |request| {
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut response =
            Response::builder().header("x-number", number).header("date", "Mon, 23 Nov 2026 09:30:00 GMT");
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let held = request.headers().get("if-none-match").is_some_and(|tag| {
            headers.iter().any(|(name, value)| *name == "etag" && tag.as_bytes() == value.as_bytes())
        });
        if held {
            return response.status(304).body(Body::empty()).expect("a response");
        }
        response.body(Body::full(format!("answer {number}"))).expect("a response")
    }
}

fn later(front: &Front, seconds: i64) {
    let now: Timestamp = NOW.parse().expect("a time");
    front.app.exchange().clock.set(now + SignedDuration::from_secs(seconds));
}

const NONE: &str = "rules: {}\n";

#[tokio::test]
async fn what_may_be_shared_is_asked_for_once() {
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60"), ("age", "5")])).await;
    let first = front.get("/a").await;
    assert_eq!(
        (first.text(), first.header("cache-status").as_deref()),
        ("answer 1", Some("inlay; fwd=uri-miss; stored"))
    );
    later(&front, 10);
    let second = front.get("/a").await;
    assert_eq!((second.text(), second.header("age").as_deref()), ("answer 1", Some("15")));
    assert_eq!(second.header("cache-status").as_deref(), Some("inlay; hit; ttl=45"));
    assert_eq!(second.header("content-length").as_deref(), Some("8"));
    assert_eq!(front.get("/a?b").await.text(), "answer 2", "another URL");
    later(&front, 55);
    assert_eq!(front.get("/a").await.text(), "answer 3", "it is stale");
    assert!(front.metric("inlay_cache_requests_total{kind=\"hit\"}").await >= 1.0);
    assert!(front.metric("inlay_cache_bytes").await > 0.0);
}

#[tokio::test]
async fn head_conditions_and_ranges_are_answered_from_the_stored_whole() {
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60"), ("etag", "\"v1\"")])).await;
    front.get("/a").await;
    let head = front.send("HEAD", "/a", &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length").as_deref()), (200, Some("8")));
    let condition = front.get_with("/a", &[("if-none-match", "W/\"v1\"")]).await;
    assert_eq!((condition.status.as_u16(), condition.text()), (304, ""));
    let range = front.get_with("/a", &[("range", "bytes=0-2")]).await;
    assert_eq!((range.status.as_u16(), range.text()), (206, "ans"));
    assert_eq!(range.header("content-range").as_deref(), Some("bytes 0-2/8"));
    let out = front.get_with("/a", &[("range", "bytes=9-")]).await;
    assert_eq!((out.status.as_u16(), out.header("content-range").as_deref()), (416, Some("bytes */8")));
    for answer in [head, condition, range, out] {
        assert!(answer.header("cache-status").is_some_and(|line| line.starts_with("inlay; hit")), "{answer:?}");
        assert_eq!(answer.header("x-number").as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn what_is_stale_is_confirmed_and_renewed() {
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60"), ("etag", "\"v1\"")])).await;
    front.get("/a").await;
    later(&front, 100);
    let confirmed = front.get("/a").await;
    assert_eq!((confirmed.text(), confirmed.header("x-number").as_deref()), ("answer 1", Some("2")));
    assert_eq!(confirmed.header("cache-status").as_deref(), Some("inlay; fwd=stale; fwd-status=304; stored"));
}

#[tokio::test]
async fn cookies_matter_unless_the_origin_or_the_route_says_not() {
    let mine = [("cookie", "a=1")];
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60")])).await;
    assert_eq!(front.get("/a").await.text(), "answer 1");
    for number in ["answer 2", "answer 3"] {
        let answer = front.get_with("/a", &mine).await;
        assert_eq!((answer.text(), answer.header("cache-status").as_deref()), (number, Some("inlay; fwd=bypass")));
    }
    assert_eq!(front.get_with("/a", &[("cookie", "inlay_visitor=x")]).await.text(), "answer 1", "ours does not count");
    for shared in ["public, max-age=60", "s-maxage=60"] {
        let front = Front::new(NONE, counting(Box::leak(Box::new([("cache-control", shared)])))).await;
        assert_eq!(front.get_with("/a", &mine).await.text(), "answer 1");
        assert_eq!(front.get("/a").await.text(), "answer 1", "{shared}");
    }
}

#[tokio::test]
async fn a_route_says_which_cookies_matter() {
    let (address, _origin) = super::house::serve_origin(|request| {
        let cookie = request.headers().get("cookie").map_or("none", |line| line.to_str().expect("ASCII")).to_owned();
        Response::builder().header("cache-control", "max-age=60").body(Body::full(cookie)).expect("a response")
    });
    let routes = format!(
        "routes:\n  - {{ path: /none/**, origin: \"http://{address}\", cookies: [] }}\n  - {{ path: /one/**, origin: \"http://{address}\", cookies: [session] }}\n"
    );
    let front = Front::facing(address, &routes, &[]).await;
    for cookie in ["a=1; session=x", "a=2; session=y"] {
        assert_eq!(front.get_with("/none/", &[("cookie", cookie)]).await.text(), "none");
    }
    let hit = front.get_with("/none/", &[("cookie", "b=1")]).await;
    assert!(hit.header("cache-status").is_some_and(|line| line.starts_with("inlay; hit")));
    for (cookie, text, how) in [
        ("a=1; session=x", "session=x", "fwd"),
        ("a=2; session=y", "session=y", "fwd"),
        ("a=3; session=x", "session=x", "hit"),
        ("a=3", "none", "fwd"),
    ] {
        let answer = front.get_with("/one/", &[("cookie", cookie)]).await;
        assert_eq!(answer.text(), text);
        assert!(
            answer.header("cache-status").is_some_and(|line| line.starts_with(&format!("inlay; {how}"))),
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn many_who_miss_one_object_ask_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, (sender, body)) = (asked.clone(), fed());
    let body = std::sync::Mutex::new(Some(body));
    let front = Front::new(NONE, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let body = body.lock().expect("no panic").take().unwrap_or_default();
        Response::builder().header("cache-control", "max-age=60").body(body).expect("a response")
    })
    .await;
    let clients = futures_util::future::join_all((0..40).map(|_| front.get("/a")));
    let feeding = async {
        for piece in ["one ", "two ", "three"] {
            sender.send(Bytes::from(piece)).await.expect("a reader");
        }
        drop(sender);
    };
    let (answers, ()) = futures_util::future::join(clients, feeding).await;
    for answer in &answers {
        assert_eq!(answer.text(), "one two three");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(answers.iter().any(|answer| {
        answer.header("cache-status").is_some_and(|line| line.contains("collapsed") || line.contains("hit"))
    }));
}

#[tokio::test]
async fn an_object_is_served_while_it_arrives_and_one_that_breaks_off_is_not_kept() {
    let (sender, body) = fed();
    let bodies = std::sync::Mutex::new(vec![Body::full("whole"), body]);
    let front = Front::new(NONE, move |_| {
        let body = bodies.lock().expect("no panic").pop().expect("asked twice at most");
        Response::builder()
            .header("cache-control", "max-age=60")
            .header("content-length", "5")
            .body(body)
            .expect("a response")
    })
    .await;
    let mut first = front.begin("GET", "/a", &[], "").await;
    sender.send(Bytes::from("who")).await.expect("a reader");
    assert_eq!(first.body_mut().frame().await.expect("a piece").expect("whole").into_data().expect("data"), "who");
    let mut second = front.begin("GET", "/a", &[], "").await;
    assert!(second.headers()["cache-status"].to_str().expect("ASCII").starts_with("inlay; hit"));
    assert_eq!(second.body_mut().frame().await.expect("a piece").expect("whole").into_data().expect("data"), "who");
    // Too short: the origin's connection breaks.
    drop(sender);
    for body in [first, second] {
        assert!(body.into_body().collect().await.is_err());
    }
    let third = front.until_true("the broken one gone", async || {
        Some(front.get("/a").await).filter(|answer| answer.text() == "whole")
    });
    assert!(third.await.header("cache-status").is_some_and(|line| line.contains("stored")));
}

#[tokio::test]
async fn an_origin_that_is_down_is_stood_in_for() {
    let asked = AtomicUsize::new(0);
    let front = Front::new(NONE, move |request| {
        let control = if request.uri().path() == "/strict" { "max-age=60, must-revalidate" } else { "max-age=60" };
        let status = if asked.fetch_add(1, Ordering::SeqCst) < 2 { 200 } else { 503 };
        Response::builder()
            .status(status)
            .header("cache-control", control)
            .body(Body::full("page"))
            .expect("a response")
    })
    .await;
    front.get("/a").await;
    front.get("/strict").await;
    later(&front, 100);
    let stale = front.get("/a").await;
    assert_eq!((stale.status.as_u16(), stale.text()), (200, "page"));
    assert_eq!(
        stale.header("cache-status").as_deref(),
        Some("inlay; fwd=stale; fwd-status=503; detail=stale-if-error")
    );
    assert_eq!(front.get("/strict").await.status, StatusCode::SERVICE_UNAVAILABLE);
    later(&front, 60 + 3601);
    assert_eq!(front.get("/a").await.status, StatusCode::SERVICE_UNAVAILABLE, "beyond the bound");
}

#[tokio::test]
async fn what_is_stale_may_be_served_while_it_is_renewed() {
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60, stale-while-revalidate=60")])).await;
    front.get("/a").await;
    later(&front, 70);
    let stale = front.get("/a").await;
    assert_eq!((stale.text(), stale.header("cache-status").as_deref()), ("answer 1", Some("inlay; hit; ttl=-10")));
    front.until("/a", "answer 2").await;
}

#[tokio::test]
async fn an_unsafe_request_takes_out_what_it_changed() {
    let front = Front::new(NONE, counting(&[("cache-control", "max-age=60"), ("location", "/b")])).await;
    for path in ["/a", "/b", "/c"] {
        front.get(path).await;
    }
    later(&front, 1);
    front.send("POST", "/a", &[], "x").await;
    later(&front, 2);
    assert_eq!(front.get("/a").await.text(), "answer 5");
    assert_eq!(front.get("/b").await.text(), "answer 6");
    assert_eq!(front.get("/c").await.text(), "answer 3");
}

#[tokio::test]
async fn a_personalised_page_is_made_of_the_stored_one_and_never_stored() {
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject: [{ select: p, place: after, template: \"{{ request.cookies.name }}\" }]\n";
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let front = Front::new(rules, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let mut response = page("<p></p>");
        response.headers_mut().insert("cache-control", "public, max-age=60".parse().expect("a header"));
        response
    })
    .await;
    for name in ["Ann", "Bob", "Cem"] {
        let cookie = format!("name={name}");
        // A condition or a range of a client must not keep the whole page from being stored.
        let headers =
            [("cookie", cookie.as_str()), ("range", "bytes=0-2"), ("accept", "text/html"), ("if-none-match", "\"x\"")];
        let answer = front.get_with("/", &headers).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, format!("<p></p>{name}").as_str()));
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_too_large_to_keep_streams_through_whole() {
    let front = Front::with("cache: { responses: 1MiB, object: 64KiB }\n", &[("rules/a.yaml", NONE)], |request| {
        let piece = Bytes::from(vec![b'x'; 16 * 1024]);
        let body = futures_util::stream::iter((0..64).map(move |_| Ok(piece.clone())));
        let sized = request.uri().path() == "/sized";
        let body = if sized { Body::full(vec![b'x'; 1024 * 1024]) } else { Body::stream(body) };
        Response::builder().header("cache-control", "max-age=60").body(body).expect("a response")
    })
    .await;
    for path in ["/sized", "/unsized"] {
        for _ in 0..2 {
            let answers = futures_util::future::join_all((0..4).map(|_| front.get(path))).await;
            assert!(answers.iter().all(|answer| answer.body.len() == 1024 * 1024), "{path}");
        }
        let once_more = front.get(path).await;
        assert!(once_more.header("cache-status").is_some_and(|line| line.starts_with("inlay; fwd=uri-miss")), "{path}");
    }
}

#[tokio::test]
async fn what_a_rule_writes_into_a_request_is_shared_with_its_like_only() {
    let rules = "rules:\n  r:\n    match: { path: /** }\n    headers: { request: { set: { x-tier: \"{{ request.cookies.tier or 'none' }}\" } } }\n";
    let front = Front::new(rules, |request| {
        let tier = request.headers()["x-tier"].to_str().expect("ASCII").to_owned();
        Response::builder().header("cache-control", "public, max-age=60").body(Body::full(tier)).expect("a response")
    })
    .await;
    for (tier, how) in [("gold", "fwd"), ("plain", "fwd"), ("gold", "hit")] {
        let answer = front.get_with("/", &[("cookie", &format!("tier={tier}"))]).await;
        assert_eq!(answer.text(), tier);
        assert!(answer.header("cache-status").is_some_and(|line| line.starts_with(&format!("inlay; {how}"))), "{tier}");
    }
}
