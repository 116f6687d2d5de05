//! The demo with the real Inlay: its rules, its APIs and what can be switched on the stage, over real sockets.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::{Demo, FRAME, request, text, trace};

/// What the stage is told of a page in Inlay's frame.
async fn report(demo: &Demo, place: &str) -> Json {
    let sign = if place.contains('?') { '&' } else { '?' };
    let page = demo.get("localhost", &format!("{place}{sign}visitor=ann&side=inlay"), &[FRAME]).await;
    let report = demo.get("localhost", &format!("/_stage/trace/{}", trace(&page)), &[]).await;
    serde_json::from_slice(report.body()).expect("JSON")
}

async fn page(demo: &Demo, place: &str) -> String {
    text(&demo.get("ann.localhost", place, &[]).await).to_owned()
}

async fn change(demo: &Demo, change: Json) -> Json {
    let body = Box::leak(change.to_string().into_boxed_str());
    let answer = demo.send(request("POST", "localhost", "/_stage/world", &[], body)).await;
    assert_eq!(answer.status(), StatusCode::OK, "{}", text(&answer));
    serde_json::from_slice(answer.body()).expect("JSON")
}

async fn save(demo: &Demo, name: &str, rules: String) -> Json {
    let place = format!("/_stage/rules/{name}");
    let answer = demo.send(request("PUT", "localhost", &place, &[], Box::leak(rules.into_boxed_str()))).await;
    serde_json::from_slice(answer.body()).expect("JSON")
}

/// Answers of sources are kept for a second.
async fn until_answers_are_old() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cards_are_two_calls() {
    let demo = Demo::real().await;
    let report = report(&demo, "/samples/").await;
    assert_eq!(report["calls"]["stock"], 2, "{}", report["sources"]);
    let slots = report["slots"].as_array().expect("slots");
    let live = slots.iter().filter(|slot| slot["rule"] == "live_stock");
    assert_eq!(live.filter(|slot| slot["outcome"] == "shown").count(), 100);
    assert_eq!(report["proof"]["holds"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weather_decides_and_is_remembered_when_it_fails() {
    let demo = Demo::real().await;
    assert!(page(&demo, "/").await.contains("rain in Gent"));
    change(&demo, json!({ "api": { "name": "weather", "mode": "dead" } })).await;
    until_answers_are_old().await;
    let failing = report(&demo, "/").await;
    let stale = failing["sources"].as_array().expect("sources").iter().find(|source| source["name"] == "weather");
    assert_eq!(stale.expect("asked")["how"], "stale", "{failing}");
    assert!(stale.expect("asked")["error"].as_str().is_some());
    change(&demo, json!({ "api": { "name": "weather", "mode": "well" } })).await;
    change(&demo, json!({ "sky": "sun" })).await;
    until_answers_are_old().await;
    let dry = page(&demo, "/").await;
    assert!(!dry.contains("rain in Gent") && dry.contains("hero-gold.svg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_has_its_fallback() {
    let demo = Demo::real().await;
    assert!(page(&demo, "/products/NW-101").await.contains("160.65 for Ann, with 1240 points"));
    for mode in ["dead", "failing", "nonsense", "slow"] {
        change(&demo, json!({ "api": { "name": "loyalty", "mode": mode } })).await;
        let page = page(&demo, "/products/NW-101").await;
        assert!(page.contains("170.10 for Ann") && !page.contains("points"), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_api_does_not_hold_the_first_byte() {
    let demo = Demo::real().await;
    change(&demo, json!({ "api": { "name": "stock", "mode": "slow" } })).await;
    let report = report(&demo, "/samples/").await;
    let time = |name: &str| report["timeline"][name].as_f64().expect("a time");
    // The slots wait for theirs, the head for nobody.
    assert!(time("first") < time("last") - 100.0, "{}", report["timeline"]);
    let late = report["slots"].as_array().expect("slots").iter().filter(|slot| slot["reason"] == "late").count();
    assert_eq!(late, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_changed_in_place_and_a_wrong_one_changes_nothing() {
    let demo = Demo::real().await;
    let file = demo.get("localhost", "/_stage/rules/products.yaml", &[]).await;
    let before = text(&file).to_owned();
    let saved = save(&demo, "products.yaml", before.replace("The sample room is open", "Come and see")).await;
    assert_eq!(saved["outcome"], "live", "{saved}");
    assert!(page(&demo, "/").await.contains("Come and see"));
    let wrong = save(&demo, "products.yaml", before.replace("select: .stock", "selct: .stock")).await;
    assert_eq!(wrong["outcome"], "refused");
    let problem = &wrong["problems"][0];
    assert!(problem["what"].as_str().expect("words").contains("`selct`"), "{problem}");
    assert!(problem["line"].as_u64() > Some(5) && problem["remedy"].as_str() != Some(""), "{problem}");
    assert!(page(&demo, "/").await.contains("Come and see"), "nothing has changed");
    let bundled = std::fs::read_to_string("rules/products.yaml").expect("the project's own");
    assert_eq!(bundled, before, "only the copy is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_campaign_and_the_day_are_switched() {
    let demo = Demo::real().await;
    assert!(page(&demo, "/shop/").await.contains("sample room is open"));
    assert_eq!(change(&demo, json!({ "sale": false })).await["outcome"], "live");
    assert!(!page(&demo, "/shop/").await.contains("sample room is open"));
    change(&demo, json!({ "when": "saturday" })).await;
    let saturday = demo.get("localhost", "/?visitor=ann&side=inlay", &[FRAME]).await;
    assert!(text(&saturday).contains("The workshop is closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_stage_itself_may_change_the_world() {
    let demo = Demo::real().await;
    let change = |host: &'static str, headers: &'static [(&str, &str)]| {
        demo.send(request("POST", host, "/_stage/world", headers, r#"{"sky":"sun"}"#))
    };
    for (host, headers) in [
        ("ann.localhost", &[][..]),
        ("rebound.example", &[]),
        ("localhost", &[("origin", "http://evil.example")]),
        ("localhost", &[("sec-fetch-site", "cross-site")]),
    ] {
        assert_eq!(change(host, headers).await.status(), StatusCode::FORBIDDEN, "{host} {headers:?}");
    }
    assert_eq!(change("localhost", &[("origin", "http://localhost")]).await.status(), StatusCode::OK);
}
