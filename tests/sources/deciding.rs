//! Conditions that hang on sources: of rules, injections, audiences and actions.

use super::api::{Api, fronted, json};
use super::house::Front;

const PAGE: &str = "<p>own</p>";

fn weather(sky: &'static str) -> Api {
    Api::new(move |_| json(format!("{{ \"sky\": \"{sky}\" }}")))
}

const SOURCE: &str = "\
sources:
  weather: { url: 'http://API/{{ city }}', params: [city], allow_private: true, timeout: 20s, cache: { ttl: 1h } }
";

async fn shown(rest: &str, api: &Api) -> Front {
    fronted(PAGE, &format!("{SOURCE}{rest}"), api).await
}

#[tokio::test]
async fn a_rule_an_injection_and_an_audience_hang_on_a_source() {
    let rule = "rules:\n  r:\n    match: { path: /** }\n    when: sources.weather(city='Gent').sky == 'rain'\n    inject:\n      \
                - { select: p, place: inner, html: umbrella, deadline: 5s }\n";
    let injection = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { when: \"sources.weather(city='Gent').sky == \
                     'rain'\", select: p, place: inner, html: umbrella, deadline: 5s }\n";
    let audience = "audiences:\n  wet: sources.weather(city='Gent').sky == 'rain'\nrules:\n  r:\n    match: { path: /** }\n    \
                    when: audiences.wet\n    inject:\n      - { select: p, place: inner, html: umbrella, deadline: 5s }\n";
    let class = "rules:\n  r:\n    match: { path: /** }\n    when: sources.weather(city='Gent').sky == 'rain'\n    inject:\n      \
                 - { select: p, class: { add: [wet] } }\n";
    for (rules, wet) in [
        (rule, "<p>umbrella</p>"),
        (injection, "<p>umbrella</p>"),
        (audience, "<p>umbrella</p>"),
        (class, "<p class=\"wet\">own</p>"),
    ] {
        for (sky, page) in [("rain", wet), ("sun", PAGE)] {
            let api = weather(sky);
            let front = shown(rules, &api).await;
            for round in 0..2 {
                assert_eq!(front.get("/").await.text(), page, "{sky}, round {round}, {rules}");
            }
            assert_eq!(api.targets(), ["/Gent"]);
        }
    }
}

/// What is not known when the head leaves might be the visitor's own; what is known is shared as long as it holds.
#[tokio::test]
async fn the_head_says_what_is_known_of_the_answer() {
    let api = weather("rain");
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: p, place: inner, deadline: 5s, template: \
                 \"{{ sources.weather(city='Gent').sky }}\" }\n";
    let rules = format!("{SOURCE}{rules}").replace("API", &api.address.to_string());
    let front = Front::new(&rules, |_| {
        let mut page = super::house::page(PAGE);
        page.headers_mut().insert("cache-control", "public, max-age=86400".parse().expect("a value"));
        page
    })
    .await;
    api.shut();
    let (first, ()) = tokio::join!(front.get("/"), async {
        while api.came().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        api.open();
    });
    assert_eq!((first.text(), first.header("cache-control").as_deref()), ("<p>rain</p>", Some("private, no-cache")));
    let second = front.get("/").await;
    assert_eq!(second.text(), "<p>rain</p>");
    let cache = second.header("cache-control").expect("a header");
    assert!(cache.contains("max-age=3600") && !cache.contains("private"), "{cache}");
}

#[tokio::test]
async fn actions_wait_for_what_they_hang_on() {
    let api = weather("rain");
    let rules = "rules:\n  moved:\n    match: { path: /old }\n    when: sources.weather(city='Gent').sky == 'rain'\n    redirect: { to: \
                 /indoors }\n  told:\n    match: { path: /** }\n    headers: { response: { set: { x-sky: \
                 \"{{ sources.weather(city='Gent').sky }}\" } } }\n";
    let front = shown(rules, &api).await;
    let moved = front.get("/old").await;
    assert_eq!((moved.status.as_u16(), moved.header("location").as_deref()), (302, Some("/indoors")));
    assert_eq!(front.get("/").await.header("x-sky").as_deref(), Some("rain"));
}

/// Until their deadline: then the request goes on without them.
#[tokio::test]
async fn actions_do_not_wait_past_their_deadline() {
    let api = weather("rain");
    api.shut();
    let rules = "rules:\n  moved:\n    match: { path: /old }\n    when: sources.weather(city='Gent').sky == 'rain'\n    redirect: { to: \
                 /indoors }\n  told:\n    match: { path: /** }\n    headers: { request: { set: { x-sky: \
                 \"{{ sources.weather(city='Gent').sky }}\" } } }\n";
    let front = shown(rules, &api).await;
    let answer = front.get("/old").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, PAGE));
    let metrics = front.admin("GET", "/metrics").await;
    let late = "inlay_actions_total{rule=\"told\",action=\"request\",outcome=\"late\"} 1";
    assert!(metrics.text().contains(late), "{}", metrics.text());
}
