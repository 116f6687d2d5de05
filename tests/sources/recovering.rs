//! Rules whose contents fail: what stands in, when they are switched off, who is told, and how they come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::api::{Api, fronted, json, status};
use super::house::SOON;

const PAGE: &str = "<p>own</p><p>own</p>";

const RULES: &str = "\
sources:
  s: { url: 'http://API/s', allow_private: true, retries: 0, breaker: { failures: 0 } }
  alarm:
    url: 'http://API/alarm?rule={{ rule }}&state={{ state }}'
    params: [rule, state]
    method: POST
    allow_private: true
fragments:
  sorry: { html: sorry }
rules:
  r:
    match: { path: /** }
    on_error: { ON_ERROR }
    inject:
      - { select: p, place: inner, deadline: 5s, template: '{{ sources.s().n }}' }
";

#[tokio::test]
async fn a_fragment_stands_in_for_what_failed_and_not_for_what_is_blank() {
    let cases = [
        (None, "<p>sorry</p><p>sorry</p>"),
        (Some(r#"{ "n": " " }"#), PAGE),
        (Some(r#"{ "n": 4 }"#), "<p>4</p><p>4</p>"),
    ];
    for (answer, shows) in cases {
        let api = Api::new(move |_| answer.map_or_else(|| status(500), json));
        let front = fronted(PAGE, &RULES.replace("ON_ERROR", "fragment: sorry"), &api).await;
        assert_eq!(front.get("/").await.text(), shows);
        let failures = "inlay_failures_total{rule=\"r\",source=\"s\",function=\"\",reason=\"template\"}";
        assert_eq!(front.metric(failures).await, if answer.is_none() { 2.0 } else { 0.0 });
    }
}

#[tokio::test]
async fn its_own_fallback_comes_before_the_rules_fragment() {
    let api = Api::new(|_| status(500));
    let rules = RULES.replace("ON_ERROR", "fragment: sorry").replace(".n }}'", ".n }}', fallback: FALLBACK");
    for (fallback, shows) in
        [("{ html: mine }", "mine"), ("empty", ""), ("{ template: '{{ request.cookies.none }}' }", "sorry")]
    {
        let front = fronted(PAGE, &rules.replace("FALLBACK", fallback), &api).await;
        assert_eq!(front.get("/").await.text(), PAGE.replace("own", shows), "{fallback}");
    }
}

#[tokio::test]
async fn a_rule_that_fails_too_often_is_off_says_so_and_comes_back() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let api = Api::new(move |came| match () {
        () if came.target.starts_with("/alarm") || is_well.load(Ordering::SeqCst) => json(r#"{ "n": 1 }"#),
        () => status(500),
    });
    let on_error = "off: { above: 50%, at_least: 5, window: 1m, length: 300ms }, tell: alarm";
    let front = fronted(PAGE, &RULES.replace("ON_ERROR", on_error), &api).await;
    for _ in 0..4 {
        assert_eq!(front.get("/").await.text(), PAGE);
    }
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 0.0, "four pages are too few to tell");
    assert_eq!(front.get("/").await.text(), PAGE);
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 1.0);
    let explained =
        front.admin_post("/api/v1/explain", &format!(r#"{{ "url": "http://{}/" }}"#, front.address())).await;
    assert!(explained.text().contains("it failed too often"), "{}", explained.text());
    well.store(true, Ordering::SeqCst);
    // It comes back by itself, once a page has found out.
    front.until("/", "<p>1</p><p>1</p>").await;
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 0.0);
    let told = async {
        while !["off", "on"].iter().all(|state| api.targets().contains(&format!("/alarm?rule=r&state={state}"))) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("the source is told");
}

#[tokio::test]
async fn a_page_counts_once_however_many_slots_fail_and_a_mended_rule_is_back_at_once() {
    let api = Api::new(|_| status(500));
    let rules = RULES.replace("ON_ERROR", "off: { above: 100%, at_least: 3, length: 10m }");
    let front = fronted(PAGE, &rules.replace("API", &api.address.to_string()), &api).await;
    for _ in 0..2 {
        front.get("/").await;
    }
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 0.0);
    front.get("/").await;
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 1.0);
    let asked = api.targets().len();
    front.get("/").await;
    assert_eq!(api.targets().len(), asked, "what is off asks nobody");
    let mended = rules.replace("API", &api.address.to_string()).replace("{{ sources.s().n }}", "mended");
    front.write("rules/site.yaml", &mended);
    front.until("/", "<p>mended</p>").await;
    assert_eq!(front.metric("inlay_rule_off{name=\"r\"}").await, 0.0);
}
