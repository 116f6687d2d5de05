//! What a call of a trivial function costs: with an engine kept ready, from the first word to the last, found in the cache; and beside
//! them an engine that is made and dropped.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use inlay::content::function::{Allowance, Engine, Errand, Functions, Source, compile};
use inlay::content::{Attempt, Blank, Cache, Content, Fallback, Invocation, Kind, Lasting, Library};
use inlay::scope::Scope;
use inlay::scope::language::{Escape, Formatting, Language};
use inlay::scope::values::{Random, Tree};
use serde_json::json;

const KEPT: &str = "export default ({ request }) => `<p>${request.cookies.tier}</p>`";

fn functions(source: &str) -> Arc<Functions> {
    let sources = [Source { path: "functions/f.js", text: source }];
    Arc::new(compile(&sources, Arc::new(Formatting::default())).expect("the source is right"))
}

fn scope() -> Scope {
    Scope::new()
        .with("request", Arc::new(Tree::of_visitor(json!({ "cookies": { "tier": "gold" } }))))
        .with("random", Arc::new(Random::fixed(0.25)))
}

fn call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine = Engine::new(1);
    let functions = functions(KEPT);
    let errand = || Errand {
        functions: functions.clone(),
        function: "f".into(),
        with: "null".into(),
        scope: scope(),
        allowance: Allowance::default(),
    };
    let run = || runtime.block_on(engine.run(errand())).result.expect("it gives something");
    let mut group = criterion.benchmark_group("a trivial function");
    // Time enough between calls for engines to be made ready: this is what a visitor waits.
    group.sample_size(20).bench_function("waited for, an engine being ready", |bench| {
        bench.iter_custom(|times| {
            let mut waited = Duration::ZERO;
            for _ in 0..times {
                std::thread::sleep(Duration::from_millis(2));
                let begun = Instant::now();
                black_box(run());
                waited += begun.elapsed();
            }
            waited
        });
    });
    // One after the other, so that making and dropping the engines is paid for too: this is what a core pays.
    group.bench_function("all that it costs", |bench| bench.iter(|| black_box(run())));
    let cpu = |ran: inlay::content::function::Ran| ran.cpu;
    group.bench_function("computing alone", |bench| {
        bench.iter_custom(|times| (0..times).map(|_| cpu(runtime.block_on(engine.run(errand())))).sum());
    });
    group.finish();
    let lasting = Lasting::new(Cache::default(), engine.clone());
    let library = Library::with_functions(Language::empty(), BTreeMap::new(), functions.clone(), lasting);
    let library = library.expect("no fragments");
    let content = Content {
        kind: Kind::Function(Invocation { function: "f".into(), with: "null".into(), allowance: Allowance::default() }),
        fallback: Fallback::Keep,
        on_error: None,
        deadline: Duration::from_millis(300),
        blank: Blank::Keep,
        name: "f".into(),
    };
    let scope = scope();
    if let Attempt::Later(first) = library.fill(&content, &scope, Escape::Html) {
        runtime.block_on(first);
    }
    criterion.bench_function("a function found in the cache", |bench| {
        bench.iter(|| library.fill(black_box(&content), &scope, Escape::Html).done().expect("it was kept"));
    });
}

criterion_group!(benches, call);
criterion_main!(benches);
