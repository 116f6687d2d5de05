//! Filters and messages in functions: the same as in templates, in the visitor's language, and recorded.

use std::sync::Arc;

use inlay::content::function::{Allowance, Engine, Errand, Ran};
use inlay::scope::Scope;
use inlay::scope::language::Formatting;
use inlay::scope::now::Now;
use inlay::scope::values::Tree;
use serde_json::json;

use super::house::{speaking, told};

const PAGE: &str = include_str!("../../docs/functions.md");
const NL: &str = "cart = { $count ->\n    [one] Eén ding\n   *[other] { $count } dingen\n}\n";

/// The block of the page of this kind that has `inside`.
fn block(kind: &str, inside: &str) -> &'static str {
    let fence = format!("```{kind}\n");
    let mut blocks = PAGE.split(&*fence).skip(1).map(|rest| rest.split("```\n").next().expect("an end"));
    blocks.find(|block| block.contains(inside)).expect("the block")
}

async fn ran(body: &str, language: &str) -> Ran {
    let source = format!("export default async function (input) {{ {body} }}");
    let messages = [("en", block("ftl", "cart")), ("nl", NL)];
    let functions = Arc::new(speaking(&[("functions/f.js", &source)], &messages));
    let at = "2026-11-23T13:00:00+01:00[Europe/Brussels]".parse().expect("a moment");
    let scope = Scope::new()
        .with("request", Arc::new(Tree::of_visitor(json!({ "language": language, "path": "/" }))))
        .with("site", Arc::new(Tree::shared(json!({ "languages": ["en", "nl"] }))))
        .with("now", Arc::new(Now::new(at)));
    let errand = Errand { functions, function: "f".into(), with: "{}".into(), scope, allowance: Allowance::default() };
    Engine::new(1).run(errand).await
}

async fn said(body: &str, language: &str) -> String {
    told(ran(body, language).await.result.map(|output| output.html)).replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test]
async fn every_example_of_the_page_gives_what_stands_beside_it() {
    let mut examples: Vec<(String, String)> = Vec::new();
    for line in block("js", "format.slug").lines() {
        match (line.split_once(" → "), examples.last_mut()) {
            (Some((code, given)), _) => examples.push((code.to_owned(), given.to_owned())),
            (None, Some((_, given))) => *given += &format!("\n{line}"),
            (None, None) => panic!("a block begins with an example: {line}"),
        }
    }
    assert!(examples.len() > 7);
    for (code, expected) in examples {
        assert_eq!(said(&format!("return `${{{code}}}`"), "en").await, expected, "{code}");
    }
}

#[tokio::test]
async fn every_filter_is_there_and_nothing_else() {
    let names: Vec<&str> = Formatting::names().collect();
    assert!(names.len() > 40);
    let listed = said("return Object.keys(format).join(' ')", "en").await;
    assert_eq!(listed, names.join(" "));
    assert!(said("format.slug = 1", "en").await.starts_with("threw: TypeError"));
    assert_eq!(said("return `${format.shout}`", "en").await, "undefined");
}

#[tokio::test]
async fn the_language_and_the_zone_are_the_visitors_and_the_sites_and_are_recorded() {
    let body =
        "return `${input.t('cart', { count: 2 })} ${format.number(0.5)} ${format.date('2026-12-24T18:00:00Z', '%H')}`";
    for (language, expected) in
        [("en", "2 things in your basket 0.5 19"), ("nl", "2 dingen 0,5 19"), ("fr", "2 things in your basket 0,5 19")]
    {
        let ran = ran(body, language).await;
        assert_eq!(told(ran.result.map(|output| output.html)), expected);
        let read: Vec<String> = ran.ledger.varies_by().map(ToString::to_string).collect();
        assert!(read.contains(&"request.language".to_owned()) && read.contains(&"now.zone".to_owned()), "{read:?}");
        assert_eq!(read.iter().any(|path| path.starts_with("site.languages")), language == "fr", "{read:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    for (body, expected) in [
        ("return format.currency('x', 'EUR')", "the value` must be a number"),
        ("return format.currency(1, 'XXZ')", "`XXZ` is no currency"),
        ("return format.truncate('a', { lenght: 2 })", "takes no `lenght`"),
        ("return format.currency(1)", "needs `currency`"),
        ("return input.t('cart')", "it needs `count`"),
        ("return input.t('cart', { count: [1] })", "is a list or a map"),
        ("return input.t(['cart'])", "the key must be a text"),
        ("return format.pad_start('x', 1e9)", "bytes"),
        ("const round = {}; round.own = round; return format.slug(round)", "circular"),
    ] {
        let said = said(body, "en").await;
        assert!(said.starts_with("threw: ") && said.contains(expected), "{body}: {said}");
    }
}

#[tokio::test]
async fn what_is_unknown_stays_unknown() {
    for body in [
        "return format.currency(input.request.none, 'EUR')",
        "return format.slug(null)",
        "return input.t('none')",
        "return input.t('-cart')",
        "return input.t(undefined)",
    ] {
        assert_eq!(said(body, "en").await, "(nothing)", "{body}");
    }
    // In a template `null` is something that was not given, and what the message needs is missing.
    assert!(said("return input.t('cart', { count: null })", "en").await.contains("it needs `count`"));
}
