//! What is laid in, and that nothing else changes.

use super::house::{Front, page};

const PAGE: &str = "<!doctype html><html><head><title>Shop</title></head><body><main><h1>Hi</h1>\
    <img class=hero src=/plain.webp><p>origin</p></main></body></html>";

#[tokio::test]
async fn eight_lines_of_rule_lay_in_a_fragment() {
    let rules = "\
rules:
  hello:
    match: { path: / }
    inject:
      - select: main
        place: prepend
        template: <aside>Hello from {{ request.path }}</aside>
";
    let front = Front::new(rules, |_| page(PAGE)).await;
    let expected = PAGE.replace("<main>", "<main><aside>Hello from /</aside>");
    assert_eq!(front.get("/").await.text(), expected);
    assert_eq!(front.get("/other").await.text(), PAGE);
}

#[tokio::test]
async fn every_place_is_where_it_says() {
    let places = [
        ("place: before, html: X", "<main><h1>Hi</h1>", "<main>X<h1>Hi</h1>"),
        ("place: prepend, html: X", "<h1>Hi</h1>", "<h1>XHi</h1>"),
        ("place: append, html: X", "<h1>Hi</h1>", "<h1>HiX</h1>"),
        ("place: after, html: X", "<h1>Hi</h1>", "<h1>Hi</h1>X"),
        ("place: inner, html: X", "<h1>Hi</h1>", "<h1>X</h1>"),
        ("place: replace, html: X", "<h1>Hi</h1>", "X"),
        ("place: remove", "<h1>Hi</h1>", ""),
        ("attribute: id, template: '{{ 1 + 1 }}'", "<h1>", "<h1 id=\"2\">"),
        ("class: { add: [a, b] }", "<h1>", "<h1 class=\"a b\">"),
        ("place: inner, text: a < b", "<h1>Hi</h1>", "<h1>a &lt; b</h1>"),
    ];
    for (injection, from, to) in places {
        let rules =
            format!("rules:\n  r:\n    match: {{ path: / }}\n    inject:\n      - {{ select: h1, {injection} }}\n");
        let front = Front::new(&rules, |_| page(PAGE)).await;
        assert_eq!(front.get("/").await.text(), PAGE.replacen(from, to, 1), "{injection}");
    }
}

#[tokio::test]
async fn an_attribute_is_exchanged_byte_for_byte() {
    let rules = "\
rules:
  hero:
    match: { path: / }
    inject:
      - { select: img.hero, attribute: src, template: \"/img/{{ 'a\\\"b' }}.webp\" }
";
    let front = Front::new(rules, |_| page(PAGE)).await;
    let expected = PAGE.replace("src=/plain.webp", "src=\"/img/a%22b.webp\"");
    assert_eq!(front.get("/").await.text(), expected);
}

#[tokio::test]
async fn each_card_gets_its_own() {
    let cards = "<ul><li data-sku=A1><b class=stock>?</b></li><li data-sku='B&amp;2'><b class=stock>?</b></li></ul>";
    let rules = "\
rules:
  cards:
    match: { path: / }
    inject:
      - { each: '[data-sku]', select: .stock, place: inner, template: \"{{ each.attr('data-sku') }} in {{ element.tag }}\" }
";
    let front = Front::new(rules, move |_| page(cards)).await;
    let expected = cards.replacen(">?<", ">A1 in b<", 1).replacen(">?<", ">B&amp;2 in b<", 1);
    assert_eq!(front.get("/").await.text(), expected);
}

#[tokio::test]
async fn the_captures_of_a_path_are_params() {
    let rules = "\
rules:
  product:
    match: { path: \"/products/{sku}\" }
    inject:
      - { select: h1, place: append, template: \" {{ params.sku }}\" }
";
    let front = Front::new(rules, |_| page(PAGE)).await;
    assert!(front.get("/products/A%201").await.text().contains("<h1>Hi A 1</h1>"));
}

#[tokio::test]
async fn text_in_a_script_is_json_and_cannot_end_it() {
    let html = "<script>let name = </script><title>T</title>";
    let rules = "\
rules:
  script:
    match: { path: / }
    inject:
      - { select: script, place: append, template: \"{{ request.query.name }}\" }
      - { select: title, place: inner, template: \"{{ request.query.name }}\" }
";
    let front = Front::new(rules, move |_| page(html)).await;
    let answer = front.get("/?name=%3C/script%3E%22%27").await;
    let text = answer.text();
    assert_eq!(text.matches("</script>").count(), 1, "{text}");
    assert!(text.contains("let name = \""), "{text}");
    assert!(text.contains("<title>&lt;/script&gt;"), "{text}");
}

#[tokio::test]
async fn the_higher_rule_wins_an_element_and_stands_first() {
    let rules = "\
rules:
  low:
    match: { path: / }
    inject:
      - { select: h1, place: replace, html: low }
      - { select: p, place: before, html: low }
  high:
    match: { path: / }
    priority: 10
    inject:
      - { select: h1, place: replace, html: high }
      - { select: p, place: before, html: high }
";
    let front = Front::new(rules, |_| page(PAGE)).await;
    let text = front.get("/").await.text().to_owned();
    assert!(text.contains("<main>high<img"), "{text}");
    assert!(text.contains("highlow<p>"), "{text}");
}

#[tokio::test]
async fn the_pages_own_nonce_is_reused() {
    let rules = "\
rules:
  script:
    match: { path: / }
    inject:
      - { select: body, place: append, template: \"<script nonce='{{ csp.nonce }}'>1</script>\" }
";
    let front = Front::new(rules, |request| {
        let mut response = page(PAGE);
        let nonce = request.uri().path().trim_start_matches('/').to_owned() + "cmFuZG9t";
        let policy = format!("script-src 'nonce-{nonce}'");
        response.headers_mut().insert("content-security-policy", policy.parse().expect("a header"));
        response
    })
    .await;
    for _ in 0..2 {
        let answer = front.get("/").await;
        assert!(answer.text().contains("<script nonce='cmFuZG9t'>"), "{}", answer.text());
        assert_eq!(answer.header("content-security-policy").as_deref(), Some("script-src 'nonce-cmFuZG9t'"));
    }
}

#[tokio::test]
async fn a_rules_condition_and_its_only_injections_both_hold() {
    let rules = "rules:\n  home:\n    when: request.query.a == '1'\n    inject:\n      \
                 - { when: \"request.query.b == '1'\", select: main, place: prepend, html: LAID }\n";
    let front = Front::new(rules, |_| page("<main>m</main>")).await;
    for (query, laid) in [("", false), ("a=1", false), ("b=1", false), ("a=1&b=1", true)] {
        let answer = front.get(&format!("/?{query}")).await;
        assert_eq!(answer.text().contains("LAID"), laid, "{query}");
    }
}
