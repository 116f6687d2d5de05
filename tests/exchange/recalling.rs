//! What came out for one visitor is found again for the next who answers alike: it must be what would have been decided and filled
//! anew, for whoever asks, at whatever time, and be counted alike.

use futures_util::future::join;
use http::{Request, Response};
use inlay::http::Body;
use jiff::{SignedDuration, Timestamp};

use super::house::{Answer, Front, NOW, page};

const ORIGIN: &str =
    "<html><body class=shop><h1>Shop</h1><main><p id=a>one</p><p id=b>two</p></main><title>t</title></body></html>";

const DEPLOYMENT: &str = "visitor: { secret: a secret of thirty-two letters or more }\n";

/// All that a plan can hang on: conditions, audiences, what a rule matches, shares, schedules, captures, blank content.
const RULES: &str = "\
audiences:
  gold: request.cookies.tier == 'gold'
  known: audiences.gold or visitor.returning
fragments:
  greeting:
    template: \"<b>{{ request.cookies.name or 'you' }}</b>\"
rules:
  by_condition:
    match: { path: /** }
    when: audiences.gold
    priority: 5
    inject:
      - { select: main, place: prepend, fragment: greeting }
      - { select: body, class: { add: [is-gold] } }
  by_cookie:
    match: { path: /**, cookie: { beta: \"yes\" } }
    inject:
      - { select: \"#a\", place: replace, template: \"<i>{{ request.query.q or 'none' }}</i>\" }
  by_share:
    match: { path: /** }
    share: 50%
    inject:
      - { select: h1, place: after, html: \"<em>half</em>\" }
  by_hours:
    match: { path: /** }
    active: { hours: \"09:00-12:00\" }
    inject:
      - { select: h1, place: before, html: \"<em>morning</em>\" }
  by_place:
    match: { path: \"/{section}/**\" }
    inject:
      - { select: h1, attribute: title, template: \"{{ params.section }} {{ 'in' if audiences.known else 'out' }}\" }
      - { select: title, place: append, template: \" of {{ params.section }}\" }
      - { select: \"#b\", place: inner, template: \"{% if request.cookies.tier %}tier{% endif %}\", when: not audiences.gold }
      - { select: \"#b\", place: remove, when: request.cookies.hide == '1' }
";

/// What asks, and when.
struct Asking {
    path: String,
    cookie: String,
    time: Timestamp,
}

fn shared(html: &'static str) -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static {
    move |_| {
        let mut response = page(html);
        response.headers_mut().insert("cache-control", "public, max-age=86400".parse().expect("a value"));
        response.headers_mut().insert("date", "Mon, 23 Nov 2026 09:30:00 GMT".parse().expect("a value"));
        response
    }
}

fn later(seconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().expect("a time") + SignedDuration::from_secs(seconds)
}

/// A stream of numbers, the same for every run.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn asking(next: &mut impl FnMut(u64) -> u64, visitors: &[String]) -> Asking {
    let mut cookies = Vec::new();
    cookies.extend([None, Some("tier=gold"), Some("tier=tin")][next(3) as usize].map(str::to_owned));
    cookies.extend((next(2) == 0).then(|| format!("name=n{}", next(3))));
    cookies.extend((next(3) == 0).then(|| "beta=yes".to_owned()));
    cookies.extend((next(3) == 0).then(|| "hide=1".to_owned()));
    cookies.extend(visitors.get(next(visitors.len() as u64 + 1) as usize).cloned());
    let path = format!("/{}/x{}", ["a", "b"][next(2) as usize], ["", "?q=1", "?q=2"][next(3) as usize]);
    Asking { path, cookie: cookies.join("; "), time: later([0, 1800, 7200, 9000][next(4) as usize]) }
}

async fn ask(front: &Front, Asking { path, cookie, time }: &Asking) -> Answer {
    front.app.exchange().clock.set(*time);
    front.get_with(path, &[("accept", "text/html"), ("cookie", cookie)]).await
}

/// All that is counted of slots and fragments, but for whether a result was made or found.
async fn counted(front: &Front) -> Vec<String> {
    let metrics = front.admin("GET", "/metrics").await;
    let wanted = ["inlay_slots_total", "inlay_selector_matches_total", "inlay_fragment_blanks_total"];
    let lines = metrics.text().lines().filter(|line| wanted.iter().any(|name| line.starts_with(name)));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn attempts(front: &Front) -> f64 {
    let count = async |name: &str| front.metric(&format!("inlay_fragment_{name}_total{{fragment=\"greeting\"}}")).await;
    count("renders").await + count("hits").await
}

#[tokio::test]
async fn what_is_found_again_is_what_would_be_made_anew() {
    let recalling = Front::with(DEPLOYMENT, &[("rules/site.yaml", RULES)], shared(ORIGIN)).await;
    // A page that nobody keeps is decided, filled and rewritten for each visitor.
    let anew = Front::with(DEPLOYMENT, &[("rules/site.yaml", RULES)], |_| page(ORIGIN)).await;
    // Who comes for the first time gets another identity from each: these are known to both.
    let door = Front::with(DEPLOYMENT, &[("rules/site.yaml", RULES)], |_| page(ORIGIN)).await;
    let mut visitors = Vec::new();
    for _ in 0..4 {
        visitors.push(door.get("/").await.visitor_cookie().expect("a cookie").to_owned());
    }
    let mut next = numbers(7);
    for round in 0..600 {
        let asking = asking(&mut next, &visitors);
        if asking.cookie.contains("inlay_visitor") {
            let (found, made) = join(ask(&recalling, &asking), ask(&anew, &asking)).await;
            assert_eq!(found.text(), made.text(), "{round}: {} {}", asking.path, asking.cookie);
            assert_eq!(found.header("cache-control").as_deref(), Some("private, no-cache"));
        }
    }
    assert_eq!(counted(&recalling).await, counted(&anew).await);
    assert_eq!(attempts(&recalling).await, attempts(&anew).await);
}

#[tokio::test]
async fn what_time_bounds_is_bounded_anew_each_time() {
    let rules = "\
rules:
  morning:
    match: { path: / }
    when: now.hour < 12
    inject:
      - { select: h1, place: after, html: \"<em>morning</em>\" }
";
    let front = Front::with("time_zone: Europe/Brussels\n", &[("rules/site.yaml", rules)], shared(ORIGIN)).await;
    // Half past ten in Brussels, a quarter past eleven, noon; it holds until the hour is over, and what it aged comes on top.
    for (seconds, lifetime) in [(0, 1800), (2700, 2700 + 2700), (5400, 3600 + 5400)] {
        for round in 0..4 {
            front.app.exchange().clock.set(later(seconds));
            let answer = front.get_with("/", &[("accept", "text/html")]).await;
            assert_eq!(answer.text().contains("morning"), seconds < 5400, "{seconds} {round}");
            let control = answer.header("cache-control").expect("what is shared says for how long");
            assert_eq!(control, format!("public, max-age={lifetime}"), "{seconds} {round}");
        }
    }
}

#[tokio::test]
async fn a_reload_and_a_new_page_are_seen_at_once() {
    let rules = |word: &str| {
        format!(
            "rules:\n  r:\n    match: {{ path: / }}\n    inject:\n      - {{ select: h1, place: inner, template: \"{word} {{{{ request.cookies.tier }}}}\" }}\n"
        )
    };
    let front = Front::new(&rules("old"), shared("<h1></h1>")).await;
    let gold = [("cookie", "tier=gold")];
    for _ in 0..5 {
        assert_eq!(front.get_with("/", &gold).await.text(), "<h1>old gold</h1>");
    }
    front.write("rules/site.yaml", &rules("new"));
    let seen = async || Some(front.get_with("/", &gold).await).filter(|it| it.text() == "<h1>new gold</h1>");
    front.until_true("the new rule", seen).await;
    for _ in 0..5 {
        assert_eq!(front.get_with("/", &gold).await.text(), "<h1>new gold</h1>");
    }
}

#[tokio::test]
async fn a_page_that_shows_who_asks_is_kept_for_nobody() {
    let rules = "rules:\n  r:\n    match: { path: / }\n    inject:\n      - { select: h1, place: inner, template: \"{{ visitor.id }}\" }\n";
    let front = Front::new(rules, shared("<h1></h1>")).await;
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(front.get("/").await.visitor_cookie().expect("a cookie").to_owned());
    }
    for _ in 0..4 {
        for cookie in &cookies {
            let id = cookie.split(['=', '.']).nth(1).expect("an id");
            assert_eq!(front.get_with("/", &[("cookie", cookie)]).await.text(), format!("<h1>{id}</h1>"));
        }
    }
}
