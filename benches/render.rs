//! What a small template costs: rendered afresh, found in the cache, and a condition.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use inlay::content::{Blank, Cache, Content, Fallback, Kind, Library};
use inlay::scope::Scope;
use inlay::scope::language::{Escape, LanguageBuilder};
use inlay::scope::ledger::Reader;
use inlay::scope::values::Tree;
use serde_json::json;

const BANNER: &str = "<aside class=\"banner\">{% if audiences.gold %}<b>Hello {{ request.cookies.name|default('you') }}</b>, \
    20 % off at {{ site.name }}{% else %}Welcome to {{ site.name }}{% endif %}</aside>";

fn scope() -> Scope {
    Scope::new()
        .with("request", Arc::new(Tree::of_visitor(json!({ "cookies": { "name": "Ann" } }))))
        .with("audiences", Arc::new(Tree::of_visitor(json!({ "gold": true }))))
        .with("site", Arc::new(Tree::shared(json!({ "name": "The Shop" }))))
}

fn render(criterion: &mut Criterion) {
    let mut builder = LanguageBuilder::new();
    builder.template("banner", BANNER).condition("gold", "audiences.gold and request.cookies.name != 'Bob'");
    let language = builder.build().expect("the sources are right").0;
    let scope = scope();
    criterion.bench_function("render a small template afresh", |bench| {
        bench.iter(|| language.render(black_box("banner"), &Reader::new(scope.clone()), Escape::Html));
    });
    criterion.bench_function("a condition", |bench| {
        bench.iter(|| language.holds(black_box("gold"), &Reader::new(scope.clone())));
    });
    let library = Library::new(language, BTreeMap::new(), Cache::default()).expect("no fragments");
    let content = Content {
        kind: Kind::Template("banner".into()),
        fallback: Fallback::Keep,
        on_error: None,
        deadline: Duration::from_millis(300),
        blank: Blank::Keep,
        name: "banner".into(),
    };
    criterion.bench_function("fill from the cache", |bench| {
        bench.iter(|| library.fill(black_box(&content), &scope, Escape::Html));
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
