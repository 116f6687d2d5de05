//! Who waits for what: the page for nobody but a slot that is due, and that no longer than its deadline.

use std::time::Duration;

use http_body_util::BodyExt;

use super::api::{Api, fronted, json};
use super::house::{Front, SOON, fed, in_turn, page, typed};

const RULES: &str = "\
sources:
  s: { url: 'http://API/', allow_private: true, timeout: 20s, CACHE }
rules:
  r:
    match: { path: /** }
    inject:
      - { select: p, place: inner, deadline: DEADLINE, template: '{{ sources.s().n }}' }
";

fn rules(deadline: &str, cache: &str) -> String {
    RULES.replace("DEADLINE", deadline).replace("CACHE", cache)
}

async fn until(body: &mut hyper::body::Incoming, text: &str) {
    let mut came = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&came).contains(text) {
            let frame = body.frame().await.expect("more of the page").expect("a whole frame");
            came.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    };
    assert!(tokio::time::timeout(SOON, read).await.is_ok(), "`{text}` in {:?}", String::from_utf8_lossy(&came));
}

/// The API does not answer before the first bytes are here: if they waited for it, this would not end.
#[tokio::test]
async fn the_first_bytes_do_not_wait_for_a_source() {
    let api = Api::new(|_| json(r#"{ "n": 7 }"#));
    api.shut();
    let front = fronted("<h1>first</h1><p>own</p><h2>last</h2>", &rules("15s", ""), &api).await;
    let mut response = front.begin("GET", "/", &[], "").await;
    until(response.body_mut(), "first").await;
    api.open();
    until(response.body_mut(), "7</p><h2>last</h2>").await;
}

/// The same where the page was compiled before: it is sent in chunks, because a slot is late, and whole when none is.
#[tokio::test]
async fn a_compiled_page_with_a_late_slot_leaves_in_chunks() {
    let api = Api::new(|_| json(r#"{ "n": 7 }"#));
    let rules = rules("15s", "cache: { ttl: 1h }").replace("API", &api.address.to_string());
    let front = Front::new(&rules, |_| {
        let mut page = page("<h1>first</h1><p>own</p><h2>last</h2>");
        page.headers_mut().insert("cache-control", "max-age=600".parse().expect("a value"));
        page
    })
    .await;
    // Two rounds: the origin's response is stored, then its page is compiled.
    for other in ["n=1", "n=2"] {
        assert!(front.get(&format!("/?{other}")).await.text().contains("<p>7</p>"));
    }
    let compiled = front.get("/?n=1").await;
    assert!(compiled.text().contains("<p>7</p>"));
    assert!(compiled.header("content-length").is_some(), "{:?}", compiled.headers);
}

#[tokio::test]
async fn a_slot_that_is_late_and_due_keeps_what_the_origin_had() {
    let api = Api::new(|_| json(r#"{ "n": 7 }"#));
    api.shut();
    let front = fronted("<p>own</p><h2>last</h2>", &rules("50ms", ""), &api).await;
    let begun = std::time::Instant::now();
    let answer = front.get("/").await;
    assert_eq!(answer.text(), "<p>own</p><h2>last</h2>");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let metrics = front.admin("GET", "/metrics").await;
    assert!(metrics.text().contains("inlay_slots_total{rule=\"r\",outcome=\"late\"} 1"), "{}", metrics.text());
}

/// A deadline counts from the request, and bites only where the slot is due: a slow origin costs no fragment.
#[tokio::test]
async fn a_slow_origin_costs_no_fragment() {
    let api = Api::new(|_| json(r#"{ "n": 7 }"#));
    let (origin, body) = fed();
    let rules = rules("150ms", "").replace("API", &api.address.to_string());
    let front = Front::new(&rules, in_turn([typed("text/html; charset=utf-8", body)])).await;
    let mut response = front.begin("GET", "/", &[], "").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    origin.send("<p>own</p><h2>last</h2>".into()).await.expect("read");
    drop(origin);
    until(response.body_mut(), "<p>7</p><h2>last</h2>").await;
}

/// Two sources of one page are asked at once, not one after the other.
#[tokio::test]
async fn independent_sources_are_asked_together() {
    let api = Api::new(|came| json(format!("{{ \"n\": {} }}", came.target.len())));
    api.shut();
    let rules = "\
sources:
  a: { url: 'http://API/a', allow_private: true, timeout: 20s }
  bb: { url: 'http://API/bb', allow_private: true, timeout: 20s }
rules:
  r:
    match: { path: /** }
    inject:
      - { select: p, place: inner, deadline: 15s, template: '{{ sources.a().n }}{{ sources.bb().n }}' }
";
    let front = fronted("<p>own</p>", rules, &api).await;
    let asked = front.get("/");
    let opened = async {
        while api.came().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        api.open();
    };
    let (answer, ()) = tokio::time::timeout(SOON, async { tokio::join!(asked, opened) }).await.expect("both are asked");
    assert_eq!(answer.text(), "<p>23</p>");
}
