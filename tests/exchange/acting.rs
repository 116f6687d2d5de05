//! What rules do with the exchange itself: redirects, other origins and paths, fields of both heads.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use inlay::http::Body;

use super::house::{Answer, Front, page, serve_origin, typed};

/// What an origin was asked: the target and the head.
type Asked = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// An origin that notes what it is asked and answers each path with a page that names it.
fn noting(name: &'static str, asked: &Asked) -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static {
    let asked = asked.clone();
    move |request| {
        let target = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        asked.lock().expect("no panic").push((target.clone(), request.headers().clone()));
        let path = request.uri().path().to_owned();
        let mut response = match path.ends_with(".json") {
            true => typed("application/json", Body::full(format!("\"{name} {target}\""))),
            false => page(format!("<p>{name} {target}</p>")),
        };
        let cached = "public, max-age=600".parse().expect("a header");
        response.headers_mut().insert("cache-control", cached);
        response
    }
}

fn targets(asked: &Asked) -> Vec<String> {
    asked.lock().expect("no panic").iter().map(|(target, _)| target.clone()).collect()
}

fn last_head(asked: &Asked) -> HeaderMap {
    asked.lock().expect("no panic").last().expect("a request").1.clone()
}

async fn front(rules: &str) -> (Front, Asked) {
    let asked = Asked::default();
    (Front::new(rules, noting("first", &asked)).await, asked)
}

fn led(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.header("location").unwrap_or_default())
}

#[tokio::test]
async fn a_redirect_is_decided_before_the_origin_is_asked() {
    let (front, asked) = front(
        "\
rules:
  moved: { match: { path: /old/** }, redirect: { to: \"/new{{ request.path }}\", status: 308 } }
  plain: { match: { path: /plain }, redirect: { to: /new/?a=b } }
  bare: { match: { path: /bare }, redirect: { to: /new/, query: drop } }
",
    )
    .await;
    assert_eq!(led(&front.get("/old/a%20b?utm=1").await), (308, "/new/old/a%20b?utm=1".into()));
    assert_eq!(led(&front.get("/plain?utm=1").await), (302, "/new/?a=b".into()));
    assert_eq!(led(&front.get("/bare?utm=1").await), (302, "/new/".into()));
    assert_eq!(led(&front.send("HEAD", "/bare", &[], "").await), (302, "/new/".into()));
    assert!(targets(&asked).is_empty());
    // Rules are for GET and HEAD unless they say otherwise.
    assert_eq!(front.send("POST", "/bare", &[], "x").await.status.as_u16(), 200);
    assert_eq!(front.get("/else").await.text(), "<p>first /else</p>");
    assert_eq!(front.metric("inlay_actions_total{rule=\"bare\",action=\"redirect\",outcome=\"done\"}").await, 2.0);
}

#[tokio::test]
async fn a_redirect_tells_caches_what_it_hangs_on() {
    let (front, _) = front(
        "\
campaigns: { sale: { active: { until: 2026-11-24T00:00:00Z } } }
rules:
  gold: { match: { path: /gold }, when: request.cookies.tier == 'gold', redirect: { to: /club, status: 301 } }
  sale: { match: { path: /sale }, campaign: sale, redirect: { to: /club, status: 301 } }
  good: { match: { path: /good }, redirect: { to: /club, status: 301 } }
  half: { match: { path: /half }, share: 100%, redirect: { to: /club } }
",
    )
    .await;
    let gold = front.get_with("/gold", &[("cookie", "tier=gold")]).await;
    assert_eq!((led(&gold), gold.header("cache-control")), ((301, "/club".into()), Some("private, no-cache".into())));
    // Who was not redirected must not leave the page to others either.
    let other = front.get("/gold").await;
    assert_eq!((other.status.as_u16(), other.header("cache-control")), (200, Some("private, no-cache".into())));
    let sale = front.get("/sale").await;
    assert_eq!(sale.header("cache-control"), Some(format!("max-age={}", (14 * 60 + 30) * 60)));
    assert_eq!(front.get("/good").await.header("cache-control"), None);
    // A share holds for a visitor only if the visitor is known again.
    let half = front.get("/half").await;
    assert!(half.status.as_u16() == 302 && half.visitor_cookie().is_some(), "{half:?}");
}

#[tokio::test]
async fn a_redirect_leads_to_own_hosts_and_not_in_a_circle() {
    let rules = "\
rules:
  next: { match: { path: /next }, redirect: { to: \"{{ request.query.to }}\", query: drop } }
  language:
    match: { path: /** }
    except: { path: /next }
    when: request.headers['x-lang'] == 'nl' and request.path != '/never'
    redirect: { to: /nl/ }
";
    let asked = Asked::default();
    let sites = "sites: { shop: { hosts: [\"*.shop.example\"] } }\n";
    let front = Front::with(sites, &[("rules/site.yaml", rules)], noting("first", &asked)).await;
    let host = ("host", "www.shop.example");
    let next = async |to: &str| led(&front.get_with(&format!("/next?to={to}"), &[host]).await);
    assert_eq!(next("/a/b").await, (302, "/a/b".into()));
    assert_eq!(next("https://nl.shop.example/a").await, (302, "https://nl.shop.example/a".into()));
    for evil in ["//evil.example", "https://evil.example/", "/.//evil.example", "/%5Cevil.example", "javascript:x"] {
        let (status, location) = next(evil).await;
        assert!(status == 200 || !location.contains("//"), "{evil}: {location}");
    }
    let split = next("/a%0d%0aset-cookie:%20a=1").await;
    assert!(split.1 == "/a%0D%0Aset-cookie:%20a%3D1" || split.0 == 200, "{split:?}");
    let nl = [host, ("x-lang", "nl")];
    assert_eq!(led(&front.get_with("/shop", &nl).await), (302, "/nl/".into()));
    assert_eq!(front.get_with("/nl/", &nl).await.status.as_u16(), 200);
    assert_eq!(front.metric("inlay_actions_total{rule=\"language\",action=\"redirect\",outcome=\"loop\"}").await, 1.0);
}

#[tokio::test]
async fn another_path_answers_under_the_same_url() {
    let (front, asked) = front(
        "\
rules:
  new:
    match: { path: \"/shop/{rest}\" }
    serve: { path: \"/v2/{{ params.rest }}\" }
    inject: { select: p, place: append, text: \"!\" }
  private: { match: { path: /me }, when: request.cookies.a, serve: { path: /v2/me } }
",
    )
    .await;
    assert_eq!(front.get("/shop/a?q=1").await.text(), "<p>first /v2/a?q=1!</p>");
    let kept = front.get("/shop/a").await;
    assert_eq!(kept.header("cache-control").as_deref(), Some("public, max-age=600"));
    // A captured value is a value: it opens no query, and leads nowhere else.
    for (path, served) in [
        ("/shop/a%3Fb=1", "/v2/a%3Fb%3D1"),
        ("/shop/a%23b", "/v2/a%23b"),
        ("/shop/a%2Fb", "/v2/a%2Fb"),
        ("/shop/%0d%0aa", "/v2/%0D%0Aa"),
        ("/shop/..%2F..%2Fadmin", "/shop/..%2F..%2Fadmin"),
        ("/shop/%252e%252e", "/shop/%252e%252e"),
    ] {
        front.get(path).await;
        assert_eq!(targets(&asked).last().map(String::as_str), Some(served), "{path}");
    }
    let mine = front.get_with("/me", &[("cookie", "a=1"), ("if-none-match", "\"v1\""), ("accept", "*/*")]).await;
    assert_eq!(mine.text(), "<p>first /v2/me</p>");
    assert_eq!(mine.header("cache-control").as_deref(), Some("private, no-cache"));
    assert!(!last_head(&asked).contains_key("if-none-match"), "a validator of the other path says nothing here");
    assert_eq!(front.get("/me").await.header("cache-control").as_deref(), Some("private, no-cache"));
}

#[tokio::test]
async fn another_origin_answers_under_the_same_url() {
    let (first, second) = (Asked::default(), Asked::default());
    let (address, _serving) = serve_origin(noting("second", &second));
    let deployment = format!("origins: {{ next: {{ urls: \"http://{address}/base\" }} }}\n");
    let rules = "\
rules:
  next: { match: { path: /beta/** }, serve: { origin: next } }
  lower: { match: { path: /beta/** }, priority: -1, serve: { path: /never } }
";
    let front = Front::with(&deployment, &[("rules/site.yaml", rules)], noting("first", &first)).await;
    assert_eq!(front.get("/beta/x?y=1").await.text(), "<p>second /base/beta/x?y=1</p>");
    assert_eq!(front.get("/x").await.text(), "<p>first /x</p>");
    assert_eq!(targets(&first), ["/x"]);
}

#[tokio::test]
async fn fields_are_set_and_removed_whatever_the_type() {
    let (front, asked) = front(
        "\
rules:
  all:
    headers:
      request: { set: { x-lang: \"{{ request.query.lang }}\", x-fixed: one }, remove: [cookie] }
      response: { set: { x-frame-options: DENY, x-path: \"{{ request.path }}\" }, remove: [content-type] }
  high:
    match: { path: /high.json }
    priority: 1
    headers: { response: { set: { x-frame-options: SAMEORIGIN } } }
  tier:
    match: { path: /tier.json }
    when: request.cookies.tier
    headers: { request: { set: { x-tier: \"{{ request.cookies.tier }}\" } } }
",
    )
    .await;
    let answer = front.get_with("/a.json?lang=nl", &[("cookie", "a=1"), ("x-lang", "forged")]).await;
    let head = last_head(&asked);
    assert_eq!((head["x-lang"].to_str().ok(), head["x-fixed"].to_str().ok()), (Some("nl"), Some("one")));
    assert!(!head.contains_key("cookie"));
    assert_eq!(answer.header("x-frame-options").as_deref(), Some("DENY"));
    assert_eq!(answer.header("x-path").as_deref(), Some("/a.json"));
    assert_eq!((answer.header("content-type"), answer.header("etag")), (None, None));
    assert_eq!(
        answer.header("cache-control").as_deref(),
        Some("public, max-age=600"),
        "the query is a part of the URL"
    );
    assert_eq!(front.get("/high.json").await.header("x-frame-options").as_deref(), Some("SAMEORIGIN"));

    // Servers that make variables of fields take `x_lang` for `x-lang`.
    front.get_with("/b.json?lang=nl", &[("x_lang", "forged"), ("x_other", "kept")]).await;
    assert_eq!((last_head(&asked)["x-lang"].to_str().ok(), last_head(&asked).get("x_lang")), (Some("nl"), None));
    assert!(last_head(&asked).contains_key("x_other"));

    // What cannot be printed is not left to the client to say.
    front.get_with("/a.json", &[("x-lang", "forged")]).await;
    assert!(!last_head(&asked).contains_key("x-lang"));
    front.get("/a.json?lang=a%0d%0aset-cookie:b=1").await;
    assert!(!last_head(&asked).contains_key("x-lang") && !last_head(&asked).contains_key("set-cookie"));

    let tier = front.get_with("/tier.json", &[("cookie", "tier=gold")]).await;
    assert_eq!(last_head(&asked)["x-tier"], "gold");
    assert_eq!(tier.header("cache-control").as_deref(), Some("private, no-cache"), "the origin may answer by tier");
}

#[tokio::test]
async fn protected_paths_and_off_switch_actions_off() {
    let rules = "\
rules:
  moved: { redirect: { to: /new }, except: { path: /new } }
  fields: { headers: { response: { set: { x-a: b } } } }
";
    let asked = Asked::default();
    let front = Front::with("protect: [/checkout/**]\n", &[("rules/site.yaml", rules)], noting("first", &asked)).await;
    assert_eq!(led(&front.get("/a").await), (302, "/new".into()));
    assert_eq!(front.get("/a").await.header("x-a").as_deref(), Some("b"));
    let protected = front.get("/checkout/pay").await;
    assert_eq!((protected.status.as_u16(), protected.header("x-a")), (200, None));
    front.app.exchange().switch(inlay::exchange::Switch::Off);
    let off = front.get("/a").await;
    assert_eq!((off.status.as_u16(), off.header("x-a")), (200, None));
}

#[tokio::test]
async fn what_an_origin_says_of_itself_is_said_of_the_clients_host() {
    let speaking = |request: Request<Body>| {
        let host = request.headers()["host"].to_str().expect("ASCII").to_owned();
        let name = host.split(':').next().unwrap_or_default();
        Response::builder()
            .status(302)
            .header("location", format!("http://{host}/there?a=b"))
            .header("refresh", format!("3; url=http://{host}/later"))
            .header("set-cookie", format!("a=1; Domain={name}; Path=/"))
            .header("set-cookie", "b=2")
            .body(Body::empty())
            .expect("a response")
    };
    let (address, _serving) = serve_origin(speaking);
    let deployment = format!("origins: {{ as_is: {{ urls: \"http://{address}\", rewrite_location: false }} }}\n")
        + "routes: [{ path: /as-is, origin: as_is }]\n";
    let front = Front::with(&deployment, &[], speaking).await;
    let client = [("host", "www.shop.example:81")];
    let answer = front.get_with("/", &client).await;
    assert_eq!(led(&answer), (302, "http://www.shop.example:81/there?a=b".into()));
    assert_eq!(answer.header("refresh").as_deref(), Some("3; url=http://www.shop.example:81/later"));
    assert_eq!(answer.header("set-cookie").as_deref(), Some("a=1; Path=/, b=2"));
    let answer = front.get_with("/as-is", &client).await;
    assert_eq!(led(&answer), (302, format!("http://{address}/there?a=b")));
    assert_eq!(answer.header("set-cookie").as_deref(), Some("a=1; Domain=127.0.0.1; Path=/, b=2"));
}

#[tokio::test]
async fn what_an_origin_calls_changed_by_its_own_name_is_not_served_any_more() {
    let asked = Asked::default();
    let noted = noting("first", &asked);
    let front = Front::new("rules: {}\n", move |request| {
        let own = request.headers()["host"].to_str().expect("ASCII").to_owned();
        let post = request.method() == "POST";
        let mut response = noted(request);
        if post {
            *response.status_mut() = http::StatusCode::CREATED;
            let headers = response.headers_mut();
            headers.insert("location", format!("http://{own}/a.json?b=1").parse().expect("a header"));
            headers.insert("content-location", format!("http://{own}:1/b.json").parse().expect("a header"));
        }
        response
    })
    .await;
    let client = [("host", "www.shop.example")];
    for target in ["/a.json?b=1", "/b.json"] {
        front.get_with(target, &client).await;
    }
    front.send("POST", "/c.json", &client, "x").await;
    for target in ["/a.json?b=1", "/b.json"] {
        front.get_with(target, &client).await;
    }
    assert_eq!(targets(&asked), ["/a.json?b=1", "/b.json", "/c.json", "/a.json?b=1"]);
}
