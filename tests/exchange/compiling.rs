//! Pages that are compiled once and assembled per visitor, through the whole of the proxy: each visitor's page is the one
//! that streaming would have given, and it costs the origin, the parser and the compressor nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::BodyExt;
use inlay::http::{Body, BodyError};
use inlay::origin::cache::{Purge, Severity};
use jiff::{SignedDuration, Timestamp};

use super::coding::decoded_so_far;
use super::house::{Answer, Front, NOW, SOON, fed};

const RULES: &str = "\
audiences:
  gold: request.cookies.tier == 'gold'
rules:
  greeting:
    match: { path: /** }
    inject:
      - { select: main, place: prepend, template: \"<p class=hello>Hello {{ request.cookies.name or 'you' }}, {{ 'gold member' if audiences.gold else 'guest' }}</p>\" }
      - { select: h1, attribute: title, template: \"{{ request.cookies.tier or 'none' }}\" }
      - { select: body, class: { add: [is-gold] }, when: audiences.gold }
  cards:
    match: { path: /** }
    when: request.cookies.cards == 'yes'
    inject:
      - { each: \".card\", select: b, place: inner, template: \"{{ each.attr('data-sku') }} for {{ request.cookies.tier or 'all' }}\" }
";

const SHARED: &str = "public, max-age=60";

/// A page of some length, with cards in it.
fn html() -> String {
    let card = |number: usize| {
        let text = format!("some words about card {number} é");
        format!("<div class=card data-sku=A{number}><b>price {number}</b><p>{text}</p></div>\n")
    };
    let cards: String = (0..12).map(card).collect();
    let text: String = (0..400).map(|number| format!("<li>item {number} of the list</li>\n")).collect();
    format!("<!doctype html><html><body class=\"shop\"><h1>Shop</h1><main><ul>{text}</ul>{cards}</main></body></html>")
}

fn response(cache_control: &str, html: impl Into<Bytes>) -> Response<Body> {
    Response::builder()
        .header("content-type", "text/html; charset=utf-8")
        .header("cache-control", cache_control)
        .header("date", "Mon, 23 Nov 2026 09:30:00 GMT")
        .body(Body::full(html))
        .expect("a response")
}

/// An origin whose pages below `/own` may not be shared, with a counter of what it was asked.
fn origin() -> (Arc<AtomicUsize>, impl Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let html = html();
    (asked, move |request| {
        counter.fetch_add(1, Ordering::SeqCst);
        let own = request.uri().path().starts_with("/own");
        response(if own { "no-store" } else { SHARED }, html.clone())
    })
}

fn plain(answer: &Answer) -> String {
    let coding = answer.header("content-encoding").unwrap_or_default();
    String::from_utf8(decoded_so_far(&coding, &answer.body)).expect("UTF-8")
}

async fn pages(front: &Front, kind: &str) -> f64 {
    front.metric(&format!("inlay_pages_total{{kind=\"{kind}\"}}")).await
}

/// Gets a page until it comes with its length, which is once it is kept (and its pieces are compressed).
async fn until_whole(front: &Front, path: &str, headers: &[(&str, &str)]) -> Answer {
    let ask = async || Some(front.get_with(path, headers).await).filter(|it| it.headers.contains_key("content-length"));
    front.until_true("a page with its length", ask).await
}

#[tokio::test]
async fn a_page_is_compiled_once_and_then_served_whole() {
    let (asked, origin) = origin();
    let front = Front::new(RULES, origin).await;
    let gold = [("cookie", "tier=gold; name=Ann; cards=yes")];
    let expected = front.get_with("/own", &gold).await;
    let first = front.get_with("/", &gold).await;
    assert_eq!(first.text(), expected.text());
    assert_eq!((first.header("content-length"), first.header("etag")), (None, None), "its end was not known");
    let second = until_whole(&front, "/", &gold).await;
    assert_eq!(second.text(), expected.text());
    assert!(second.text().contains("Hello Ann, gold member") && second.text().contains("A7 for gold"));
    assert_eq!(second.header("content-length"), Some(second.body.len().to_string()));
    assert!(second.header("cache-status").is_some_and(|line| line.starts_with("inlay; hit")), "{second:?}");
    assert_eq!(second.header("cache-control").as_deref(), Some("private, no-cache"));
    assert_eq!(second.header("vary").as_deref(), Some("accept-encoding"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(pages(&front, "compiled").await, 1.0);
    assert!(pages(&front, "kept").await >= 1.0 && front.metric("inlay_page_bytes").await > 0.0);
    let cards = "inlay_slots_total{rule=\"cards\",outcome=\"shown\"}";
    let before = front.metric(cards).await;
    front.get_with("/", &gold).await;
    assert_eq!(front.metric(cards).await, before + 12.0, "slots are counted as ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_visitor_gets_the_page_that_streaming_gives() {
    let (_, origin) = origin();
    let front = Front::new(RULES, origin).await;
    let codings = ["", "gzip", "br", "zstd", "gzip, br, zstd", "gzip;q=0.9, br;q=0.5", "deflate, identity"];
    let mut visitors = Vec::new();
    for number in 0..60_usize {
        let tier = ["gold", "silver", "none", "new"][number % 4];
        let cards = if number % 3 == 0 { "yes" } else { "no" };
        visitors.push((format!("tier={tier}; name=V{number}; cards={cards}"), codings[number % codings.len()]));
    }
    for round in 0..4 {
        let visit = async |(cookie, coding): &(String, &str)| {
            let headers = [("cookie", &**cookie), ("accept-encoding", *coding)];
            let own = front.get_with("/own", &headers[..1]).await;
            let shared = front.get_with("/shared", &headers).await;
            assert_eq!(plain(&shared), own.text(), "round {round}: {cookie} in `{coding}`");
            if let Some(length) = shared.header("content-length") {
                assert_eq!(length, shared.body.len().to_string());
            }
            let used = shared.header("content-encoding").unwrap_or_default();
            assert!(used.is_empty() || coding.contains(&used), "{used} for `{coding}`");
        };
        join_all(visitors.iter().map(visit)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(pages(&front, "compiled").await, 1.0);
    for (accept, coding) in [("gzip", "gzip"), ("br", "br"), ("gzip, br, zstd", "br"), ("br;q=0.5, gzip", "gzip")] {
        let headers = [("accept-encoding", accept), ("cookie", "name=V1")];
        let answer = until_whole(&front, "/shared", &headers).await;
        assert_eq!(answer.header("content-encoding").as_deref(), Some(coding), "{accept}");
        assert!(answer.body.len() < html().len() / 2, "it is compressed");
        assert!(plain(&answer).contains("Hello V1, guest"));
    }
    assert!(front.metric("inlay_compressed_pages_total{kind=\"stitched\"}").await >= 4.0);
}

/// An origin that gives this body once, and counts.
fn feeding(
    cache_control: &'static str,
    body: Body,
) -> (Arc<AtomicUsize>, impl Fn(Request<Body>) -> Response<Body> + Send + Sync) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let body = std::sync::Mutex::new(Some(body));
    (asked, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        let body = body.lock().expect("no panic").take().unwrap_or_else(|| Body::full("<main>again</main>"));
        response(cache_control, "").map(|_| body)
    })
}

#[tokio::test]
async fn a_hundred_visitors_of_a_cold_page_cause_one_fetch_and_one_compile() {
    let (feed, body) = fed();
    let (asked, origin) = feeding(SHARED, body);
    let front = Front::new(RULES, origin).await;
    let cookies: Vec<_> = (0..100).map(|number| format!("name=V{number}")).collect();
    feed.send(Bytes::from_static(b"<html><body><main>one")).await.expect("fed");
    let begin = async |cookie: &String| front.begin("GET", "/", &[("cookie", &**cookie)], "").await;
    let begun = join_all(cookies.iter().map(begin)).await;
    let mut bodies: Vec<_> = begun.into_iter().map(Response::into_body).collect();
    // The first to come goes away; one reads nothing yet; the others see what there is, while the page is far from its end.
    drop(bodies.remove(0));
    let mut read = vec![String::new(); bodies.len()];
    for (number, body) in bodies.iter_mut().enumerate().skip(1) {
        while !read[number].ends_with("</p>one") {
            let frame = tokio::time::timeout(SOON, body.frame()).await.expect("in time").expect("more").expect("whole");
            read[number].push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    }
    feed.send(Bytes::from_static(b" two</main></body>")).await.expect("fed");
    drop(feed);
    for (number, body) in bodies.into_iter().enumerate() {
        let rest = tokio::time::timeout(SOON, body.collect()).await.expect("in time").expect("whole").to_bytes();
        read[number].push_str(std::str::from_utf8(&rest).expect("UTF-8"));
        let hello = format!("<html><body><main><p class=hello>Hello V{}, guest</p>one two</main></body>", number + 1);
        assert_eq!(read[number], hello);
    }
    let late = until_whole(&front, "/", &[("cookie", "name=Late")]).await;
    assert!(late.text().contains("Hello Late, guest</p>one two"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(pages(&front, "compiled").await, 1.0);
}

#[tokio::test]
async fn a_page_that_breaks_off_breaks_for_all_and_is_not_kept() {
    let (feed, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, BodyError>>(1);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let (asked, origin) = feeding(SHARED, Body::stream(pieces));
    let front = Front::new(RULES, origin).await;
    feed.send(Ok(Bytes::from_static(b"<main>half"))).await.expect("fed");
    let begun = join_all((0..5).map(|_| front.begin("GET", "/", &[], ""))).await;
    feed.send(Err(BodyError::TooSlow)).await.expect("fed");
    for response in begun {
        let read = tokio::time::timeout(SOON, response.into_body().collect()).await.expect("in time");
        assert!(read.is_err(), "it must not look whole");
    }
    assert!(front.get("/").await.text().contains("again</main>"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_page_too_large_to_keep_arrives_whole_for_all() {
    let (feed, body) = fed();
    let (asked, origin) = feeding(SHARED, body);
    let front = Front::new(RULES, origin).await;
    feed.send(Bytes::from_static(b"<html><body><main>")).await.expect("fed");
    let begun = join_all((0..3).map(|_| front.begin("GET", "/", &[], ""))).await;
    let row = Bytes::from("<p>a row of a very long table</p>".repeat(2_000));
    let feeding = async {
        for _ in 0..80 {
            feed.send(row.clone()).await.expect("fed");
        }
        feed.send(Bytes::from_static(b"</main><h1>end</h1>")).await.expect("fed");
        drop(feed);
    };
    let reading = join_all(begun.into_iter().map(|response| response.into_body().collect()));
    let (bodies, ()) = tokio::join!(reading, feeding);
    let whole = 80 * row.len();
    assert!(whole > 5 * 1024 * 1024);
    for body in bodies {
        let page = body.expect("whole").to_bytes();
        assert!(page.len() > whole && page.ends_with(b"</main><h1 title=\"none\">end</h1>"), "{}", page.len());
    }
    let next = front.get("/").await;
    assert!(next.body.len() > whole && next.text().contains("<h1 title=\"none\">"));
    assert_eq!(pages(&front, "kept").await, 0.0);
    assert_eq!(pages(&front, "streamed").await, 1.0, "it is remembered that it can't be kept");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_reload_keeps_pages_whose_selectors_it_leaves_alone() {
    let (_, origin) = origin();
    let front = Front::new(RULES, origin).await;
    front.get("/").await;
    until_whole(&front, "/", &[]).await;
    // Another text at the same places, and a rule for another path.
    let changed = RULES.replace("Hello", "Welcome")
        + "  other:\n    match: { path: /other }\n    inject: [{ select: h2, place: after, html: x }]\n";
    let kept = changed.replace("path: /**", "path: [/, /own]");
    front.write("rules/site.yaml", &kept);
    let answer = front.until("/", "Welcome you").await;
    assert!(answer.headers.contains_key("content-length"), "the page is still there");
    assert_eq!(pages(&front, "compiled").await, 1.0);
    front.write("rules/site.yaml", &kept.replace("select: h1", "select: ul"));
    front.until("/", "<ul title=\"none\">").await;
    assert_eq!(pages(&front, "compiled").await, 2.0);
}

#[tokio::test]
async fn a_new_version_is_a_new_page() {
    let version = Arc::new(AtomicUsize::new(1));
    let served = version.clone();
    let front =
        Front::new(RULES, move |_| response(SHARED, format!("<main>version {}</main>", served.load(Ordering::SeqCst))))
            .await;
    let now: Timestamp = NOW.parse().expect("a time");
    front.get("/").await;
    assert!(until_whole(&front, "/", &[]).await.text().contains("version 1"));
    version.store(2, Ordering::SeqCst);
    assert!(front.get("/").await.text().contains("version 1"), "it is fresh");
    front.app.exchange().responses.purge(&[Purge::Prefix("/".into())], Severity::Hard);
    assert!(front.get("/").await.text().contains("version 2"));
    assert!(until_whole(&front, "/", &[]).await.text().contains("version 2"));
    version.store(3, Ordering::SeqCst);
    front.app.exchange().clock.set(now + SignedDuration::from_secs(100));
    assert!(front.get("/").await.text().contains("version 3"), "it was stale");
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let (asked, origin) = origin();
    let front = Front::new(RULES, origin).await;
    front.get("/").await;
    let ann = until_whole(&front, "/", &[("cookie", "name=Ann")]).await;
    let tag = ann.header("etag").expect("a tag");
    assert!(tag.starts_with("W/\""), "{tag}");
    for accept in ["*/*", "text/html"] {
        for coding in ["", "gzip"] {
            let held =
                [("cookie", "name=Ann"), ("if-none-match", &*tag), ("accept", accept), ("accept-encoding", coding)];
            let again = front.get_with("/", &held).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{accept} {coding}");
            assert_eq!(again.header("etag"), Some(tag.clone()));
            assert_eq!(again.header("cache-control").as_deref(), Some("private, no-cache"));
            assert_eq!(again.header("vary").as_deref(), Some("accept-encoding"));
            assert_eq!((again.header("content-type"), again.header("content-length")), (None, None));
        }
    }
    let list = format!("\"a\", {tag}");
    for (cookie, held, status) in [
        ("name=Bob", &*tag, 200),
        ("name=Ann; tier=gold", &tag, 200),
        ("name=Ann", "W/\"inlay-0\"", 200),
        ("name=Ann", &list, 304),
        ("name=Ann", "*", 304),
    ] {
        let headers = [("cookie", cookie), ("if-none-match", held), ("accept", "text/html")];
        let answer = front.get_with("/", &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{cookie} holding {held}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let head = front.send("HEAD", "/", &[("cookie", "name=Ann")], "").await;
    assert_eq!(head.header("etag"), Some(tag.clone()));
    let unchanged = "inlay_requests_total{site=\"default\",treatment=\"Personalised\",status=\"304\"}";
    assert_eq!(front.metric(unchanged).await, 6.0);
}

#[tokio::test]
async fn head_is_answered_from_the_compiled_page_and_counts_no_slots() {
    let (asked, origin) = origin();
    let front = Front::new(RULES, origin).await;
    let cold = front.send("HEAD", "/", &[], "").await;
    assert_eq!((cold.status.as_u16(), cold.body.len()), (200, 0));
    front.get("/").await;
    let get = until_whole(&front, "/", &[]).await;
    let slots = front.metric("inlay_slots_total{rule=\"greeting\",outcome=\"shown\"}").await;
    let compiled = pages(&front, "compiled").await;
    let head = front.send("HEAD", "/", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    for name in ["content-length", "etag", "content-type", "cache-control", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(front.metric("inlay_slots_total{rule=\"greeting\",outcome=\"shown\"}").await, slots);
    assert_eq!(pages(&front, "compiled").await, compiled);
    assert!(asked.load(Ordering::SeqCst) <= 2);
    let part = front.get_with("/", &[("range", "bytes=0-9")]).await;
    assert_eq!((part.status.as_u16(), part.body.len()), (200, get.body.len()), "ranges mean nothing here");
}

#[tokio::test]
async fn each_response_has_a_nonce_of_its_own() {
    let rules = "\
rules:
  script:
    match: { path: /** }
    inject:
      - { select: main, place: after, template: \"<script nonce=\\\"{{ csp.nonce }}\\\">two()</script>\" }
";
    let front = Front::new(rules, |request| {
        let html = match request.uri().path() {
            "/elsewhere" => "<script nonce=abc123>s.nonce = 'abc123'</script><main></main>",
            _ => "<script nonce=abc123>one()</script><main></main>",
        };
        let mut response = response(SHARED, html);
        let policies = [
            ("content-security-policy", "script-src 'nonce-abc123'; object-src 'none'"),
            ("content-security-policy-report-only", "default-src 'self' 'nonce-abc123'"),
        ];
        for (name, value) in policies {
            response.headers_mut().append(name, value.parse().expect("a policy"));
        }
        response
    })
    .await;
    let nonce_of = |answer: &Answer| {
        let policy = answer.header("content-security-policy").expect("a policy");
        let nonce = policy.split('\'').nth(1).expect("a nonce").trim_start_matches("nonce-").to_owned();
        let reported = answer.header("content-security-policy-report-only");
        assert_eq!(reported, Some(format!("default-src 'self' 'nonce-{nonce}'")));
        nonce
    };
    let first = front.get("/").await;
    assert_eq!(nonce_of(&first), "abc123", "whether it stands elsewhere is not known yet");
    let mut seen = vec!["abc123".to_owned()];
    for _ in 0..3 {
        let answer = until_whole(&front, "/", &[]).await;
        let nonce = nonce_of(&answer);
        assert!(!seen.contains(&nonce), "{nonce} was there before");
        let expected =
            format!("<script nonce={nonce}>one()</script><main></main><script nonce=\"{nonce}\">two()</script>");
        assert_eq!(answer.text(), expected);
        assert_eq!(answer.header("etag"), None, "a page with a nonce is not held against another");
        seen.push(nonce);
    }
    for _ in 0..3 {
        let answer = front.get("/elsewhere").await;
        assert_eq!(nonce_of(&answer), "abc123");
        assert!(answer.text().contains("s.nonce = 'abc123'"));
        assert!(answer.text().contains("<script nonce=\"abc123\">two()"));
    }
    assert_eq!(pages(&front, "streamed").await, 2.0);
}

#[tokio::test]
async fn what_may_not_be_shared_is_never_compiled() {
    let (_, origin) = origin();
    let front = Front::new(RULES, origin).await;
    for _ in 0..3 {
        let answer = front.get("/own").await;
        assert!(!answer.headers.contains_key("content-length") && !answer.headers.contains_key("etag"));
    }
    assert_eq!(pages(&front, "compiled").await + pages(&front, "kept").await, 0.0);
    let (_, origin) = self::origin();
    let none = Front::with("cache: { pages: 0MiB }\n", &[("rules/site.yaml", RULES)], origin).await;
    for _ in 0..3 {
        none.get("/").await;
    }
    assert_eq!((pages(&none, "compiled").await, pages(&none, "streamed").await), (0.0, 3.0));
}

#[tokio::test]
async fn fragments_are_compressed_once_and_kept_so() {
    let long = "welcome back to the shop, dear member; ".repeat(60);
    let rules = format!(
        "rules:\n  long:\n    match: {{ path: / }}\n    inject:\n      - {{ select: main, place: before, template: \"{long}{{{{ request.cookies.tier }}}}\" }}\n  short:\n    match: {{ path: /none }}\n    inject: [{{ select: main, place: before, html: x }}]\n"
    );
    let (_, origin) = origin();
    let front = Front::new(&rules, origin).await;
    let headers = [("cookie", "tier=gold"), ("accept-encoding", "gzip")];
    let plain_page = front.get_with("/", &headers[..1]).await;
    // Nothing of it is in the page without, so stored it would add all its bytes.
    let without = until_whole(&front, "/none", &headers).await.body.len();
    let stored = without + long.len();
    let small = async || {
        let answer = until_whole(&front, "/", &headers).await;
        assert_eq!(plain(&answer), plain_page.text());
        (answer.body.len() + 1_500 < stored).then_some(())
    };
    front.until_true("a page with its fragment compressed", small).await;
}

#[tokio::test]
async fn an_elements_nonce_is_that_of_the_response() {
    let rules = "\
rules:
  copied:
    match: { path: /** }
    inject:
      - { select: script, attribute: data-n, template: \"{{ element.attr('nonce') }}\" }
";
    let front = Front::new(rules, |_| {
        let mut response = response(SHARED, "<script nonce=abc123>one()</script>");
        let policy = "script-src 'nonce-abc123'".parse().expect("a policy");
        response.headers_mut().append("content-security-policy", policy);
        response
    })
    .await;
    assert_eq!(front.get("/").await.text(), "<script data-n=\"abc123\" nonce=abc123>one()</script>");
    for _ in 0..2 {
        let answer = until_whole(&front, "/", &[]).await;
        let policy = answer.header("content-security-policy").expect("a policy");
        let nonce = policy.trim_start_matches("script-src 'nonce-").trim_end_matches('\'');
        assert_ne!(nonce, "abc123");
        assert_eq!(answer.text(), format!("<script data-n=\"{nonce}\" nonce={nonce}>one()</script>"));
    }
}
