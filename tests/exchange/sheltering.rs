//! Templates that lie in folders, links that must not run anything, and pages that are at hand while a part of them is not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt;
use inlay::http::Body;

use super::house::{Front, SOON, fed, page, serve_origin, typed};

#[tokio::test]
async fn templates_in_folders_include_extend_and_import_one_another() {
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: main, place: inner, template: { file: pages/shop/home.html } }\n";
    let files = [
        ("rules/site.yaml", rules),
        (
            "rules/templates/layouts/base.html",
            "<section>{% block head %}<h2>The shop</h2>{% endblock %}{% block body %}{% endblock %}</section>",
        ),
        (
            "rules/templates/pages/shop/home.html",
            "{% extends 'layouts/base.html' %}{% from 'parts/macros/price.html' import price %}\
             {% block head %}{{ super() }}<h3>{{ request.query.q }}</h3>{% endblock %}\
             {% block body %}{% include 'parts/hello.html' %}{{ price(request.query.p, 'a\"b') }}{% endblock %}",
        ),
        ("rules/templates/parts/hello.html", "<p>Hello {{ request.cookies.name or 'you' }}</p>"),
        (
            "rules/templates/parts/macros/price.html",
            "{% macro price(of, title) %}<b title=\"{{ title }}\">{{ of|float|currency('EUR', locale='en') }}</b>{% endmacro %}",
        ),
    ];
    let front = Front::with("", &files, |_| page("<main>of old</main>")).await;
    let answer = front.get_with("/?q=%3Ci%3E&p=12.5", &[("cookie", "name=<Ann>")]).await;
    let expected = "<main><section><h2>The shop</h2><h3>&lt;i&gt;</h3><p>Hello &lt;Ann&gt;</p><b title=\"a&quot;b\">€12.50</b></section></main>";
    assert_eq!(answer.text(), expected);
    // A part that changes is seen through everything that leads to it.
    front.write("rules/templates/parts/hello.html", "<p>Welcome {{ request.cookies.name }}</p>");
    front.until("/?q=x&p=1", "of old").await;
    assert!(front.get_with("/?q=x&p=1", &[("cookie", "name=Bo")]).await.text().contains("<p>Welcome Bo</p>"));
}

#[tokio::test]
async fn a_link_that_would_run_something_is_not_laid_in() {
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: a, attribute: href, template: \"{{ request.query.to }}\" }\n      \
                 - { select: form, attribute: action, template: \"{{ request.query.to }}\", fallback: { text: /safe } }\n      \
                 - { select: b, attribute: title, template: \"{{ request.query.to }}\" }\n";
    let html = "<a href=/own>a</a><form action='/own'></form><b title=own>b</b>";
    let front = Front::new(rules, move |_| page(html)).await;
    let runs = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:x",
        "data:text/html,<script>",
        "vbscript:x",
    ];
    for to in runs {
        let encoded: String = to.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = front.get(&format!("/?to={encoded}")).await;
        let text = answer.text();
        assert!(text.starts_with("<a href=/own>a</a><form action=\"/safe\"></form><b title=\""), "{to}: {text}");
        assert!(!text.ends_with("title=own>b</b>"), "a title runs nothing: {text}");
    }
    let answer = front.get("/?to=https%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D%22").await;
    let expected = "<a href=\"https://x.example/?a=1&amp;b=%22\">a</a>";
    assert!(answer.text().starts_with(expected), "{}", answer.text());
}

#[tokio::test]
async fn a_compiled_page_does_not_wait_for_a_part_that_is_late() {
    let (feed, body) = fed();
    let late = Mutex::new(Some(body));
    let html = format!("<h1>Shop</h1><p class=stock>?</p><ul>{}</ul>", "<li>an item of the list</li>".repeat(400));
    let shop = html.clone();
    let (address, _serving) = serve_origin(move |request| match request.uri().query() {
        Some("of=slow") => typed("application/json", late.lock().expect("no panic").take().expect("asked once")),
        Some("of=quick") => typed("application/json", Body::full("{\"left\": 3}")),
        _ => {
            let mut page = page(shop.clone());
            page.headers_mut().insert("date", "Mon, 23 Nov 2026 09:30:00 GMT".parse().expect("a value"));
            page.headers_mut().insert("cache-control", "public, max-age=60".parse().expect("a value"));
            page
        }
    });
    let rules = format!(
        "sources:\n  stock: {{ url: \"http://{address}/api?of={{{{ of }}}}\", params: [of], timeout: 5s, allow_private: true, cache: {{ ttl: 1m }} }}\n\
         rules:\n  r:\n    match: {{ path: / }}\n    inject:\n      \
         - {{ select: .stock, place: inner, template: \"{{{{ sources.stock(of=request.cookies.of).left }}}} left\", deadline: 5s }}\n"
    );
    let front = Arc::new(Front::facing(address, "", &[("rules/site.yaml", &rules)]).await);
    let quick = [("cookie", "of=quick")];
    let expected = html.replace('?', "3 left");
    let whole = front
        .until_true("the compiled page", async || {
            Some(front.get_with("/", &quick).await).filter(|it| it.headers.contains_key("content-length"))
        })
        .await;
    assert_eq!(whole.text(), expected);
    let response = front.begin("GET", "/", &[("cookie", "of=slow")], "").await;
    let status = response.headers().get("cache-status").map(|line| line.to_str().expect("ASCII").to_owned());
    assert!(status.is_some_and(|line| line.starts_with("inlay; hit")));
    assert!(!response.headers().contains_key("content-length"), "its length hangs on what is late");
    let mut body = response.into_body();
    let mut before = Vec::new();
    while !before.ends_with(b"<p class=stock>") {
        let frame = tokio::time::timeout(SOON, body.frame()).await.expect("what stands before it comes at once");
        before.extend_from_slice(&frame.expect("more").expect("whole").into_data().unwrap_or_default());
    }
    feed.send(Bytes::from_static(b"{\"left\": 3}")).await.expect("the source listens");
    drop(feed);
    let rest = tokio::time::timeout(SOON, body.collect()).await.expect("the rest comes").expect("whole").to_bytes();
    assert_eq!([&before[..], &rest[..]].concat(), expected.as_bytes());
}
