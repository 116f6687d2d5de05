//! What is seen from outside: headers that tell how a page came to be, the admin port, the access log.

use std::cell::RefCell;
use std::io::Write;

use http::StatusCode;
use serde_json::Value;

use super::house::{Front, in_turn, page};

const RULES: &str = "\
audiences:
  gold: request.cookies.tier == 'gold'
fragments:
  banner: { template: \"{{ 'gold' if audiences.gold else 'plain' }}\" }
rules:
  hero:
    match: { path: /shop/** }
    inject:
      - { select: p, place: before, fragment: banner }
      - { select: p, place: after, template: '{{ request.query.none }}' }
  cards:
    match: { path: /shop/** }
    inject: [{ select: p, attribute: title, template: '{{ element.tag }}' }]
";

async fn front() -> Front {
    Front::new(RULES, |_| page("<p>origin</p>")).await
}

/// The metrics of `Server-Timing`, each as written.
fn timings(line: &str) -> Vec<&str> {
    line.split(", ").collect()
}

#[tokio::test]
async fn a_page_tells_how_it_came_to_be() {
    let front = front().await;
    for (round, how) in [("first", "rendered"), ("second", "hit")] {
        let answer = front.get("/shop/a").await;
        assert_eq!(answer.text(), "plain<p title=\"p\">origin</p>");
        let line = answer.header("server-timing").expect("timings");
        let timings = timings(&line);
        let slot = |name: &str| timings.iter().find(|timing| timing.split(';').next() == Some(name));
        let banner = slot("slot-hero.1").unwrap_or_else(|| panic!("a metric for each slot: {line}"));
        assert!(
            banner.contains(how) && banner.contains("audiences.gold") && banner.contains("dur="),
            "{round}: {banner}"
        );
        assert!(slot("slot-hero.2").is_some_and(|timing| timing.contains("failed")), "{line}");
        assert!(slot("slot-cards").is_some(), "{line}");
        assert!(slot("origin").is_some() && slot("inlay").is_some(), "{line}");
        assert_eq!(answer.header("cache-status").as_deref(), Some("inlay; fwd=uri-miss"));
        assert!(answer.header("via").is_some_and(|via| via.starts_with("1.1 inlay-")), "{:?}", answer.headers);
    }
    let plain = front.get("/about").await;
    assert!(!plain.header("server-timing").expect("timings").contains("slot-"));
    assert!(plain.header("cache-status").is_some() && plain.header("via").is_some());
}

#[tokio::test]
async fn the_origins_own_words_stay_beside_ours() {
    let mut response = page("<p>origin</p>");
    for (name, value) in
        [("server-timing", "db;dur=5"), ("cache-status", "edge; hit"), ("via", "1.1 fred"), ("via", "1.1 anna")]
    {
        response.headers_mut().append(name, value.parse().expect("a header"));
    }
    let front = Front::new(RULES, in_turn([response])).await;
    let answer = front.get("/shop/a").await;
    assert!(
        answer.header("server-timing").is_some_and(|line| line.contains("db;dur=5") && line.contains("slot-cards"))
    );
    assert!(answer.header("cache-status").is_some_and(|line| line.starts_with("edge; hit, inlay")));
    assert!(answer.header("via").is_some_and(|line| line.starts_with("1.1 fred, 1.1 anna, 1.1 inlay-")));
}

#[tokio::test]
async fn the_metrics_count_requests_slots_and_fragments() {
    let front = front().await;
    for path in ["/shop/a", "/shop/b", "/about", "/_inlay/x"] {
        front.get(path).await;
    }
    let answer = front.admin("GET", "/metrics").await;
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    assert!(answer.text().ends_with("# EOF\n"));
    for (metric, count) in [
        ("inlay_requests_total{site=\"default\",treatment=\"Personalised\",status=\"200\"}", 2.0),
        ("inlay_requests_total{site=\"default\",treatment=\"Passed\",status=\"200\"}", 1.0),
        ("inlay_slots_total{rule=\"hero\",outcome=\"shown\"}", 2.0),
        ("inlay_slots_total{rule=\"hero\",outcome=\"kept\"}", 2.0),
        ("inlay_slots_total{rule=\"cards\",outcome=\"shown\"}", 2.0),
        ("inlay_fragment_renders_total{fragment=\"banner\"}", 1.0),
        ("inlay_fragment_hits_total{fragment=\"banner\"}", 1.0),
        ("inlay_head_seconds_count", 4.0),
    ] {
        assert_eq!(front.metric(metric).await, count, "{metric} in\n{}", answer.text());
    }
}

#[tokio::test]
async fn the_admin_port_answers_for_itself() {
    let front = front().await;
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("HEAD", "/readyz", 200),
        ("GET", "/readyz", 200),
        ("POST", "/healthz", 405),
        ("GET", "/api/v1/revision", 200),
        ("PUT", "/api/v1/revision", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
    ] {
        let answer = front.admin(method, path).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{method} {path}");
    }
    let revision: Value = serde_json::from_slice(&front.admin("GET", "/api/v1/revision").await.body).expect("JSON");
    assert_eq!(revision["rules"], 2);
    // The visitors' port has none of it.
    let there = front.get("/api/v1/off").await;
    assert_eq!((there.status, there.text()), (StatusCode::OK, "<p>origin</p>"));
}

thread_local! {
    /// What this thread logs, once somebody listens.
    static LOGGED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes to [`LOGGED`]: tests run side by side, each on a thread of its own, and the process has one log.
struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.iter_mut().for_each(|logged| logged.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_has_a_line_in_the_access_log() {
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| ThreadLog);
    log.try_init().expect("the only log of this process");
    LOGGED.set(Some(Vec::new()));
    let front = front().await;
    front.get("/shop/a?q=private-matter").await;
    front.get("/about").await;
    front.get("/_inlay/x").await;
    let written = async || {
        let text = LOGGED.with_borrow(|logged| String::from_utf8(logged.clone().unwrap_or_default()).expect("UTF-8"));
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let lines: Vec<_> = lines.filter(|line| line["target"] == "inlay::access").collect();
        (lines.len() == 3).then_some((text, lines))
    };
    let (text, lines) = front.until_true("three lines", written).await;
    let told = |line: usize, key: &str| lines[line][key].to_string().trim_matches('"').to_owned();
    assert_eq!(
        (told(0, "path"), told(0, "status"), told(0, "treatment")),
        ("/shop/a".into(), "200".into(), "Personalised".into())
    );
    assert_eq!(
        (told(0, "rules"), told(0, "end"), told(0, "method")),
        ("hero cards".into(), "Whole".into(), "GET".into())
    );
    assert_eq!(told(0, "bytes"), "plain<p title=\"p\">origin</p>".len().to_string());
    assert_eq!((told(1, "treatment"), told(1, "rules")), ("Passed".into(), String::new()));
    assert_eq!((told(2, "treatment"), told(2, "status")), ("Own".into(), "404".into()));
    assert!(!text.contains("private-matter"), "the query is nobody's business: {text}");
}
