//! What is remembered of a visitor, as rules, templates and functions see it: at once, only theirs, and only with consent.

use jiff::{SignedDuration, Timestamp};

use super::house::{Answer, Front, NOW, page};

const DEPLOYMENT: &str = "visitor: { secret: a secret of thirty-two letters or more, consent: { required: { cookie: ok, value: \"1\" } } }\n";

const RULES: &str = "\
audiences:
  gold: profile.loyalty.tier == 'gold'
  buyer: events.any('order.placed', within='30d')
rules:
  by_trait:
    match: { path: /** }
    inject:
      - { select: h1, place: inner, template: \"Hello {{ profile.name }}\", fallback: { html: Hello } }
      - { select: \"#tier\", place: inner, template: \"{{ 'gold' if audiences.gold else 'plain' }} {{ audiences.buyer }}\" }
  by_events:
    match: { path: /** }
    when: events.count('product.view') > 0
    inject:
      - select: \"#seen\"
        place: inner
        template: \"{% for seen in events.recent('product.view', 3, by='sku') %}{{ seen.sku }}:{{ seen.data.price }} {% endfor %}{{ events.sum('product.view', 'price') }}\"
  by_code:
    match: { path: /code }
    inject:
      - { select: \"#code\", place: inner, function: seen }
";

const FUNCTION: &str = "export default async function (input) {
  const last = input.events.last('product.view', { sku: 'B2' });
  return `${input.profile.name} ${last ? last.price : 'none'} ${input.events.any('cart.add')}`;
}";

const PAGE: &str = "<h1>Shop</h1><i id=tier></i><i id=seen>none</i><i id=code></i>";

async fn front() -> Front {
    let files = [("rules/a.yaml", RULES), ("rules/functions/seen.js", FUNCTION)];
    Front::with(DEPLOYMENT, &files, |_| page(PAGE)).await
}

/// A visitor who consents, and their id.
async fn visitor(front: &Front) -> (String, String) {
    let cookie = front.get_with("/", &[("cookie", "ok=1")]).await.visitor_cookie().expect("a cookie").to_owned();
    let id = cookie.split(['=', '.']).nth(1).expect("an id").to_owned();
    (format!("ok=1; {cookie}"), id)
}

async fn tell(front: &Front, id: &str, events: &str) {
    let answer = front.admin_post(&format!("/api/v1/profiles/visitor:{id}/events"), events).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

async fn seen(front: &Front, path: &str, cookie: &str) -> Answer {
    front.get_with(path, &[("cookie", cookie)]).await
}

#[tokio::test]
async fn code_sees_traits_and_events_of_the_one_who_asks() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let (bob, _) = visitor(&front).await;
    let views = r#"[
        {"type": "product.view", "data": {"sku": "A1", "price": 10}},
        {"type": "product.view", "data": {"sku": "B2", "price": 5}},
        {"type": "product.view", "data": {"sku": "A1", "price": 12}},
        {"type": "order.placed", "data": {"total": 27}}]"#;
    tell(&front, &id, views).await;
    let traits = r#"{"name": "Ann", "loyalty": {"tier": "gold"}}"#;
    let put = front.admin_send("PUT", &format!("/api/v1/profiles/visitor:{id}"), traits).await;
    assert!(put.status.is_success(), "{}", put.text());

    let page = seen(&front, "/code", &ann).await;
    let expected = "<h1>Hello Ann</h1><i id=tier>gold true</i><i id=seen>A1:12 B2:5 27</i><i id=code>Ann 5 false</i>";
    assert_eq!(page.text(), expected);
    assert_eq!(page.header("cache-control").as_deref(), Some("private, no-cache"));
    let page = seen(&front, "/", &bob).await;
    assert_eq!(page.text(), "<h1>Hello</h1><i id=tier>plain false</i><i id=seen>none</i><i id=code></i>");
}

#[tokio::test]
async fn the_very_next_request_sees_what_was_told() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let start: Timestamp = NOW.parse().expect("a time");
    for round in 1..=20 {
        front.app.exchange().clock.set(start + SignedDuration::from_micros(round));
        tell(&front, &id, &format!(r#"{{"type": "product.view", "data": {{"sku": "S{round}", "price": 1}}}}"#)).await;
        let page = seen(&front, "/", &ann).await;
        assert!(page.text().contains(&format!("<i id=seen>S{round}:1 ")), "{}", page.text());
    }
}

#[tokio::test]
async fn nothing_is_shown_without_consent() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    tell(&front, &id, r#"{"type": "product.view", "data": {"sku": "A1", "price": 1}}"#).await;
    assert!(seen(&front, "/", &ann).await.text().contains("A1:1"));
    let without = ann.replace("ok=1; ", "");
    assert!(seen(&front, "/", &without).await.text().contains("<i id=seen>none</i>"));
}

#[tokio::test]
async fn windows_move_on_with_the_clock() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    tell(&front, &id, r#"{"type": "order.placed", "time": "2026-10-25T09:30:00Z"}"#).await;
    assert!(seen(&front, "/", &ann).await.text().contains("plain true"));
    front.app.exchange().clock.set("2026-11-25T09:30:00Z".parse().expect("a time"));
    assert!(seen(&front, "/", &ann).await.text().contains("plain false"), "31 days later");
}
