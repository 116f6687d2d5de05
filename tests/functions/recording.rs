//! What a function reads is recorded, however it looks: a result that was kept is what a fresh call would have returned, for every
//! visitor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use inlay::content::function::{Allowance, Engine};
use inlay::content::{Attempt, Blank, Cache, Content, Fallback, How, Invocation, Kind, Lasting, Library, Outcome};
use inlay::scope::Scope;
use inlay::scope::language::{Escape, LanguageBuilder, Piece};
use inlay::scope::now::Now;
use inlay::scope::values::{Random, Tree};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};

use super::house::functions;

/// Visitors and moments that differ in one thing each from the first.
fn worlds() -> Vec<Scope> {
    let plain = json!({
        "cookies": { "tier": "gold", "age": "42" }, "query": { "q": "x", "r": "y" }, "path": "/a",
    });
    let profile =
        json!({ "list": ["a", "b"], "map": { "k": 1, "l": { "m": true } }, "n": 3, "none": null, "empty": [] });
    let change = |of: &Json, pointer: &str, to: Json| {
        let mut changed = of.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        changed
    };
    let scope = |request: Json, profile: Json, at: &str, random: f64, nonce: &str| {
        Scope::new()
            .with("request", Arc::new(Tree::of_visitor(request)))
            .with("profile", Arc::new(Tree::of_visitor(profile)))
            .with("csp", Arc::new(Tree::shared(json!({ "nonce": nonce }))))
            .with("now", Arc::new(Now::new(at.parse().unwrap())))
            .with("random", Arc::new(Random::fixed(random)))
    };
    let noon = "2026-12-24T12:20:30+01:00[Europe/Brussels]";
    let mut worlds = vec![scope(plain.clone(), profile.clone(), noon, 0.25, "abc")];
    for (pointer, to) in [
        ("/cookies/tier", json!("silver")),
        ("/cookies/tier", json!("")),
        ("/cookies", json!({ "tier": "gold" })),
        ("/cookies", json!({ "age": "42", "tier": "gold" })),
        ("/query", json!({ "q": "x" })),
        ("/query", json!({ "q": "z", "r": "y" })),
        ("/path", json!("/b")),
    ] {
        worlds.push(scope(change(&plain, pointer, to), profile.clone(), noon, 0.25, "abc"));
    }
    for (pointer, to) in [
        ("/list", json!(["a"])),
        ("/list", json!(["b", "a"])),
        ("/list", json!("a")),
        ("/list", json!({ "0": "a", "1": "b" })),
        ("/map/k", json!("1")),
        ("/map/k", json!(1.5)),
        ("/map", json!({ "l": { "m": true }, "k": 1 })),
        ("/map/l", json!({})),
        ("/map/l", json!([true])),
        ("/n", json!(true)),
        ("/none", json!(0)),
        ("/empty", json!(["x"])),
    ] {
        worlds.push(scope(plain.clone(), change(&profile, pointer, to), noon, 0.25, "abc"));
    }
    for at in [
        "2026-12-24T12:20:31+01:00[Europe/Brussels]",
        "2026-12-25T12:20:30+01:00[Europe/Brussels]",
        "2026-12-24T11:20:30+00:00[UTC]",
    ] {
        worlds.push(scope(plain.clone(), profile.clone(), at, 0.25, "abc"));
    }
    worlds.push(scope(plain.clone(), profile.clone(), noon, 0.75, "abc"));
    worlds.push(scope(plain, profile, noon, 0.25, "other"));
    worlds
}

fn library(source: &str) -> Arc<Library> {
    let functions = functions(&[("functions/f.js", source)]).into();
    let lasting = Lasting { cache: Cache::default(), engine: Engine::new(1) };
    Library::with_functions(LanguageBuilder::new().build().unwrap().0, BTreeMap::new(), functions, lasting).unwrap()
}

/// The same with an empty cache.
async fn shown(library: &Arc<Library>, world: &Scope) -> (String, Option<How>) {
    let invocation = Invocation { function: "f".into(), with: "null".into(), allowance: Allowance::default() };
    let content = Content {
        kind: Kind::Function(invocation),
        fallback: Fallback::Keep,
        on_error: None,
        deadline: Duration::from_secs(1),
        blank: Blank::Show,
        name: "f".into(),
    };
    let filled = match library.fill(&content, world, Escape::Html) {
        Attempt::Done(filled) => filled,
        Attempt::Later(later) => later.await,
    };
    match filled.outcome {
        Outcome::Nothing(why) => (format!("nothing: {why}"), None),
        Outcome::Stream(_) => unreachable!("nothing here is fetched"),
        Outcome::Show { pieces, how, .. } => {
            let text = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => std::str::from_utf8(text).unwrap(),
                Piece::Nonce => "NONCE",
            });
            (text.collect(), Some(how))
        }
    }
}

/// For every order of two visitors, the second gets what they would have got alone. How often something was found.
async fn holds(source: &str, worlds: &[Scope]) -> Result<usize, String> {
    let mut fresh = Vec::new();
    for world in worlds {
        fresh.push(shown(&library(source), world).await.0);
    }
    let mut hits = 0;
    let cached = library(source);
    for (number, world) in worlds.iter().chain(worlds).enumerate() {
        let (text, how) = shown(&cached, world).await;
        let expected = &fresh[number % worlds.len()];
        if text != *expected {
            return Err(format!("{source}\nworld {number}: {text}\nexpected {expected}"));
        }
        hits += usize::from(how == Some(How::Hit));
    }
    Ok(hits)
}

fn returning(expression: &str) -> String {
    format!(
        "const show = (v) => typeof v === 'string' ? v : typeof v === 'function' ? 'f' : String(JSON.stringify(v));
         export default (input) => {{ try {{ return show({expression}) + ' ' }} catch (e) {{ return `threw ${{e.name}} ` }} }}"
    )
}

#[tokio::test]
async fn each_way_of_looking_is_recorded() {
    let worlds = worlds();
    for (expression, kept) in [
        ("input.request.cookies.tier", true),
        ("'tier' in input.request.cookies", true),
        ("'other' in input.request.cookies", true),
        ("Object.keys(input.request.cookies)", true),
        ("Object.hasOwn(input.request.query, 'r')", true),
        ("Object.getOwnPropertyDescriptor(input.request.cookies, 'tier').value", true),
        ("Object.getOwnPropertyDescriptors(input.profile.map).l.value.m", true),
        ("Reflect.ownKeys(input.profile.list)", true),
        ("Reflect.has(input.profile.list, 1)", true),
        ("input.profile.list.length", true),
        ("input.profile.list[1]", true),
        ("Array.isArray(input.profile.list)", true),
        ("typeof input.profile.list", true),
        ("input.profile.list ? 'there' : 'not'", true),
        ("input.profile.empty.length ? 'some' : 'none'", true),
        ("[...input.profile.list].length", true),
        ("{ ...input.profile.map }", true),
        ("(({ k, ...rest }) => rest)(input.profile.map)", true),
        ("Object.entries(input.profile.map).length", true),
        ("JSON.stringify(input.profile)", true),
        ("structuredClone(input.profile.map)", true),
        ("Object.isFrozen(input.profile.map)", true),
        ("Object.getPrototypeOf(input.profile.list) === Array.prototype", true),
        ("input.profile.list instanceof Array", true),
        ("input.profile.list.includes('a')", true),
        ("input.profile.list.concat(['c']).length", true),
        ("Object.prototype.toString.call(input.profile.list)", true),
        ("input.profile.map.l?.m ?? 'unknown'", true),
        ("input.profile.none === null", true),
        ("input.profile.n + 1", true),
        ("input.now.date", true),
        ("input.now.format('%Y')", true),
        ("new Date(0).getHours()", true),
        ("new Date(2026, 0).toISOString()", true),
        ("input.csp.nonce ? 'has' : 'none'", true),
        ("input.csp.nonce", true),
        ("Date.now()", false),
        ("new Date().getSeconds()", false),
        ("Date()", false),
        ("performance.timeOrigin", false),
        ("`${input.now}`", false),
        ("Math.random()", false),
        ("input.random", false),
        ("(() => { for (const k in input.request.query) return k })()", true),
        ("Object.keys(input).length", true),
        ("JSON.stringify({ ...input, now: 0, csp: 0 })", true),
        ("JSON.stringify({ ...input })", false),
    ] {
        match holds(&returning(expression), &worlds).await {
            Ok(hits) => {
                assert_eq!(hits >= worlds.len(), kept, "{expression}: {hits} of {} were found", 2 * worlds.len())
            }
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

/// Expressions over all that the worlds differ in, composed at random.
fn expression() -> impl Strategy<Value = String> {
    let leaves = vec![
        "input.request.cookies",
        "input.request.cookies.tier",
        "input.request.query",
        "input.profile.list",
        "input.profile.map",
        "input.profile.map.l",
        "input.profile.n",
        "input.profile.none",
        "input.profile.empty",
        "input.profile.nowhere",
        "input.now.hour",
        "input.request",
        "input.profile",
        "'tier'",
        "1",
        "['a', 'b']",
        "({ k: 2 })",
    ];
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let calls = vec![
            "Object.keys",
            "Object.values",
            "Object.entries",
            "JSON.stringify",
            "Array.isArray",
            "String",
            "Boolean",
            "structuredClone",
            "Reflect.ownKeys",
            "Object.getOwnPropertyDescriptors",
            "Array.from",
            "Number",
            "typeof ",
            "Object.assign",
            "isNaN",
        ];
        let methods = vec![
            "?.length",
            "?.map?.((x) => typeof x)",
            "?.join?.()",
            "?.includes?.('a')",
            "?.[0]",
            "?.tier",
            "?.k",
            "?.at?.(-1)",
            "?.slice?.(1)",
            "?.filter?.(Boolean)",
            "?.toString?.()",
            "?.l?.m",
            "?.toSorted?.()",
            "?.entries?.().next().value",
            "?.reduce?.((a, b) => a + b, '')",
        ];
        let operators = vec!["===", "==", "<", "+", "&&", "||", "??", "in", "instanceof"];
        prop_oneof![
            (prop::sample::select(calls), inner.clone()).prop_map(|(call, a)| format!("{call}({a})")),
            (inner.clone(), prop::sample::select(methods)).prop_map(|(a, method)| format!("({a}){method}")),
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, op, b)| format!("(({a}) {op} ({b}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})?.[{b}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[...({a}), {b}]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({{ ...({a}), x: {b} }})")),
        ]
    })
}

#[tokio::test]
async fn no_expression_reads_past_the_ledger() {
    let worlds = worlds();
    let mut runner = TestRunner::default();
    let mut found = 0;
    for _ in 0..40 {
        let expression = expression().new_tree(&mut runner).unwrap().current();
        match holds(&returning(&expression), &worlds).await {
            Ok(hits) => found += hits,
            Err(wrong) => panic!("{wrong}"),
        }
    }
    assert!(found > 500, "only {found} results were found again, which proves nothing");
}
