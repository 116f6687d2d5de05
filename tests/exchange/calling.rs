//! Functions in pages: called, kept, cut off, mended, as visitors see it.

use std::time::Duration;

use super::house::{Front, page};

const PAGE: &str = "<html><body><h1>Shop</h1><main>of old</main><p class=stock data-sku=A1>?</p><p class=stock data-sku=B2>?</p></body></html>";

fn rules(inject: &str) -> String {
    format!("rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n{inject}")
}

async fn front(inject: &str, functions: &[(&str, &str)]) -> Front {
    front_with("", inject, functions).await
}

async fn front_with(deployment: &str, inject: &str, functions: &[(&str, &str)]) -> Front {
    let rules = rules(inject);
    let mut files = vec![("rules/site.yaml", rules.as_str())];
    files.extend(functions);
    Front::with(deployment, &files, |_| page(PAGE)).await
}

const IN_MAIN: &str =
    "      - { select: main, place: inner, function: f, deadline: 5s, with: { greeting: Hello, list: [1, two] } }\n";

#[tokio::test]
async fn a_function_is_laid_in_and_kept_by_what_it_reads() {
    let source = "import { bold } from './lib/text.js';
        export default async (input) => html`${input.with.greeting} ${bold(input.request.cookies.name ?? 'you')} ${input.with.list[1]}`";
    let library = "export const bold = (text) => html`<b>${text}</b>`";
    let front = front(IN_MAIN, &[("rules/functions/f.js", source), ("rules/functions/lib/text.js", library)]).await;
    for name in ["Ann", "<Bo>", "Ann", "Ann"] {
        let answer = front.get_with("/", &[("cookie", &format!("name={name}"))]).await;
        let expected = format!("<main>Hello <b>{}</b> two</main>", name.replace('<', "&lt;").replace('>', "&gt;"));
        assert!(answer.text().contains(&expected), "{}", answer.text());
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    }
    let tallies = front.app.exchange().revision.load().library.tallies();
    let (_, tallied) = &tallies[0];
    assert_eq!((tallied.renders, tallied.hits), (2, 2));
    assert_eq!(tallied.varies_by, ["request.cookies.name"]);
}

#[tokio::test]
async fn each_element_is_seen() {
    let source =
        "export default ({ element }) => `${element.tag} ${element.attr('data-sku')} ${element.attr('none') ?? '-'}`";
    let inject = "      - { select: .stock, place: inner, function: f, deadline: 5s }\n";
    let answer = front(inject, &[("rules/functions/f.js", source)]).await.get("/").await;
    assert!(answer.text().contains("data-sku=A1>p A1 -</p>"), "{}", answer.text());
    assert!(answer.text().contains("data-sku=B2>p B2 -</p>"), "{}", answer.text());
}

#[tokio::test]
async fn an_attribute_is_quoted_and_the_nonce_is_the_pages_own() {
    let inject = "      - { select: main, attribute: title, function: f, deadline: 5s }\n      - { select: h1, place: after, function: n, deadline: 5s }\n";
    let functions = [
        ("rules/functions/f.js", "export default () => 'a \"quoted\" <b>'"),
        ("rules/functions/n.js", "export default ({ csp }) => `<script nonce=\"${csp.nonce}\">go()</script>`"),
    ];
    let rules = rules(inject);
    let mut files = vec![("rules/site.yaml", rules.as_str())];
    files.extend(functions);
    let count = std::sync::atomic::AtomicUsize::new(0);
    let front = Front::with("", &files, move |_| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut page = page(PAGE);
        let policy = format!("script-src 'nonce-abc{n}'");
        page.headers_mut().insert("content-security-policy", policy.parse().expect("a header"));
        page
    })
    .await;
    for n in 0..3 {
        let answer = front.get("/").await;
        assert!(answer.text().contains("title=\"a &quot;quoted&quot; <b>\""), "{}", answer.text());
        assert!(answer.text().contains(&format!("<script nonce=\"abc{n}\">go()")), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_fails_is_stood_in_for_and_nothing_is_nothing() {
    let inject = "      - { select: main, place: inner, function: loops, deadline: 5s, fallback: { html: instead } }
      - { select: h1, place: inner, function: throws, deadline: 5s }
      - { select: .stock, place: inner, function: nothing, deadline: 5s, fallback: [{ function: throws }, { text: \"<none>\" }] }\n";
    let functions = [
        ("rules/functions/loops.js", "export default () => { for (;;) {} }"),
        ("rules/functions/throws.js", "export default (input) => input.request.cookies.a.b"),
        ("rules/functions/nothing.js", "export default () => ({ html: '<b>not this</b>', data: [1], status: 503 })"),
    ];
    let front = front(inject, &functions).await;
    let answer = front.get("/").await;
    let tallies = front.app.exchange().revision.load().library.tallies();
    assert!(tallies.iter().filter(|(_, tallied)| tallied.failures > 0).count() > 2, "{tallies:?}");
    let expected = PAGE.replace("of old", "instead").replace('?', "&lt;none&gt;");
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn a_function_that_is_late_costs_its_slot_alone() {
    let inject = "      - { select: main, place: inner, function: slow, deadline: 100ms }\n      - { select: h1, place: inner, function: quick, deadline: 5s }\n";
    let functions = [
        ("rules/functions/slow.js", "export default () => { for (;;) {} }"),
        ("rules/functions/quick.js", "export default () => 'quick'"),
    ];
    let front = front_with("functions: { cpu: 2s, threads: 2 }\n", inject, &functions).await;
    let answer = tokio::time::timeout(Duration::from_secs(4), front.get("/")).await.expect("a page in time");
    assert!(answer.text().contains("<h1>quick</h1><main>of old</main>"), "{}", answer.text());
}

#[tokio::test]
async fn one_function_that_burns_does_not_hold_up_another() {
    let inject = "      - { select: main, place: inner, function: \"{f}\", deadline: 4s }\n";
    let rules = format!(
        "rules:\n  burning:\n    match: {{ path: /burn }}\n    inject:\n{}  quick:\n    match: {{ path: /quick }}\n    inject:\n{}",
        inject.replace("{f}", "burns"),
        inject.replace("{f}", "quick"),
    );
    let files = [
        ("rules/site.yaml", rules.as_str()),
        ("rules/functions/burns.js", "export default () => { for (;;) {} }"),
        ("rules/functions/quick.js", "export default (input) => `quick ${input.request.query.n}`"),
    ];
    let front = Front::with("functions: { threads: 2 }\n", &files, |_| page(PAGE)).await;
    let burning = futures_util::future::join_all((0..300).map(|_| front.get("/burn")));
    let quick = async {
        for n in 0..20 {
            let answer = front.get(&format!("/quick?n={n}")).await;
            assert!(answer.text().contains(&format!("<main>quick {n}</main>")), "{}", answer.text());
        }
    };
    let (burnt, ()) = tokio::join!(burning, quick);
    assert!(burnt.iter().all(|answer| answer.text() == PAGE), "what burns leaves the origin's content");
}

#[tokio::test]
async fn a_change_is_live_and_a_wrong_one_changes_nothing() {
    let front = front(IN_MAIN, &[("rules/functions/f.js", "export default () => 'first'")]).await;
    front.until("/", "<main>first</main>").await;
    front.write("rules/functions/f.js", "export default () => 'second'");
    front.until("/", "<main>second</main>").await;
    front.write("rules/functions/f.js", "export default () => {\n  return 'third' +;\n}");
    let refused = async || {
        let state = front.admin("GET", "/api/v1/revision").await;
        Some(state.text().to_owned()).filter(|text| text.contains("f.js:2:"))
    };
    front.until_true("the refusal with the author's line", refused).await;
    assert!(front.get("/").await.text().contains("<main>second</main>"));
    front.write("rules/functions/f.js", "export default () => 'third'");
    front.until("/", "<main>third</main>").await;
}
