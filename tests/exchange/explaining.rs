//! What an exchange tells when it is asked why: over the admin port, about pages that nobody is served.

use inlay::exchange::explain::{Inquiry, Supposing};
use inlay::exchange::explanation::{Explanation, RuleExplained};

use crate::house::{Front, page};

const RULES: &str = r#"
audiences:
  gold: request.cookies.tier == 'gold'
campaigns:
  christmas: { state: live, active: { from: 2026-12-01, until: 2026-12-27 } }
rules:
  hello:
    match: { path: / }
    when: audiences.gold and now.hour < 16
    inject:
      - { select: h1, place: after, template: "<p>Hello {{ request.cookies.name }}</p>", fallback: { html: "<p>Hello</p>" } }
      - { select: .nowhere, place: inner, text: never seen }
  newspaper: { match: { path: /, query: { from: krant } }, inject: { select: h1, place: after, text: reader } }
  other_page: { match: { path: /shop/** }, inject: { select: h1, place: after, text: shop } }
  xmas: { match: { path: / }, campaign: christmas, inject: { select: h1, place: before, text: tree } }
  few: { match: { path: / }, share: 0%, inject: { select: h1, place: before, text: few } }
  later: { match: { path: / }, state: preview, inject: { select: h1, place: before, text: later } }
  cards: { match: { path: / }, inject: { select: li, place: inner, template: "{{ element.attr('data-n') | int + 1 }}" } }
"#;

const PAGE: &str = "<h1>Shop</h1><ul><li data-n=1>a</li><li data-n=2>b</li></ul>";

async fn front() -> Front {
    Front::new(RULES, |_| page(PAGE)).await
}

async fn explain(front: &Front, inquiry: &Inquiry) -> Explanation {
    let body = serde_json::to_string(inquiry).expect("JSON");
    let answer = front.admin_post("/api/v1/explain", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(answer.text()).expect("an explanation")
}

fn of(headers: &[(&str, &str)]) -> Inquiry {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inquiry { url: "http://shop.example/".to_owned(), headers, ..Inquiry::default() }
}

fn rule<'a>(told: &'a Explanation, name: &str) -> &'a RuleExplained {
    told.rule(name).unwrap_or_else(|| panic!("no {name} in {told:#?}"))
}

#[tokio::test]
async fn every_rule_is_told_with_its_reason() {
    let front = front().await;
    let told = explain(&front, &of(&[("cookie", "tier=gold; name=Ann")])).await;
    let reasons: Vec<(&str, &str)> =
        told.rules.iter().map(|rule| (rule.name.as_str(), rule.verdict.as_str())).collect();
    let expected = [
        ("hello", "applies"),
        ("newspaper", "no_match"),
        ("other_page", "no_match"),
        ("xmas", "campaign"),
        ("few", "share"),
        ("later", "preview"),
        ("cards", "applies"),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(rule(&told, "newspaper").reason, "the query's `from` does not fit its `match`");
    assert_eq!(rule(&told, "other_page").reason, "the path does not fit its `match`");
    assert_eq!(rule(&told, "xmas").reason, "campaign `christmas`: its `active` says: not yet");
    assert_eq!(rule(&told, "xmas").until.as_deref(), Some("2026-12-01T00:00:00Z"));
    let share = rule(&told, "few").share.expect("a share");
    assert!(share.share == 0.0 && share.place.is_some());
    assert_eq!((told.site.as_str(), told.visitor.identity.as_str()), ("default", "new"));
}

#[tokio::test]
async fn conditions_and_audiences_tell_what_they_read() {
    let front = front().await;
    let told = explain(&front, &of(&[("cookie", "tier=tin")])).await;
    let hello = rule(&told, "hello");
    assert_eq!(hello.verdict, "when");
    let [condition] = &hello.conditions[..] else { panic!("{hello:#?}") };
    assert!(!condition.holds && condition.source == "audiences.gold and now.hour < 16");
    assert_eq!(condition.reads[0].asked, "audiences.gold");
    assert_eq!(condition.reads[0].answer, false);
    let [gold] = &told.audiences[..] else { panic!("{told:#?}") };
    assert!(!gold.inside);
    assert_eq!((gold.reads[0].asked.as_str(), &gold.reads[0].answer), ("request.cookies.tier", &"tin".into()));
    assert!(gold.reads[0].of_visitor);
}

#[tokio::test]
async fn slots_tell_their_content_their_key_and_their_elements() {
    let front = front().await;
    let told = explain(&front, &of(&[("cookie", "tier=gold; name=Ann")])).await;
    let slot = |name: &str| told.slots.iter().find(|slot| slot.name == name).expect("a slot");
    let hello = slot("hello.1");
    assert_eq!((hello.found, hello.places[0].text.as_str()), (Some(1), "<p>Hello Ann</p>"));
    let filled = hello.filled.as_ref().expect("content");
    assert_eq!((filled.how.as_str(), filled.reads[0].asked.as_str()), ("rendered", "request.cookies.name"));
    assert_eq!(slot("hello.2").found, Some(0));
    let cards = slot("cards");
    assert_eq!((cards.found, &cards.filled), (Some(2), &None));
    assert_eq!(cards.places[1].text, "3");
    let filled = cards.places[1].filled.as_ref().expect("content of its own");
    assert_eq!(filled.reads.last().expect("a read").answer, "2");

    let answer = told.answer.expect("an answer");
    assert_eq!((answer.status, answer.treatment.as_str()), (200, "personalised"));
    assert_eq!(answer.cache_control.as_deref(), Some("private, no-cache"));
    assert!(answer.private_by.contains(&"request.cookies.name".to_owned()), "{:?}", answer.private_by);
}

#[tokio::test]
async fn a_fallback_is_told_with_what_failed_before() {
    let front = front().await;
    let told = explain(&front, &of(&[("cookie", "tier=gold")])).await;
    let filled = told.slots[0].filled.as_ref().expect("content");
    assert_eq!(filled.how, "fixed");
    assert!(filled.tried[0].reason.contains("name"), "{filled:#?}");
    assert!(filled.fallback.is_some());
    assert_eq!(told.slots[0].places[0].text, "<p>Hello</p>");
}

#[tokio::test]
async fn what_is_supposed_is_taken_for_granted_and_kept_for_nobody() {
    let front = front().await;
    let suppose = Supposing {
        at: Some("2026-12-20T10:00".to_owned()),
        audiences: [("gold".to_owned(), true)].into(),
        shares: [("few".to_owned(), true)].into(),
        previews: true,
        ..Supposing::default()
    };
    let told = explain(&front, &Inquiry { suppose, ..of(&[("cookie", "name=Bob")]) }).await;
    let applying: Vec<&str> = told.rules.iter().filter(|rule| rule.applies).map(|rule| rule.name.as_str()).collect();
    assert_eq!(applying, ["hello", "xmas", "few", "later", "cards"]);
    assert_eq!(told.at, "2026-12-20T10:00:00Z");
    assert_eq!(told.origin.expect("an origin").cache, "fwd=bypass");
    let hits = front.metric("inlay_fragment_hits_total{fragment=\"hello.1\"}").await;
    let suppose = Supposing { rules: vec!["later".to_owned()], ..Supposing::default() };
    explain(&front, &Inquiry { suppose, ..of(&[("cookie", "name=Bob; tier=gold")]) }).await;
    assert_eq!(front.metric("inlay_fragment_hits_total{fragment=\"hello.1\"}").await, hits, "nothing was kept");

    let seen = front.get_with("/", &[("cookie", "name=Bob")]).await;
    assert_eq!(seen.text(), "<h1>Shop</h1><ul><li data-n=1>2</li><li data-n=2>3</li></ul>");
}

#[tokio::test]
async fn nobody_is_counted() {
    let front = front().await;
    explain(&front, &of(&[])).await;
    assert_eq!(front.metric("inlay_slots_total{rule=\"cards\",outcome=\"shown\"}").await, 0.0);
    front.get("/").await;
    assert_eq!(front.metric("inlay_slots_total{rule=\"cards\",outcome=\"shown\"}").await, 2.0);
}

#[tokio::test]
async fn a_wrong_inquiry_is_told_what_is_wrong() {
    let front = front().await;
    for (body, told) in [
        ("{}", "missing field `url`"),
        (r#"{"url": "/"}"#, "no URL of a page"),
        (r#"{"url": "http://a/", "supose": {}}"#, "unknown field `supose`"),
        (r#"{"url": "http://a/", "suppose": {"audiences": {"god": true}}}"#, "did you mean `gold`?"),
        (r#"{"url": "http://a/", "suppose": {"rules": ["hallo"]}}"#, "did you mean `hello`?"),
        (r#"{"url": "http://a/", "suppose": {"shares": {"hello": true}}}"#, "has no share"),
        (r#"{"url": "http://a/", "suppose": {"at": "noon"}}"#, "is no moment"),
    ] {
        let answer = front.admin_post("/api/v1/explain", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().contains(told), "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_page_that_is_not_touched_says_why() {
    let front = Front::with("protect: [/checkout/**]\n", &[("rules/site.yaml", RULES)], |_| page(PAGE)).await;
    let told = explain(&front, &Inquiry { url: "http://a/checkout/pay".to_owned(), ..of(&[]) }).await;
    assert_eq!(told.untouched.as_deref(), Some("the path is protected"));
    let told = explain(&front, &Inquiry { url: "http://a/else".to_owned(), ..of(&[]) }).await;
    assert_eq!(told.untouched.as_deref(), Some("no rule has this path"));
    let front = Front::new(RULES, |_| crate::house::typed("text/plain", inlay::http::Body::full("x"))).await;
    let told = explain(&front, &of(&[])).await;
    assert_eq!(told.untouched.as_deref(), Some("the origin's answer is not HTML"));
    assert!(rule(&told, "cards").applies);
}

#[tokio::test]
async fn a_selector_that_stops_to_match_is_seen_in_the_metrics() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static REBUILT: AtomicBool = AtomicBool::new(false);
    let rules = "rules: { cards: { match: { path: / }, inject: { select: h1, place: after, text: b } } }";
    let html = || if REBUILT.load(Ordering::Relaxed) { "<h2>new</h2>" } else { "<h1>old</h1>" };
    let front = Front::new(rules, move |_| page(html())).await;
    let stopped = async || front.metric("inlay_selector_stopped{injection=\"cards\"}").await;
    for _ in 0..2 * inlay::limits::MATCH_WINDOW_PAGES {
        front.get("/").await;
    }
    let pages = f64::from(2 * inlay::limits::MATCH_WINDOW_PAGES);
    assert_eq!(front.metric("inlay_selector_matches_total{injection=\"cards\"}").await, pages);
    assert_eq!(stopped().await, 0.0);
    REBUILT.store(true, Ordering::Relaxed);
    for _ in 0..inlay::limits::MATCH_WINDOW_PAGES {
        front.get("/").await;
    }
    assert_eq!(stopped().await, 1.0);
    assert_eq!(front.metric("inlay_selector_matches_total{injection=\"cards\"}").await, pages);
}
