//! Promise 2: whatever fails in personalisation, the origin's page arrives whole; and what is said when the origin itself
//! fails.

use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

use super::house::{Front, page};

const ORIGIN: &str = "<body><p>origin</p></body>";

/// One rule over all paths with this injection, and another rule that must go on whatever becomes of the first.
fn rules(keys: &str, content: &str) -> String {
    format!(
        "\
fragments:
  none: {{ template: '{{{{ request.query.none }}}}' }}
  saved: {{ template: '{{{{ request.query.none }}}}', fallback: {{ html: SAVED }} }}
audiences:
  broken: request.path / 2 == 1
rules:
  first:
    match: {{ path: /** }}
{keys}    inject: [{{ select: p, place: inner, {content} }}]
  second:
    match: {{ path: /** }}
    inject: [{{ select: body, place: append, html: GOES ON }}]
"
    )
}

/// A content, and what stands between `<p>` and `</p>` then.
const CONTENTS: &[(&str, &str)] = &[
    ("template: '{{ request.query.none }}'", "origin"),
    ("template: 'Hi {{ request.query.none }},'", "origin"),
    ("template: '{{ request.path / 2 }}'", "origin"),
    ("template: '{{ [1]|first|replace }}'", "origin"),
    ("template: '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}'", "origin"),
    ("template: '{% for a in range(9999) %}{{ \"0123456789\" * 1000 }}{% endfor %}'", "origin"),
    ("template: '{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}'", "origin"),
    ("template: ' {% if false %}x{% endif %} '", "origin"),
    ("html: ' '", "origin"),
    ("fragment: none", "origin"),
    ("html: ' ', blank: show", " "),
    ("template: '{% if false %}x{% endif %}', blank: show", ""),
    ("html: ' ', fallback: empty", ""),
    ("fragment: none, fallback: empty", ""),
    ("fragment: none, fallback: keep", "origin"),
    ("fragment: none, fallback: { html: FALLEN }", "FALLEN"),
    ("fragment: none, fallback: [{ fragment: none }, { html: ' ' }, { text: third }, { html: fourth }]", "third"),
    ("fragment: none, fallback: [{ fragment: none }, { html: ' ' }]", "origin"),
    ("fragment: none, fallback: [{ fragment: saved }, { html: other }]", "SAVED"),
    ("fragment: saved, fallback: { html: OUTER }", "SAVED"),
    ("html: X, when: request.path / 2 == 1", "origin"),
    ("html: X, when: audiences.broken", "origin"),
    ("html: X, when: request.query.none > 18", "origin"),
    ("html: X, when: request.query.none < 18", "origin"),
    ("html: X, when: request.path < 18", "origin"),
    ("html: X, when: request.query.none.a.b == 1", "origin"),
    ("html: X, when: not audiences.broken", "X"),
];

#[tokio::test]
async fn what_fails_costs_its_own_slot() {
    for (content, expected) in CONTENTS {
        let front = Front::new(&rules("", content), |_| page(ORIGIN)).await;
        // The second time from whatever was kept of the first.
        for round in ["first", "second"] {
            let answer = front.get("/").await;
            assert_eq!(answer.text(), format!("<body><p>{expected}</p>GOES ON</body>"), "{content}, {round}");
        }
    }
}

#[tokio::test]
async fn a_condition_that_fails_costs_its_rule() {
    for when in ["request.path / 2 == 1", "audiences.broken", "request.query.none < 18"] {
        let front = Front::new(&rules(&format!("    when: {when}\n"), "html: X"), |_| page(ORIGIN)).await;
        assert_eq!(front.get("/").await.text(), "<body><p>origin</p>GOES ON</body>", "{when}");
    }
}

#[tokio::test]
async fn failures_are_counted_by_what_they_cost() {
    let front = Front::new(&rules("", "fragment: none"), |_| page(ORIGIN)).await;
    front.get("/").await;
    assert_eq!(front.metric("inlay_fragment_failures_total{fragment=\"none\"}").await, 1.0);
    assert_eq!(front.metric("inlay_slots_total{rule=\"first\",outcome=\"kept\"}").await, 1.0);
    assert_eq!(front.metric("inlay_slots_total{rule=\"second\",outcome=\"shown\"}").await, 1.0);
}

#[tokio::test]
async fn past_a_limit_of_the_rewriter_the_page_still_arrives() {
    let long = "x".repeat(3 << 20);
    let pages = [
        // One tag of more than the rewriter's memory: what comes after it can't be understood any more.
        ("tag", format!("<body><p>origin</p><p title=\"{long}\">origin</p></body>"), "<body><p>X</p>"),
        // A slot that would have to be held too long.
        ("slot", format!("<body><p>origin</p><p>{long}</p></body>"), "<body><p>X</p>"),
    ];
    for (what, html, begins) in pages {
        let sent = html.clone();
        let front = Front::new(&rules("", "html: X"), move |_| page(sent.clone())).await;
        let answer = front.get("/").await;
        let text = answer.text();
        assert!(text.starts_with(begins), "{what}: {}", &text[..40]);
        let rest = &html["<body><p>origin</p>".len()..];
        let whole = match what {
            "tag" => format!("{begins}{rest}"),
            _ => format!("{begins}{}", rest.replace("</body>", "GOES ON</body>")),
        };
        assert!(text == whole, "{what}: the rest of the page differs");
        let metric = match what {
            "tag" => "inlay_broken_pages_total{kind=\"memory\"}",
            _ => "inlay_slots_total{rule=\"first\",outcome=\"unclosed\"}",
        };
        assert_eq!(front.metric(metric).await, 1.0, "{what}");
    }
}

#[tokio::test]
async fn an_origin_that_is_down_is_said_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let dead = listener.local_addr().expect("an address");
    drop(listener);
    let front = Front::facing(dead, "", &[("rules/a.yaml", &rules("", "html: X"))]).await;
    let answer = front.get("/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    let status = answer.header("proxy-status").expect("Proxy-Status");
    assert!(status.starts_with("inlay; error=connection_refused"), "{status}");
    let problem: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(problem["status"], 502);
    assert!(!answer.text().contains("127.0.0.1"), "nothing of the inside is told: {}", answer.text());
    assert_eq!(front.metric("inlay_origin_errors_total{kind=\"connection_refused\"}").await, 1.0);
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail.example ESMTP\r\n").await;
        }
    });
    let front = Front::facing(origin, "", &[("rules/a.yaml", &rules("", "html: X"))]).await;
    let answer = front.get("/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.header("proxy-status").is_some_and(|status| status.contains("error=")), "{:?}", answer.headers);
}

#[tokio::test]
async fn hosts_of_no_site_and_unknown_paths_of_ours_are_answered_by_us() {
    let deployment = "sites:\n  shop: { hosts: ['shop.example', '*.shop.example'] }\n";
    let front = Front::with(deployment, &[("rules/a.yaml", &rules("", "html: X"))], |_| page(ORIGIN)).await;
    for (host, status) in
        [("shop.example", 200), ("WWW.Shop.Example:8080", 200), ("other.example", 421), ("shop.example.evil", 421)]
    {
        let answer = front.get_with("/", &[("host", host)]).await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        assert_eq!(answer.text().contains("<p>X</p>"), status == 200, "{host}");
    }
    for path in ["/_inlay/", "/_inlay/nothing", "/a/../_inlay/x", "/%5Finlay/x"] {
        let answer = front.get_with(path, &[("host", "shop.example")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"), "{path}");
    }
}

#[tokio::test]
async fn the_site_that_names_a_host_most_closely_has_it_wherever_it_stands() {
    let deployment = "sites:\n  all: { hosts: '*' }\n  wide: { hosts: '*.example' }\n  shops: { hosts: '*.shop.example' }\n  \
                      exact: { hosts: www.shop.example }\n  second: { hosts: www.shop.example }\n";
    let named = rules("", "template: '{{ site.name }}'");
    let front = Front::with(deployment, &[("rules/a.yaml", &named)], |_| page(ORIGIN)).await;
    for (host, site) in [
        ("www.shop.example", "exact"),
        ("nl.shop.example", "shops"),
        ("shop.example", "wide"),
        ("elsewhere.test", "all"),
    ] {
        let answer = front.get_with("/", &[("host", host)]).await;
        assert!(answer.text().contains(site), "{host}: {}", answer.text());
    }
}
