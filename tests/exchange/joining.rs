//! Who somebody proves to be, and what is remembered then: logins join, without the token nothing leads to the customer, withdrawn
//! consent erases; sessions go on over requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use inlay::profile::{Change, Op, ProfileId, Traits};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::house::{Front, NOW, page, serve_origin, typed};
use super::identifying::Issuer;

const RULES: &str = r#"
rules:
  r:
    match: { path: /** }
    inject:
      - select: p
        place: inner
        template: "{{ visitor.id }} {{ profile.cart or '?' }} {{ profile.tier or '?' }}"
      - select: i
        place: inner
        template: "{{ session.new }} {{ session.count or '-' }} {{ session.campaign or '?' }} {{ session.landing }}"
"#;

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

async fn front(keys: &str, issuer: &Issuer) -> Front {
    let jwt = format!("{{ cookie: login, keys: \"{keys}\", algorithms: ES256, traits: {{ tier: loyalty.tier }} }}");
    let visitor = format!(
        "visitor: {{ secret: a secret of thirty-two letters or more, consent: implied, identify: {{ jwt: {jwt} }} }}\n"
    );
    let files = [("jwks.json", issuer.keys()), ("rules/a.yaml", RULES.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    Front::with(&visitor, &files, |_| page("<p></p><i></i>")).await
}

/// What a page shows of who asks, but for the id.
async fn shown(front: &Front, cookies: &str, more: &[(&str, &str)]) -> String {
    let answer = front.get_with("/", &[&[("cookie", cookies)], more].concat()).await;
    let text =
        answer.text().split_once("<p>").and_then(|(_, text)| text.split_once("</p>")).expect("a page").0.to_owned();
    text.split_once(' ').map_or(text.clone(), |(_, rest)| rest.to_owned())
}

/// A visitor who came before: the cookie, and whose profile it is.
async fn visitor(front: &Front) -> (String, ProfileId) {
    let cookie = front.get("/").await.visitor_cookie().expect("a cookie").to_owned();
    let id = cookie.split(['=', '.']).nth(1).expect("an id");
    (cookie.clone(), ProfileId::visitor(id).expect("an id"))
}

async fn remember(front: &Front, id: &ProfileId, traits: Json) {
    let traits = Op::MergeTraits(Traits::new(traits).expect("traits"));
    front.app.exchange().profiles.change(id, vec![Change::new(traits, now())]).durably().await.expect("remembered");
}

async fn known(front: &Front, id: &ProfileId) -> Json {
    front.app.exchange().profiles.store().load(id).await.expect("a profile").profile.document()
}

#[tokio::test]
async fn a_login_brings_what_was_known_and_a_logout_leaves_it_behind() {
    let issuer = Issuer::new();
    let front = front("jwks.json", &issuer).await;
    let (cookie, id) = visitor(&front).await;
    remember(&front, &id, json!({ "cart": "A1" })).await;
    assert_eq!(shown(&front, &cookie, &[]).await, "A1 ?");
    let login = format!("{cookie}; login={}", issuer.token(|_| {}));
    assert_eq!(shown(&front, &login, &[]).await, "A1 gold", "at once, with what the token tells");
    let ann = ProfileId::customer("ann").expect("an id");
    let customer = known(&front, &ann).await;
    assert_eq!((&customer["customer"], &customer["traits"]), (&json!("ann"), &json!({ "cart": "A1", "tier": "gold" })));
    // The same device without the token, and then somebody else's login.
    assert_eq!(shown(&front, &cookie, &[]).await, "? ?");
    let bob = issuer.token(|claims| {
        claims["sub"] = json!("bob");
        claims["loyalty"]["tier"] = json!("silver");
    });
    assert_eq!(shown(&front, &format!("{cookie}; login={bob}"), &[]).await, "? silver");
    // What the device learned between logins joins at the next one.
    assert_eq!(shown(&front, &cookie, &[]).await, "? ?");
    remember(&front, &id, json!({ "cart": "B2", "seen": 1 })).await;
    assert_eq!(shown(&front, &login, &[]).await, "A1 gold", "the customer's own stays");
    assert_eq!(known(&front, &ann).await["traits"]["seen"], json!(1));
    assert_eq!(known(&front, &id).await["traits"], json!({}));
    // Another device of hers knows it too, from its first request on.
    assert_eq!(shown(&front, &format!("login={}", issuer.token(|_| {})), &[]).await, "A1 gold");
}

#[tokio::test]
async fn withdrawn_consent_erases_the_visitor_and_the_customer_whom_they_prove_to_be() {
    let issuer = Issuer::new();
    let front = front("jwks.json", &issuer).await;
    let (cookie, id) = visitor(&front).await;
    let (other, other_id) = visitor(&front).await;
    let ann = ProfileId::customer("ann").expect("an id");
    for id in [&id, &other_id, &ann] {
        remember(&front, id, json!({ "cart": "A1" })).await;
    }
    // A forged cookie erases nobody; neither does a token alone.
    let forged = format!("inlay_visitor={}.20000.AAAAAAAAAAAAAAAAAAAAAA", id.bare());
    let login = format!("login={}", issuer.token(|_| {}));
    for cookies in [&forged, &login] {
        front.get_with("/", &[("cookie", cookies), ("sec-gpc", "1")]).await;
    }
    let answer = front.get_with("/", &[("cookie", &format!("{cookie}; {login}")), ("sec-gpc", "1")]).await;
    assert!(answer.visitor_line().is_some_and(|line| line.contains("Max-Age=0")), "the cookie goes");
    for id in [&id, &ann] {
        let gone = async || (known(&front, id).await["traits"] == json!({})).then_some(());
        front.until_true("erased", gone).await;
    }
    assert_eq!(shown(&front, &other, &[]).await, "A1 ?", "nobody else is");
}

#[tokio::test]
async fn without_consent_nothing_is_stored_for_anybody() {
    let issuer = Issuer::new();
    let front = front("jwks.json", &issuer).await;
    let login = format!("login={}", issuer.token(|_| {}));
    for _ in 0..3 {
        let answer = front.get_with("/?utm_campaign=spring", &[("cookie", &login), ("sec-gpc", "1")]).await;
        assert!(answer.visitor_line().is_none());
        assert!(answer.text().contains("<i>true - spring /</i>"), "still contextual: {}", answer.text());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let exported = front.admin("GET", "/api/v1/profiles").await;
    assert_eq!(exported.text(), "");
}

#[tokio::test]
async fn a_session_goes_on_until_there_is_silence() {
    let issuer = Issuer::new();
    let front = front("jwks.json", &issuer).await;
    let (cookie, _) = visitor(&front).await;
    let session_after = async |minutes: i64, path: &str| {
        let clock = &front.app.exchange().clock;
        clock.set(clock.now() + jiff::SignedDuration::from_mins(minutes));
        let answer = front.get_with(path, &[("cookie", &cookie)]).await;
        answer.text().split_once("<i>").and_then(|(_, text)| text.split_once("</i>")).expect("a page").0.to_owned()
    };
    assert_eq!(session_after(100, "/a?utm_campaign=mail").await, "true 2 mail /a", "after silence another begins");
    // It goes on with each page that is viewed, and is of the campaign that it began with.
    assert_eq!(session_after(29, "/b?utm_campaign=spring").await, "false 2 mail /a");
    assert_eq!(session_after(29, "/c").await, "false 2 mail /a");
    assert_eq!(session_after(31, "/d").await, "true 3 ? /d");
}

#[tokio::test]
async fn keys_are_fetched_where_the_login_publishes_them() {
    let issuer = Issuer::new();
    let published = Arc::new(Mutex::new(String::from("not yet")));
    let answers = published.clone();
    let (login, _trigger) = serve_origin(move |_| {
        let text = answers.lock().expect("no panic").clone();
        typed("application/json", inlay::http::Body::full(text))
    });
    *published.lock().expect("no panic") = issuer.keys();
    let front = front(&format!("http://{login}/jwks.json"), &issuer).await;
    let cookie = format!("login={}", issuer.token(|_| {}));
    let known = async || (shown(&front, &cookie, &[]).await == "? gold").then_some(());
    front.until_true("the keys", known).await;
    // What is published later is of no use, and the last good keys stay, also when inlay.yaml is read again.
    *published.lock().expect("no panic") = "{}".to_owned();
    front.app.reload();
    assert_eq!(shown(&front, &cookie, &[]).await, "? gold");
    let other = format!("login={}", Issuer::new().token(|_| {}));
    assert_eq!(shown(&front, &other, &[]).await, "? ?", "another's signature by a known name of a key");
}
