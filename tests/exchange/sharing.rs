//! The shared cache, through the whole of the proxy: what is stored, for whom, and what is never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use inlay::http::Body;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
async fn who_reads_a_little_later_gets_the_whole_of_what_is_too_large_to_keep() {
    const WHOLE: usize = 40 * 1024 * 1024;
    let (feed, body) = fed();
    let bodies = std::sync::Mutex::new(vec![body]);
    let front = Front::with("cache: { responses: 4MiB, object: 1MiB }\n", &[("rules/a.yaml", NONE)], move |_| {
        let body = bodies.lock().expect("no panic").pop().expect("asked once");
        Response::builder().header("cache-control", "max-age=60").body(body).expect("a response")
    })
    .await;
    feed.send(Bytes::from_static(b"x")).await.expect("fed");
    let [first, second] = [front.begin("GET", "/", &[], "").await, front.begin("GET", "/", &[], "").await];
    let feeding = async {
        let piece = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..WHOLE / piece.len() {
            feed.send(piece.clone()).await.expect("fed");
        }
        drop(feed);
    };
    let late = async {
        // As long as the first takes for all that it is given alone.
        tokio::time::sleep(Duration::from_millis(300)).await;
        second.into_body().collect().await
    };
    let (first, second, ()) = tokio::join!(first.into_body().collect(), late, feeding);
    for read in [first, second] {
        assert_eq!(read.expect("whole").to_bytes().len(), WHOLE + 1);
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

#[tokio::test]
async fn cookies_that_are_set_keep_an_answer_out_of_the_cache_unless_the_route_strips_them() {
    let origin = counting(&[("cache-control", "max-age=60"), ("etag", "\"v1\""), ("set-cookie", "session=x")]);
    let (address, _origin) = super::house::serve_origin(origin);
    let routes = format!(
        "routes:\n  - {{ path: /stripped/**, origin: \"http://{address}\", cache: {{ set_cookie: strip }} }}\n"
    );
    let front = Front::facing(address, &routes, &[]).await;
    for number in ["answer 1", "answer 2"] {
        let answer = front.get("/").await;
        assert_eq!((answer.text(), answer.header("set-cookie").as_deref()), (number, Some("session=x")));
    }
    for (after, status) in [
        (0, "inlay; fwd=uri-miss; stored"),
        (1, "inlay; hit; ttl=59"),
        // The 304 sets the cookie once more.
        (100, "inlay; fwd=stale; fwd-status=304; stored"),
    ] {
        later(&front, after);
        let answer = front.get("/stripped/").await;
        assert_eq!((answer.text(), answer.header("set-cookie")), ("answer 3", None), "{after}");
        assert_eq!(answer.header("cache-status").as_deref(), Some(status));
    }
}

#[tokio::test]
async fn a_refill_that_breaks_off_leaves_the_older_response() {
    let (sender, body) = fed();
    let answers = std::sync::Mutex::new(vec![(503, Body::full("down")), (200, body), (200, Body::full("whole"))]);
    let front = Front::new(NONE, move |_| {
        let (status, body) = answers.lock().expect("no panic").pop().expect("asked three times at most");
        let response = Response::builder().status(status).header("cache-control", "max-age=60");
        response.header("content-length", if status == 200 { "5" } else { "4" }).body(body).expect("a response")
    })
    .await;
    assert_eq!(front.get("/a").await.text(), "whole");
    later(&front, 100);
    let refill = front.begin("GET", "/a", &[], "").await;
    sender.send(Bytes::from("br")).await.expect("a reader");
    drop(sender);
    assert!(refill.into_body().collect().await.is_err());
    // The origin is down by now: the older one is still there to stand in.
    let stood_in = front.until("/a", "whole").await;
    assert!(stood_in.header("cache-status").is_some_and(|line| line.contains("stale-if-error")), "{stood_in:?}");
}

/// Bodies that say by whom they were made: whoever gets a head gets the body that goes with it, whatever else happens to its URL.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_on_one_url_never_mix_answers_up() {
    const ASKING: usize = 8;
    const ROUNDS: usize = 60;
    let front = Arc::new(Front::new(NONE, counting(&[("cache-control", "max-age=5")])).await);
    let asking = (0..ASKING).map(|client| {
        let front = front.clone();
        tokio::spawn(async move {
            let mut hits = 0;
            for round in 0..ROUNDS {
                match client {
                    0 => later(&front, i64::try_from(round).expect("small")),
                    1 if round % 7 == 0 => drop(front.admin_post("/api/v1/purge", r#"{"url": "/a"}"#).await),
                    2 if round % 7 == 0 => {
                        drop(front.admin_post("/api/v1/purge", r#"{"prefix": "/", "soft": true}"#).await);
                    }
                    _ => {}
                }
                let answer = front.get("/a").await;
                assert_eq!(answer.text(), format!("answer {}", answer.header("x-number").expect("a number")));
                hits += usize::from(answer.header("cache-status").is_some_and(|line| line.contains("hit")));
            }
            hits
        })
    });
    let hits: Vec<usize> =
        futures_util::future::join_all(asking).await.into_iter().map(|hits| hits.expect("no panic")).collect();
    assert!(hits.iter().sum::<usize>() > 0, "nothing was shared");
}

/// The origin's body may break off before the client's head is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_at_once_is_told_and_not_kept() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 5\r\n\r\n")
                .await;
        }
    });
    let front = Front::facing(address, "", &[]).await;
    for number in 0..60 {
        let answer = front.begin("GET", &format!("/{}", number / 2), &[], "").await;
        let (head, body) = answer.into_parts();
        let cut = body.collect().await.is_err();
        assert!(cut || head.status == StatusCode::BAD_GATEWAY, "{head:?}");
    }
}
