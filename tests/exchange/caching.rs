//! What a personalised page tells caches: it stays as shared as what was read for it allows, and no more.

use http::{HeaderMap, Request, Response};
use inlay::http::Body;

use super::house::{Answer, Front, page};

const SITE: &str = "time_zone: Europe/Brussels\nvisitor: { consent: implied }\n";

/// Definitions that the cases below use.
const SHARED: &str = "\
audiences:
  gold: request.cookies.tier == 'gold'
  shoppers: request.path == '/0'
  lucky: random < 0.5
  evening: now.after('18:00')
";

const PUBLIC: &str = "public, max-age=86400";
const PRIVATE: &str = "private, no-cache";

/// What is read, further keys of the rule, its injection, and the `Cache-Control` that follows. It is 10:30 on a Monday.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("nothing", "", "html: X", PUBLIC),
    ("the path", "", "template: '{{ request.path }}'", PUBLIC),
    ("the query", "", "template: '{{ request.query.a or 1 }}'", PUBLIC),
    ("an element", "", "template: '{{ element.tag }}'", PUBLIC),
    ("an audience of the path", "when: audiences.shoppers", "html: X", PUBLIC),
    ("a schedule that ends", "active: { until: '2026-11-23T11:00' }", "html: X", "public, max-age=1800"),
    ("a schedule that will begin", "active: { from: '2026-11-23T10:45' }", "html: X", "public, max-age=900"),
    ("a schedule that is over", "active: { until: '2026-11-23T10:00' }", "html: X", PUBLIC),
    ("hours of the day", "active: { hours: '09:00-11:00' }", "html: X", "public, max-age=1800"),
    ("days of the week", "active: { days: [sat] }", "html: X", "public, max-age=48600"),
    ("a time, in a template", "", "template: '{{ now.after(\"11:00\") }}'", "public, max-age=1800"),
    ("a time, and blank", "", "template: '{% if now.after(\"11:00\") %}X{% endif %}'", "public, max-age=1800"),
    ("a time, in a condition", "when: now.before('2026-11-23T10:31')", "html: X", "public, max-age=60"),
    ("the hour", "", "template: '{{ now.hour }}'", "public, max-age=1800"),
    ("an audience of the time", "", "template: '{{ audiences.evening }}'", "public, max-age=27000"),
    ("a day far away", "when: now.after('2027-01-01')", "html: X", PUBLIC),
    ("the bare time", "", "template: '{{ now }}'", PRIVATE),
    ("chance", "", "template: '{{ random }}'", PRIVATE),
    ("an audience by chance", "", "template: '{{ audiences.lucky }}'", PRIVATE),
    ("a cookie", "", "template: '{{ request.cookies.tier or 1 }}'", PRIVATE),
    ("a cookie that is missing, printed", "", "template: '{{ request.cookies.none }}'", PRIVATE),
    ("which cookies there are", "", "template: '{{ request.cookies|length }}'", PRIVATE),
    ("the language", "", "template: '{{ request.language or 1 }}'", PRIVATE),
    ("the device", "", "template: '{{ request.device }}'", PRIVATE),
    ("the visitor", "", "template: '{{ visitor.returning }}'", PRIVATE),
    ("an audience", "", "template: '{{ audiences.gold }}'", PRIVATE),
    ("a condition that does not hold", "when: request.cookies.tier == 'gold'", "html: X", PRIVATE),
    ("an audience that does not hold", "when: audiences.gold", "html: X", PRIVATE),
    ("an injection's condition", "", "html: X, when: audiences.gold", PRIVATE),
    ("a share", "share: 50%", "html: X", PRIVATE),
    ("a share of none", "share: 0%", "html: X", PRIVATE),
    ("a fallback", "", "template: '{{ 1/0 }}', fallback: { template: '{{ visitor.id }}' }", PRIVATE),
    ("the visitor, at an element", "", "template: '{{ element.tag }}{{ visitor.returning }}'", PRIVATE),
    ("a visitor's condition, at an element", "", "html: X, when: element.tag == 'p' and audiences.gold", PRIVATE),
    ("the time, at an element", "", "template: '{{ element.tag }}{{ now.hour }}'", PRIVATE),
];

fn rules() -> String {
    let rule = |(number, (_, keys, content, _)): (usize, &(&str, &str, &str, &str))| {
        let keys = if keys.is_empty() { String::new() } else { format!("    {keys}\n") };
        let injection = format!("{{ select: p, place: after, {content} }}");
        format!("  r{number}:\n    match: {{ path: /{number} }}\n{keys}    inject: [{injection}]\n")
    };
    SHARED.to_owned() + "rules:\n" + &CASES.iter().enumerate().map(rule).collect::<String>()
}

fn origin(_: Request<Body>) -> Response<Body> {
    let mut response = page("<body><p>origin</p></body>");
    for (name, value) in [("cache-control", PUBLIC), ("cdn-cache-control", "max-age=86400"), ("etag", "\"v1\"")] {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}

async fn front() -> Front {
    Front::with(SITE, &[("rules/site.yaml", &rules())], origin).await
}

#[tokio::test]
async fn a_page_is_as_shared_as_what_was_read_for_it() {
    let front = front().await;
    for (number, (what, _, _, expected)) in CASES.iter().enumerate() {
        // The second answer may come from the fragment cache; it must rest on the same.
        for round in ["first", "second"] {
            let answer = front.get(&format!("/{number}")).await;
            assert_eq!(answer.header("cache-control").as_deref(), Some(*expected), "{what}, {round}");
            let private = *expected == PRIVATE;
            assert_eq!(answer.visitor_cookie().is_some(), private, "{what}, {round}: {:?}", answer.headers);
            assert_eq!(answer.header("cdn-cache-control").is_none(), private, "{what}, {round}");
        }
    }
}

#[tokio::test]
async fn a_page_is_private_for_those_whom_the_condition_leaves_out_too() {
    let front = front().await;
    let gold = |what: &str| CASES.iter().position(|case| case.0 == what).expect("a case");
    let path = format!("/{}", gold("a condition that does not hold"));
    for (cookie, shown) in [("tier=gold", true), ("tier=plain", false), ("x=1", false)] {
        let answer = front.get_with(&path, &[("cookie", cookie)]).await;
        assert_eq!(answer.text().contains("</p>X"), shown, "{cookie}");
        assert_eq!(answer.header("cache-control").as_deref(), Some(PRIVATE), "{cookie}");
    }
}

#[tokio::test]
async fn matching_by_a_cookie_or_header_makes_private_and_by_the_path_does_not() {
    for (matched, expected) in [
        ("cookie: { tier: gold }", PRIVATE),
        ("header: { x-app: true }", PRIVATE),
        ("query: { a: true }", PUBLIC),
        ("method: POST", PUBLIC),
    ] {
        let rules = format!(
            "rules:\n  r:\n    match: {{ path: /, {matched} }}\n    inject: [{{ select: p, place: after, html: X }}]\n"
        );
        let front = Front::with(SITE, &[("rules/a.yaml", &rules)], origin).await;
        assert_eq!(front.get("/").await.header("cache-control").as_deref(), Some(expected), "{matched}");
    }
}

#[tokio::test]
async fn private_never_lifts_what_the_origin_forbade() {
    let rules = "\
rules:
  r:
    match: { path: / }
    inject: [{ select: p, place: after, template: '{{ visitor.returning }}' }]
";
    let front = Front::with(SITE, &[("rules/a.yaml", rules)], |_| {
        let mut response = page("<p></p>");
        response.headers_mut().insert("cache-control", "no-store".parse().expect("a header"));
        response
    })
    .await;
    assert_eq!(front.get("/").await.header("cache-control").as_deref(), Some("private, no-cache, no-store"));
}

#[tokio::test]
async fn caches_get_nothing_to_guess_from() {
    let rules = rules();
    let front = Front::with(SITE, &[("rules/site.yaml", &rules)], |request| {
        let mut response = origin(request);
        response.headers_mut().remove("cache-control");
        let seen = "Mon, 02 Nov 2026 10:00:00 GMT".parse().expect("a header");
        response.headers_mut().insert("last-modified", seen);
        response
    })
    .await;
    for (what, guessed) in [
        ("a condition that does not hold", true),
        ("a schedule that will begin", false),
        ("a schedule that is over", true),
    ] {
        let number = CASES.iter().position(|case| case.0 == what).expect("a case");
        let answer = front.get(&format!("/{number}")).await;
        // Caches guess from it, unless the head says how long the page may be kept.
        assert_eq!(answer.header("last-modified").is_some(), guessed, "{what}: {:?}", answer.headers);
    }
}

#[tokio::test]
async fn a_browser_is_not_told_to_keep_what_may_differ() {
    let rules = rules();
    let front = Front::with(SITE, &[("rules/site.yaml", &rules)], |request| {
        let unchanged = request.headers().contains_key("if-none-match");
        let mut response = origin(request);
        if unchanged {
            *response.status_mut() = http::StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
        }
        response
    })
    .await;
    for (what, status, control) in [
        ("a condition that does not hold", 200, PRIVATE),
        ("a schedule that will begin", 200, "public, max-age=900"),
        ("nothing", 200, PUBLIC),
        ("a schedule that is over", 304, PUBLIC),
    ] {
        let number = CASES.iter().position(|case| case.0 == what).expect("a case");
        let headers = [("if-none-match", "\"v1\""), ("accept", "text/html,*/*;q=0.8")];
        let answer = front.get_with(&format!("/{number}"), &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{what}");
        assert_eq!(answer.header("cache-control").as_deref(), Some(control), "{what}");
    }
}

/// A head without what differs from answer to answer: the date, times taken, what the cache did, a new visitor's id.
fn settled(answer: &Answer) -> HeaderMap {
    let mut headers = answer.headers.clone();
    for name in ["date", "server-timing", "age", "cache-status"] {
        headers.remove(name);
    }
    // Framing is of the message, not of the page; the first to get a page can't be told its length and tag.
    for name in ["transfer-encoding", "content-length"] {
        headers.remove(name);
    }
    if headers.get("etag").is_some_and(|tag| tag.as_bytes().starts_with(b"W/\"inlay-")) {
        headers.remove("etag");
    }
    if let Some(cookie) = headers.remove("set-cookie") {
        let attributes = cookie.to_str().expect("ASCII").split_once(';').expect("attributes").1.to_owned();
        headers.insert("set-cookie", attributes.parse().expect("a header"));
    }
    headers
}

#[tokio::test]
async fn head_agrees_with_get() {
    let front = front().await;
    let visitor = CASES.iter().position(|case| case.0 == "the visitor").expect("a case");
    let cookie = front.get(&format!("/{visitor}")).await.visitor_cookie().expect("a cookie").to_owned();
    for (number, (what, ..)) in CASES.iter().enumerate() {
        for (accept, cookie) in [("", cookie.as_str()), ("gzip", &cookie), ("br", "none=1")] {
            // Strangers differ in what falls to them; whom we know is the same one each time.
            if cookie == "none=1" && *what == "a share" {
                continue;
            }
            let path = format!("/{number}");
            let headers = [("accept-encoding", accept), ("cookie", cookie)];
            let get = front.send("GET", &path, &headers, "").await;
            let head = front.send("HEAD", &path, &headers, "").await;
            assert!(head.body.is_empty(), "{what}");
            assert_eq!(settled(&get), settled(&head), "{what}, accepting `{accept}`");
            if get.header("etag").is_none() {
                assert_eq!(get.header("vary").as_deref(), Some("accept-encoding"), "{what}");
            }
        }
    }
}
