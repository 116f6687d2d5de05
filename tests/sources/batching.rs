//! Asks that come together become one call, across the slots of a page and across pages.

use std::fmt::Write;

use super::api::{Api, json};
use super::house::{Front, page};

fn cards(count: usize) -> String {
    (0..count).fold(String::new(), |mut html, n| {
        let _ = write!(html, "<li data-sku=\"A{n}\"><b class=stock>?</b></li>");
        html
    })
}

const RULES: &str = "\
sources:
  stock:
    url: \"http://API/stock?skus={{ sku|join(',') }}\"
    params: [sku]
    allow_private: true
    batch: { param: sku, max: 50, window: WINDOW, key: sku }
    BATCHED
rules:
  live:
    match: { path: /** }
    inject:
      - { each: '[data-sku]', select: .stock, place: inner, deadline: 5s, template: \"{{ sources.stock(sku=each.attr('data-sku')).left }}\" }
";

fn api() -> Api {
    Api::new(|came| {
        let asked = came.target.split("skus=").nth(1).unwrap_or_default().to_owned();
        let of = |sku: &str| format!("{{\"sku\":\"{sku}\",\"left\":{}}}", sku[1..].parse::<usize>().unwrap() + 1);
        json(format!("[{}]", asked.split("%2C").map(of).collect::<Vec<_>>().join(",")))
    })
}

fn rules(api: &Api, window: &str, more: &str) -> String {
    RULES.replace("API", &api.address.to_string()).replace("WINDOW", window).replace("BATCHED", more)
}

#[tokio::test]
async fn a_hundred_cards_become_two_calls() {
    let (api, html) = (api(), cards(100));
    let front = Front::new(&rules(&api, "500ms", ""), move |_| page(html.clone())).await;
    let answer = front.get("/").await;
    for n in [0, 49, 50, 99] {
        let card = format!("<li data-sku=\"A{n}\"><b class=stock>{}</b></li>", n + 1);
        assert!(answer.text().contains(&card), "{card} in {}", answer.text());
    }
    assert_eq!(api.came().len(), 2, "{:?}", api.targets());
}

#[tokio::test]
async fn two_pages_at_once_share_calls_and_what_is_kept_is_not_asked() {
    let (api, html) = (api(), cards(10));
    let front = Front::new(&rules(&api, "500ms", "cache: { ttl: 1h }"), move |_| page(html.clone())).await;
    let (one, other) = tokio::join!(front.get("/one"), front.get("/two"));
    assert!(one.text().contains(">10<") && other.text().contains(">10<"));
    assert_eq!(api.came().len(), 1, "{:?}", api.targets());
    assert!(front.get("/three").await.text().contains(">10<"));
    assert_eq!(api.came().len(), 1);
}

#[tokio::test]
async fn what_the_answer_does_not_speak_of_is_not_there() {
    let api = Api::new(|_| json(r#"[{ "sku": "A0", "left": 4 }]"#));
    let front = Front::new(&rules(&api, "20ms", ""), |_| page(cards(2))).await;
    let text = front.get("/").await.text().to_owned();
    assert!(text.contains(">4<") && text.contains(">?<"), "{text}");
}
