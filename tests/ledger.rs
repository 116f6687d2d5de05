//! No way of reading goes unrecorded: whatever a template looks at, the cache tells apart who sees something else.
//!
//! Every file of `corpus/templates` is a way of looking; it is rendered for one world with a cache, then for another, and
//! must print for the second what it prints without a cache. Adding a case is adding a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inlay::content::{Blank, Cache, Content, Fallback, How, Kind, Library, Outcome};
use inlay::scope::language::{Escape, Language, LanguageBuilder, Piece};
use inlay::scope::now::Now;
use inlay::scope::values::{Random, Tree};
use inlay::scope::{Answer, Facts, Key, Scope, Seen};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// One state of everything that a template can see.
#[derive(Clone, Debug)]
struct World {
    request: Json,
    visitor: Json,
    audiences: Json,
    site: Json,
    /// Some slots have none.
    element: Option<Json>,
    now: &'static str,
    random: f64,
    nonce: Option<&'static str>,
}

impl World {
    fn plain() -> Self {
        Self {
            request: json!({ "path": "/", "cookies": { "tier": "gold", "name": "Ann" }, "query": { "q": "x" } }),
            visitor: json!({ "returning": true }),
            audiences: json!({ "gold": true }),
            site: json!({ "data": {
                "list": ["a", "b"],
                "number": 1,
                "pairs": [[1, 2], [3, 4]],
                "products": [{ "name": "cup", "price": 12 }, { "name": "pan", "price": 30 }],
                "tree": [{ "name": "r", "children": [{ "name": "s", "children": [] }] }],
            } }),
            element: Some(json!({ "id": "buy", "attributes": { "data-sku": "A1" } })),
            now: "2026-11-23T13:00:00+01:00[Europe/Brussels]",
            random: 0.25,
            nonce: Some("abc"),
        }
    }

    fn scope(&self) -> Scope {
        let csp = self.nonce.map_or(json!({}), |nonce| json!({ "nonce": nonce }));
        let scope = Scope::new();
        let scope = match &self.element {
            Some(element) => scope.with("element", Arc::new(Element(element.clone()))),
            None => scope,
        };
        scope
            .with("request", Arc::new(Tree::of_visitor(self.request.clone())))
            .with("visitor", Arc::new(Tree::of_visitor(self.visitor.clone())))
            .with("audiences", Arc::new(Tree::of_visitor(self.audiences.clone())))
            .with("site", Arc::new(Tree::shared(self.site.clone())))
            .with("now", Arc::new(Now::new(self.now.parse().unwrap())))
            .with("random", Arc::new(Random::fixed(self.random)))
            .with("csp", Arc::new(Tree::shared(csp)))
    }
}

/// Facts with a method, as a page's element will be.
#[derive(Debug)]
struct Element(Json);

impl Facts for Element {
    fn get(&self, path: &[Key]) -> Answer {
        Tree::shared(self.0.clone()).get(path)
    }
    fn keys(&self, path: &[Key]) -> Answer {
        Tree::shared(self.0.clone()).keys(path)
    }
    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let arguments: Json = serde_json::from_str(arguments).unwrap();
        let value = &self.0["attributes"][arguments[0][0].as_str()?];
        let seen = value.as_str().map_or(Seen::Absent, |text| Seen::Scalar(text.into()));
        (&**path.last()? == "attr").then(|| Ok(Answer::fixed(seen)))
    }
}

/// The plain world, and others that each differ from it in one thing.
fn worlds() -> Vec<World> {
    let mut worlds = vec![World::plain()];
    let mut but = |change: &dyn Fn(&mut World)| {
        let mut world = World::plain();
        change(&mut world);
        worlds.push(world);
    };
    but(&|w| w.request["cookies"]["tier"] = json!("silver"));
    but(&|w| w.request["cookies"] = json!({}));
    but(&|w| w.request["cookies"] = json!({ "name": "Ann", "tier": "gold" }));
    but(&|w| w.request["cookies"] = json!({ "tier": "gold" }));
    but(&|w| w.request["cookies"] = json!({ "q": "x" }));
    but(&|w| w.request["cookies"]["name"] = json!("<b>Bob</b>"));
    but(&|w| w.request["cookies"]["age"] = json!("17"));
    but(&|w| w.request["cookies"]["age"] = json!("18"));
    but(&|w| w.request["query"] = json!({}));
    but(&|w| w.request["query"]["pick"] = json!("name"));
    but(&|w| w.request["language"] = json!("nl"));
    but(&|w| w.visitor["returning"] = json!(false));
    but(&|w| w.audiences["gold"] = json!(false));
    for list in
        [json!([]), json!(["b", "a"]), json!(["a", "c"]), json!(["a", "a", "b"]), json!("ab"), json!({ "a": 1 })]
    {
        but(&|w| w.site["data"]["list"] = list.clone());
    }
    for number in [json!(2), json!(1.0), json!("1"), json!(true), json!(null), json!([1]), json!({})] {
        but(&|w| w.site["data"]["number"] = number.clone());
    }
    but(&|w| w.site["data"]["pairs"] = json!([[1, 2]]));
    but(&|w| w.site["data"]["gone"] = json!("here"));
    but(&|w| w.site["data"]["products"][0]["price"] = json!(40));
    but(&|w| w.site["data"]["products"][0]["price"] = json!("12"));
    but(&|w| w.site["data"]["products"][1]["name"] = json!("pot"));
    but(&|w| w.site["data"]["products"] = json!([{ "name": "cup" }]));
    but(&|w| w.site["data"]["tree"][0]["children"] = json!([]));
    but(&|w| w.element = Some(json!({ "id": "buy", "attributes": { "data-sku": "B2" } })));
    but(&|w| w.element = Some(json!({})));
    but(&|w| w.element = None);
    but(&|w| w.now = "2026-11-23T13:00:01+01:00[Europe/Brussels]");
    but(&|w| w.now = "2026-11-23T18:00:00+01:00[Europe/Brussels]");
    but(&|w| w.now = "2026-12-01T00:00:00+01:00[Europe/Brussels]");
    but(&|w| w.now = "2027-02-02T02:02:02+01:00[Europe/Brussels]");
    but(&|w| w.random = 0.75);
    but(&|w| w.nonce = Some("xyz789"));
    but(&|w| w.nonce = None);
    worlds
}

fn files(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let named = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (named(&path), fs::read_to_string(path).unwrap())).collect()
}

fn language(templates: &BTreeMap<String, String>) -> Arc<Language> {
    let mut builder = LanguageBuilder::new();
    for (name, source) in files("partials") {
        builder.template(&format!("partial/{name}"), &source);
    }
    for (name, source) in templates {
        builder.template(name, source);
    }
    builder.build().unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

fn content(name: &str) -> Content {
    Content {
        kind: Kind::Template(name.into()),
        fallback: Fallback::Keep,
        on_error: None,
        deadline: Duration::from_millis(300),
        blank: Blank::Show,
        name: name.into(),
    }
}

fn library(language: &Arc<Language>) -> Arc<Library> {
    Library::new(language.clone(), BTreeMap::new(), Cache::default()).unwrap()
}

/// What the world's visitor gets to see, holes filled; and where it came from.
fn shown(library: &Arc<Library>, template: &str, world: &World) -> (Option<String>, Option<How>) {
    match library.fill(&content(template), &world.scope(), Escape::Html).done().unwrap().outcome {
        Outcome::Nothing(_) => (None, None),
        Outcome::Stream(_) => unreachable!("nothing here is fetched"),
        Outcome::Show { pieces, how, .. } => {
            let text = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => std::str::from_utf8(text).unwrap(),
                Piece::Nonce => world.nonce.unwrap(),
            });
            (Some(text.collect()), Some(how))
        }
    }
}

#[test]
fn a_cached_result_is_what_would_have_been_rendered() {
    let templates = files("templates");
    let language = language(&templates);
    let worlds = worlds();
    for name in templates.keys() {
        let fresh: Vec<_> = worlds.iter().map(|world| shown(&library(&language), name, world).0).collect();
        assert!(fresh[0].is_some(), "{name} fails in the plain world");
        assert!(fresh.iter().any(|text| *text != fresh[0]), "{name} looks at nothing that any world differs in");
        for (first, world) in worlds.iter().enumerate() {
            let library = library(&language);
            shown(&library, name, world);
            for (second, world) in worlds.iter().enumerate() {
                assert_eq!(shown(&library, name, world).0, fresh[second], "{name}: world {second} after {first}");
            }
        }
    }
}

#[test]
fn what_was_seen_again_is_found_again() {
    let templates = files("templates");
    let language = language(&templates);
    let never = ["bare_now", "random", "nonce_used", "nonce_captured"];
    for name in templates.keys() {
        let library = library(&language);
        shown(&library, name, &World::plain());
        let how = shown(&library, name, &World::plain()).1;
        let expected = if never.contains(&&**name) { How::Rendered } else { How::Hit };
        assert_eq!(how, Some(expected), "{name}");
    }
}

#[test]
fn a_printed_nonce_fits_every_response() {
    let templates = files("templates");
    let library = library(&language(&templates));
    let other = World { nonce: Some("xyz789"), ..World::plain() };
    assert_eq!(shown(&library, "nonce", &World::plain()).1, Some(How::Rendered));
    let (text, how) = shown(&library, "nonce", &other);
    assert_eq!((text.unwrap().trim(), how), (r#"<script nonce="xyz789">x</script>"#, Some(How::Hit)));
}

#[test]
fn a_fragment_that_reads_one_audience_is_rendered_once_per_answer() {
    let templates = files("templates");
    let library = library(&language(&templates));
    for visitor in 0..100 {
        let mut world = World::plain();
        world.request["cookies"]["name"] = json!(format!("visitor {visitor}"));
        world.audiences["gold"] = json!(visitor % 3 == 0);
        shown(&library, "audience", &world);
    }
    let (_, tallied) = library.tallies().into_iter().find(|(name, _)| **name == *"audience").unwrap();
    assert_eq!((tallied.renders, tallied.hits), (2, 98));
    assert_eq!(tallied.varies_by, ["audiences.gold"]);
}

#[test]
fn a_printed_cookie_is_never_anothers_under_concurrency() {
    let templates = files("templates");
    let library = library(&language(&templates));
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let library = &library;
            threads.spawn(move || {
                for round in 0..500 {
                    let tier = format!("tier-{}", (round * 7 + thread) % 40);
                    let mut world = World::plain();
                    world.request["cookies"]["tier"] = json!(tier);
                    let (text, _) = shown(library, "print_cookie", &world);
                    assert_eq!(text.unwrap().trim(), format!("<b>{tier}</b>"));
                }
            });
        }
    });
    let (_, tallied) = library.tallies().into_iter().find(|(name, _)| **name == *"print_cookie").unwrap();
    assert!(tallied.hits > 3000, "{tallied:?}");
}

#[test]
fn what_follows_from_the_time_is_bounded_by_it_and_the_rest_is_not() {
    let templates = files("templates");
    let library = library(&language(&templates));
    let bounds =
        |name| library.fill(&content(name), &World::plain().scope(), Escape::Html).done().unwrap().ledger.bounds();
    assert_eq!(bounds("time").until, Some("2026-11-23T13:00:00Z".parse().unwrap()));
    assert!(!bounds("time").of_visitor);
    assert_eq!(bounds("audience").until, None);
    assert!(bounds("audience").of_visitor);
    assert!(!bounds("random").storable);
}

#[test]
fn no_more_is_read_than_is_needed() {
    for (source, reads) in [
        ("{{ 'tier' in request.cookies }}", &["request", "request.cookies", "request.cookies.tier"][..]),
        ("{{ request.cookies == 'x' }}", &["request", "request.cookies"]),
        ("{{ request.cookies|default('x') is mapping }}", &["request", "request.cookies"]),
        (
            "{{ 'a' in site.data.list }}",
            &["site", "site.data", "site.data.list", "site.data.list.*", "site.data.list.0"],
        ),
        ("{% if request.cookies %}x{% endif %}", &["request", "request.cookies", "request.cookies.*"]),
        ("{{ 'never' if false and request.cookies.tier }}", &[]),
        ("<i nonce='{{ csp.nonce }}'>", &["csp", "csp.*"]),
        ("{{ now.after('2026-12-01') }}", &["now", "now.after(…)"]),
        ("{% include 'part' %}", &["request", "request.query", "request.query.q"]),
    ] {
        let mut builder = LanguageBuilder::new();
        builder.template("t", source).template("part", "{{ request.query.q }}");
        let library = library(&builder.build().unwrap().0);
        let filled = library.fill(&content("t"), &World::plain().scope(), Escape::Html).done().unwrap();
        let questions: Vec<String> = filled.ledger.reads().iter().map(|read| read.question.to_string()).collect();
        assert_eq!(questions, reads, "{source}");
    }
}

/// Expressions over everything that the worlds differ in, composed at random.
fn expression() -> impl Strategy<Value = String> {
    let paths = vec![
        "request.cookies",
        "request.query",
        "request.cookies.tier",
        "request.cookies.age",
        "site.data.list",
        "site.data.number",
        "site.data.products",
        "audiences.gold",
        "element.attr('data-sku')",
        "now.date",
        "csp.nonce",
        "random",
        "'a'",
        "3",
        "['a', 'b']",
    ];
    let leaf = prop::sample::select(paths).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let filters = vec![
            "length",
            "list",
            "first",
            "last",
            "tojson",
            "string",
            "items|list",
            "sort",
            "reverse|list",
            "upper",
            "join",
            "default('d')",
            "map('string')|list",
            "unique|list",
            "int(default=0)",
            "urlencode",
            "dictsort",
            "bool",
        ];
        let operators = vec!["==", "!=", "<", ">=", "in", "not in", "and", "or", "~", "+"];
        let tests = vec!["defined", "mapping", "string", "iterable", "number", "none", "sameas(1)"];
        let braced = |text: String| format!("({text})");
        let inner = inner.prop_map(braced);
        prop_oneof![
            (inner.clone(), prop::sample::select(filters)).prop_map(|(a, filter)| format!("{a}|{filter}")),
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), prop::sample::select(tests)).prop_map(|(a, test)| format!("{a} is {test}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            inner.clone().prop_map(|a| format!("{a}[1:]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} if {b} else {c}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} < {b} <= {c}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("[{a}, {b}]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn no_expression_reads_past_the_ledger(expression in expression(), first in 0..40usize) {
        let source = format!("{{% set x = {expression} %}}{{{{ x|default('?')|string }}}}{{% for y in x %}},{{{{ y|default('?') }}}}{{% endfor %}}");
        let mut builder = LanguageBuilder::new();
        builder.template("t", &source);
        let language = builder.build().unwrap().0;
        let worlds = worlds();
        let cached = library(&language);
        shown(&cached, "t", &worlds[first % worlds.len()]);
        for world in &worlds {
            prop_assert_eq!(shown(&cached, "t", world).0, shown(&library(&language), "t", world).0);
        }
    }
}
