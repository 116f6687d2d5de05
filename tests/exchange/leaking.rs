//! Promise 3: no byte of one visitor's data in another's page, however many ask at once and whatever is kept.

use futures_util::future::join_all;

use super::house::{Front, page};

const ORIGIN: &str = "<html><body><p title=x>origin</p><script>let who = </script></body></html>";

/// What everybody gets is made of the same fragments: some read nothing, some one thing, one all of it.
const RULES: &str = "\
audiences:
  gold: request.cookies.tier == 'gold'
fragments:
  greeting:
    template: \"{{ request.cookies.name }}\"
  badge:
    template: \"{{ 'gold' if audiences.gold else 'plain' }}\"
  same:
    template: \"{{ request.path }}\"
  everything:
    template: \"{{ visitor.id }}/{{ request.headers['x-token'] }}/{{ request.query.q }}/{{ request.cookies|items|list|length }}\"
rules:
  r:
    match: { path: /** }
    inject:
      - { select: p, place: inner, fragment: greeting }
      - { select: p, attribute: title, fragment: greeting }
      - { select: p, place: after, fragment: badge }
      - { select: p, place: after, fragment: same }
      - { select: script, place: append, fragment: greeting }
      - { select: body, place: append, fragment: everything }
";

struct Person {
    name: String,
    tier: &'static str,
    token: String,
    cookie: String,
}

impl Person {
    fn expected(&self) -> String {
        let Self { name, tier, token, cookie } = self;
        let id = cookie.split(['=', '.']).nth(1).expect("an id");
        format!(
            "<html><body><p title=\"{name}\">{name}</p>{tier}/page<script>let who = \"{name}\"</script>{id}/{token}/{token}/2</body></html>"
        )
    }

    async fn ask(&self, front: &Front) -> String {
        let cookie = format!("{}; name={}; tier={}", self.cookie, self.name, self.tier);
        let path = format!("/page?q={}", self.token);
        let answer = front.get_with(&path, &[("cookie", &cookie), ("x-token", &self.token)]).await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
        assert_eq!(answer.header("set-cookie"), None, "nobody here owes a cookie");
        answer.text().to_owned()
    }
}

async fn person(front: &Front, number: usize) -> Person {
    let cookie = front.get("/page").await.visitor_cookie().expect("a cookie").to_owned();
    let tier = if number.is_multiple_of(3) { "gold" } else { "plain" };
    Person { name: format!("name{number}x"), tier, token: format!("token{number}x"), cookie }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_gets_their_own_page() {
    let front = Front::new(RULES, |_| page(ORIGIN)).await;
    let people = join_all((0..100).map(|number| person(&front, number))).await;
    for round in 0..4 {
        let pages = join_all(people.iter().map(|person| person.ask(&front))).await;
        for (person, page) in people.iter().zip(pages) {
            assert_eq!(page, person.expected(), "round {round}");
        }
    }
    // It was no proof if nothing had been found again.
    for fragment in ["greeting", "badge", "same", "everything"] {
        let hits = front.metric(&format!("inlay_fragment_hits_total{{fragment=\"{fragment}\"}}")).await;
        assert!(hits > 0.0, "{fragment} was never found in the cache");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fragment_that_asks_one_audience_is_rendered_once_per_answer() {
    let front = Front::new(RULES, |_| page(ORIGIN)).await;
    let people = join_all((0..60).map(|number| person(&front, number))).await;
    let renders = async || front.metric("inlay_fragment_renders_total{fragment=\"badge\"}").await;
    for person in &people[..2] {
        person.ask(&front).await;
    }
    assert_eq!(renders().await, 2.0, "one of gold, one of plain");
    join_all(people.iter().map(|person| person.ask(&front))).await;
    assert_eq!(renders().await, 2.0, "two for the whole world");
    let metrics = front.admin("GET", "/metrics").await;
    let varies = metrics.text().lines().find(|line| line.starts_with("inlay_fragment_varies{fragment=\"badge\""));
    assert!(varies.is_some_and(|line| line.contains("audiences.gold")), "what it varies by is told: {varies:?}");
}

#[tokio::test]
async fn every_way_of_reading_tells_visitors_apart() {
    let ways = [
        "{% if request.cookies %}some{% else %}none{% endif %}",
        "{{ 'name' in request.cookies }}",
        "{{ request.cookies == {'name': 'Ann'} }}",
        "{{ request.cookies.name == 'Ann' }}",
        "{% for name in request.cookies %}{{ name }}{{ request.cookies[name] }}{% endfor %}",
        "{% for name, value in request.cookies|items %}{{ name }}{{ value }}{% endfor %}",
        "{{ request.cookies|length }}",
        "{{ request.cookies|tojson }}",
        "{{ request.cookies|dictsort|first|last }}",
        "{{ ['name']|map('upper')|first }}{{ request.cookies.name|upper }}",
        "{% macro greet(cookies) %}{{ cookies.name }}{% endmacro %}{{ greet(request.cookies) }}",
        "{{ (request.cookies|list)[:1]|join }}",
        "{% set copy = request.cookies %}{{ copy.name }}",
        "{{ request.cookies.name is defined }}",
        "{{ request.cookies.name or 'nobody' }}",
    ];
    let injections: String =
        (0..ways.len()).map(|way| format!("      - {{ select: p, place: before, fragment: way{way} }}\n")).collect();
    let fragments: String = ways
        .iter()
        .enumerate()
        .map(|(number, way)| format!("  way{number}:\n    template: |\n      [{number}:{way}]\n"))
        .collect();
    let rules = format!("fragments:\n{fragments}rules:\n  r:\n    match: {{ path: / }}\n    inject:\n{injections}");
    let cookies = ["name=Ann", "name=Bob", "other=Ann", "name=Ann; more=1"];
    // What a visitor gets who is the first and only one.
    let mut alone = Vec::new();
    for cookie in cookies {
        let front = Front::new(&rules, |_| page("<p></p>")).await;
        alone.push(front.get_with("/", &[("cookie", cookie)]).await.text().to_owned());
    }
    for (one, other) in (0..alone.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
        assert_ne!(alone[one], alone[other], "the pages should differ");
    }
    let front = Front::new(&rules, |_| page("<p></p>")).await;
    for round in 0..3 {
        for (cookie, expected) in cookies.iter().zip(&alone) {
            let answer = front.get_with("/", &[("cookie", cookie)]).await;
            assert_eq!(answer.text(), expected, "round {round}, {cookie}");
        }
    }
    let hits = front.metric("inlay_fragment_hits_total{fragment=\"way0\"}").await;
    assert!(hits > 0.0, "nothing was found in the cache");
}
