//! `inlay check --against URL`.

use http::Response;
use inlay::http::Body;
use serde_json::Value as Json;

use crate::house::{page, serve_origin};
use crate::{Ran, inlay};

const RULES: &str = "rules:\n  banner:\n    match: { path: / }\n    inject:\n      - { select: main, place: prepend, html: '<p style=\"x\">a</p>' }\n      - { each: '[data-sku]', select: .stock, place: inner, text: few }\n      - { select: .gone, place: inner, text: b }\n  elsewhere: { match: { path: /shop/** }, inject: { select: main, place: append, text: c } }\n";

async fn against(answer: impl Fn() -> Response<Body> + Send + Sync + 'static, rules: &str, more: &[&str]) -> Ran {
    let (origin, _trigger) = serve_origin(move |_| answer());
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    std::fs::write(folder.path().join("rules/site.yaml"), rules).expect("a file");
    inlay(folder.path(), &[&["check", "--against", &format!("http://{origin}/")], more].concat()).await
}

const SHOP: &str = "<body><header></header><main id=content><h1>Shop</h1><div data-sku=1><b class=stock></b></div>\
    <div data-sku=2><b class=stock></b></div></main></body>";

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_what_each_selector_finds_and_which_are_worth_using() {
    let ran = against(|| page(SHOP), RULES, &["--json"]).await;
    let found: Json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let slots: Vec<(&str, u64)> = found["slots"]
        .as_array()
        .expect("slots")
        .iter()
        .map(|slot| (slot["name"].as_str().expect("a name"), slot["found"].as_u64().expect("a number")))
        .collect();
    assert_eq!(slots, [("banner.1", 1), ("banner.2", 2), ("banner.3", 0)]);
    assert_eq!((&found["elsewhere"], &found["charset"]), (&1.into(), &"UTF-8".into()));
    assert_eq!(found["warnings"][0], "banner.3: `.gone` finds nothing in this page");
    let worth: Vec<&str> =
        found["suggestions"].as_array().expect("a list").iter().filter_map(|one| one["selector"].as_str()).collect();
    assert_eq!(worth, ["header", "main", "h1", "[data-sku]"]);
    assert_eq!(ran.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_warns_of_what_a_framework_would_revert_and_a_policy_would_block() {
    let answer = || {
        let mut response = page(format!("<body><div id=__next>{SHOP}</div></body>"));
        let policy = "default-src 'self'; script-src 'nonce-abc'".parse().expect("a value");
        response.headers_mut().insert("content-security-policy", policy);
        response.headers_mut().insert("set-cookie", "a=b".parse().expect("a value"));
        response
    };
    let ran = against(answer, RULES, &[]).await;
    for told in [
        "banner.1: `main` lies inside `#__next`, which Next.js takes over",
        "banner.1: the page's policy blocks its `style` attributes",
        "inline scripts run with the page's nonce only",
        "inline styles are blocked",
        "not kept: it sets a cookie",
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fits_is_fine_and_wrong_rules_are_told_first() {
    let fine = "rules: { a: { match: { path: / }, inject: { select: main, place: append, text: b } } }";
    let ran = against(|| page(SHOP), fine, &[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.out.contains("To be mended"));
    let ran = against(|| page(SHOP), "rules: { a: { inject: { selct: main, text: b } } }", &[]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("unknown key `selct`"), "{ran:?}");
}
