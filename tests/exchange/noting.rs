//! What happens is known on the visitor's next request: sent by the page, said by the origin, seen by ourselves. And nothing of
//! it without consent.

use http::{Request, Response};
use inlay::http::Body;
use serde_json::{Value as Json, json};

use super::house::{Answer, Front, page, typed};

const DEPLOYMENT: &str = "\
visitor: { secret: a secret of thirty-two letters or more, consent: { required: { cookie: ok, value: \"1\" } } }
protect: [/checkout/**]
";

const RULES: &str = "\
rules:
  known:
    match: { path: /** }
    inject:
      - select: p
        place: inner
        template: \"{{ events.count('cart.add') }} {{ events.count('page.view') }} {{ profile.tier|default('none') }}\"
";

/// An origin that says in `x-say` fields of the request what it is to say of the visitor.
fn origin(request: Request<Body>) -> Response<Body> {
    let mut response = page("<p>origin</p>");
    for said in request.headers().get_all("x-say") {
        let (name, value) = said.to_str().expect("ASCII").split_once('=').expect("a field");
        let name = http::HeaderName::try_from(name).expect("a name");
        response.headers_mut().append(name, value.parse().expect("a value"));
    }
    response.headers_mut().insert("cache-control", "public, max-age=60".parse().expect("a value"));
    response
}

/// What is sent beside the body, the body, and what is told of it under which status.
type Wrong<'a> = (u16, &'a [(&'a str, &'a str)], &'a str, &'a str);

async fn front() -> Front {
    Front::with(DEPLOYMENT, &[("rules/a.yaml", RULES)], origin).await
}

/// A visitor who consents: their cookies and id.
async fn visitor(front: &Front) -> (String, String) {
    let cookie = front.get_with("/", &[("cookie", "ok=1")]).await.visitor_cookie().expect("a cookie").to_owned();
    let id = cookie.split(['=', '.']).nth(1).expect("an id").to_owned();
    (format!("ok=1; {cookie}"), id)
}

async fn post(front: &Front, cookie: &str, more: &[(&str, &str)], body: &str) -> Answer {
    let headers: Vec<_> =
        [("cookie", cookie), ("content-type", "application/json")].iter().chain(more).copied().collect();
    front.send("POST", "/_inlay/events", &headers, body).await
}

async fn profile(front: &Front, id: &str) -> Json {
    let answer = front.admin("GET", &format!("/api/v1/profiles/{id}")).await;
    serde_json::from_slice(&answer.body).expect("JSON")
}

async fn shown(front: &Front, path: &str, cookie: &str, say: &[&str]) -> Answer {
    let headers: Vec<_> = std::iter::once(("cookie", cookie)).chain(say.iter().map(|said| ("x-say", *said))).collect();
    front.get_with(path, &headers).await
}

#[tokio::test]
async fn what_a_page_sends_is_known_on_the_next_request_and_counts_once() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let event = r#"{"type": "cart.add", "data": {"sku": "A1"}, "id": "e-1"}"#;
    for content_type in ["application/json", "text/plain;charset=UTF-8"] {
        let answer =
            front.send("POST", "/_inlay/events", &[("cookie", &ann), ("content-type", content_type)], event).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (202, r#"{"accepted":1}"#), "{answer:?}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    }
    assert_eq!(shown(&front, "/", &ann, &[]).await.text(), "<p>1 1 none</p>");
    let two = r#"[{"type": "cart.add"}, {"type": "cart.add"}]"#;
    assert_eq!(post(&front, &ann, &[("sec-fetch-site", "same-origin")], two).await.text(), r#"{"accepted":2}"#);
    assert_eq!(shown(&front, "/", &ann, &[]).await.text(), "<p>3 2 none</p>");
    let known = profile(&front, &format!("visitor:{id}")).await;
    let first =
        known["events"].as_array().expect("events").iter().find(|event| event["id"] == "e-1").expect("the event");
    assert_eq!((&first["from"], &first["data"]), (&json!("browser"), &json!({ "sku": "A1" })));
}

#[tokio::test]
async fn nothing_is_taken_that_is_wrong_foreign_or_not_believed() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let many = format!("[{}]", vec![r#"{"type":"a.b"}"#; 101].join(","));
    let cases: [Wrong<'_>; 10] = [
        (400, &[], "{", "no JSON"),
        (422, &[], "[]", "1 to 100"),
        (422, &[], &many, "101 events"),
        (422, &[], r#"[{"type":"a.b"},{"type":"view"}]"#, "event 2"),
        (422, &[], r#"{"type":"a.b","data":3}"#, "`data` is an object"),
        (403, &[], r#"[{"type":"a.b"},{"type":"order.placed"}]"#, "Event 2: `order.placed` is not believed"),
        (403, &[], r#"{"type":"fragment.served"}"#, "not believed"),
        (403, &[("sec-fetch-site", "cross-site")], r#"{"type":"a.b"}"#, "another one"),
        (403, &[("origin", "https://evil.example")], r#"{"type":"a.b"}"#, "another one"),
        (403, &[("origin", "null")], r#"{"type":"a.b"}"#, "another one"),
    ];
    for (status, headers, body, told) in cases {
        let answer = post(&front, &ann, headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
        assert!(answer.text().contains(told), "{body}: {}", answer.text());
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
    }
    let form = [("cookie", &*ann), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(front.send("POST", "/_inlay/events", &form, "a=b").await.status, 415);
    assert_eq!(front.get("/_inlay/events").await.status, 405);
    let large = format!(r#"{{"type":"a.b","data":{{"x":"{}"}}}}"#, "x".repeat(70_000));
    assert_eq!(post(&front, &ann, &[], &large).await.status, 413);
    let known = profile(&front, &format!("visitor:{id}")).await;
    assert_eq!(known["counters"].as_object().expect("counters").keys().collect::<Vec<_>>(), ["page.view"]);
}

#[tokio::test]
async fn without_consent_nothing_is_remembered_and_no_cookie_set() {
    let front = front().await;
    let event = r#"{"type": "cart.add"}"#;
    let answer = post(&front, "a=b", &[], event).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (202, r#"{"accepted":0}"#));
    assert_eq!(answer.visitor_line(), None);
    let page =
        shown(&front, "/", "a=b", &["inlay-event=cart.add", "inlay-identify=7", r#"inlay-profile={"tier":"x"}"#]).await;
    assert_eq!((page.text(), page.visitor_line()), ("<p>0 0 none</p>", None));
    assert_eq!(front.admin("GET", "/api/v1/profiles/7").await.status, 404);
}

#[tokio::test]
async fn a_first_event_makes_a_visitor_known() {
    let front = front().await;
    let answer = post(&front, "ok=1", &[], r#"{"type": "cart.add"}"#).await;
    let cookie = format!("ok=1; {}", answer.visitor_cookie().expect("a cookie"));
    assert_eq!(shown(&front, "/", &cookie, &[]).await.text(), "<p>1 0 none</p>");
}

#[tokio::test]
async fn what_the_origin_says_is_for_us_alone_and_known_at_once() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let say = [
        r#"inlay-event=cart.add;{"sku":"A1"}"#,
        "inlay-event=cart.add",
        r#"inlay-profile={"tier":"gold","x":{"y":1}}"#,
    ];
    let answer = shown(&front, "/said", &ann, &say).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("inlay-")), "{:?}", answer.headers);
    assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    let (bob, _) = visitor(&front).await;
    assert!(shown(&front, "/said", &bob, &[]).await.text().starts_with("<p>0 "), "nothing of it was stored");
    assert!(shown(&front, "/", &ann, &[]).await.text().starts_with("<p>2 "));
    shown(
        &front,
        "/again",
        &ann,
        &[r#"inlay-profile={"x":{"y":null,"z":2}}"#, "inlay-event=not an event", "inlay-profile=["],
    )
    .await;
    let known = profile(&front, &format!("visitor:{id}")).await;
    assert_eq!(known["traits"], json!({ "tier": "gold", "x": { "z": 2 } }));
    assert_eq!(front.metric("inlay_origin_fields_misspoken_total").await, 2.0);

    shown(&front, "/login", &ann, &["inlay-identify=customer 42"]).await;
    let customer = profile(&front, "customer%2042").await;
    assert_eq!(customer["traits"]["tier"], "gold");
    assert!(shown(&front, "/", &ann, &[]).await.text().ends_with("gold</p>"));
    shown(&front, "/logout", &ann, &["inlay-identify="]).await;
    assert!(shown(&front, "/", &ann, &[]).await.text().ends_with("none</p>"), "on a device that others share");
}

#[tokio::test]
async fn views_are_those_of_people_who_can_be_known_again() {
    let front = front().await;
    let (ann, id) = visitor(&front).await;
    let robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    for headers in [
        [("cookie", &*ann), ("sec-purpose", "prefetch")],
        [("cookie", &*ann), ("sec-purpose", "prefetch;prerender")],
        [("cookie", &*ann), ("user-agent", robot)],
        [("cookie", &*ann), ("sec-fetch-dest", "empty")],
    ] {
        front.get_with("/", &headers).await;
    }
    front.get_with("/checkout/pay", &[("cookie", &ann)]).await;
    front.send("POST", "/", &[("cookie", &ann)], "").await;
    let known = profile(&front, &format!("visitor:{id}")).await;
    assert_eq!(known["counters"], json!({ "page.view": 1 }), "the visit that set the cookie");
    assert_eq!(known["events"][0]["data"], json!({ "path": "/" }));
}

#[tokio::test]
async fn a_shared_page_stays_shared_whoever_views_it() {
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject: { select: p, place: after, html: <b>x</b> }\n";
    let front = Front::with(DEPLOYMENT, &[("rules/a.yaml", rules)], origin).await;
    let stranger = front.get_with("/", &[("cookie", "ok=1")]).await;
    assert_eq!(stranger.visitor_line(), None);
    assert_eq!(stranger.header("cache-control").as_deref(), Some("public, max-age=60"));
    let css = Front::with(DEPLOYMENT, &[], |_| typed("text/css", Body::full("p{}"))).await;
    assert_eq!(css.get_with("/a.css", &[("cookie", "ok=1")]).await.visitor_line(), None);
}

#[tokio::test]
async fn the_deployment_says_what_is_taken() {
    let deployment = "visitor: { secret: a secret of thirty-two letters or more }\ncollect: { from_browser: [order.*], page_views: false }\n";
    let front = Front::with(deployment, &[("rules/a.yaml", RULES)], origin).await;
    let cookie = front.get("/").await.visitor_cookie().expect("a cookie").to_owned();
    assert_eq!(post(&front, &cookie, &[], r#"{"type": "order.placed"}"#).await.status, 202);
    assert_eq!(post(&front, &cookie, &[], r#"{"type": "cart.add"}"#).await.status, 403);
    assert_eq!(shown(&front, "/", &cookie, &[]).await.text(), "<p>0 0 none</p>");
}
