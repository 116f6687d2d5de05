//! What the language promises: the unknown and the blank, order and equality, bounds, escapes, and every mistake found
//! before a visitor finds it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use inlay::content::{Blank, Cache, Content, Fallback, Kind, Library, LibraryProblem, Nothing, Outcome};
use inlay::limits;
use inlay::scope::Scope;
use inlay::scope::language::{AttributeKind, Escape, Language, LanguageBuilder, Piece, Problem, RenderError, Unit};
use inlay::scope::ledger::Reader;
use inlay::scope::values::Tree;
use proptest::prelude::*;
use serde_json::json;

fn scope() -> Scope {
    let site = json!({ "name": "Shop", "data": { "n": 3, "big": 20, "text": "abc", "list": [1, 2], "map": { "a": 1 },
        "nothing": null, "yes": true, "markup": "<b a=\"x\" b='y'>&</b>", "script": "</script>" } });
    Scope::new()
        .with("site", Arc::new(Tree::shared(site)))
        .with("profile", Arc::new(Tree::of_visitor(json!({ "name": "Ann", "age": 17 }))))
        .with("csp", Arc::new(Tree::shared(json!({ "nonce": "r4nd0m" }))))
}

fn build(source: &str) -> Result<Arc<Language>, Vec<Problem>> {
    let mut builder = LanguageBuilder::new();
    builder.template("t", source);
    builder.build().map(|(language, _)| language)
}

fn render(source: &str, escape: Escape) -> Result<String, RenderError> {
    let language = build(source).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"));
    let rendered = language.render("t", &Reader::new(scope()), escape)?;
    let text = rendered.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => std::str::from_utf8(text).unwrap(),
        Piece::Nonce => "HOLE",
    });
    Ok(text.collect())
}

fn html(source: &str) -> String {
    render(source, Escape::Html).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn holds(condition: &str) -> bool {
    let mut builder = LanguageBuilder::new();
    builder.condition("c", condition);
    let language = builder.build().unwrap_or_else(|problems| panic!("{condition}: {problems:#?}")).0;
    language.holds("c", &Reader::new(scope())).unwrap_or_else(|error| panic!("{condition}: {error}"))
}

fn line(source: &str, escape: Escape) -> Result<String, RenderError> {
    let mut builder = LanguageBuilder::new();
    builder.template("t", source).printed_in_lines(Unit::Template("t".into()));
    let language = builder.build().unwrap_or_else(|problems| panic!("{source}: {problems:#?}")).0;
    let request = json!({ "path": "/caf\u{e9}/a%2Fb", "q": "a&b=c?d#e;f+g\r\n\\%41" });
    language.line("t", &Reader::new(scope().with("request", Arc::new(Tree::shared(request)))), escape)
}

#[test]
fn values_in_urls_and_fields_are_escaped_for_them() {
    let url = |source: &str| line(source, Escape::Url).unwrap_or_else(|error| panic!("{source}: {error}"));
    assert_eq!(url(" /nl{{ request.path }} "), "/nl/caf%C3%A9/a%2Fb");
    assert_eq!(url("/?q={{ request.q }}&x"), "/?q=a%26b%3Dc%3Fd%23e%3Bf%2Bg%0D%0A%5C%2541&x");
    assert_eq!(url("/?q={{ request.q | urlencode }}"), url("/?q={{ request.q }}"));
    assert_eq!(url("/{{ 'a?' ~ site.data.n }}"), "/a%3F3");
    assert_eq!(line("{{ site.data.markup }}", Escape::Field).ok().as_deref(), Some("<b a=\"x\" b='y'>&</b>"));
    assert!(matches!(line("/{{ profile.nick }}", Escape::Url), Err(RenderError::Unknown(_))));
}

#[test]
fn printing_the_unknown_fails_the_content_in_whatever_way_it_is_printed() {
    let ways = [
        "Hi {{ profile.nick }},",
        "Hi {{ profile.a.b.c }},",
        "Hi {{ profile['a'].b[3].c }},",
        "Hi {{ site.data.nothing }},",
        "Hi {{ profile.nick|upper }},",
        "Hi {{ profile.nick|trim|capitalize|replace('a', 'b') }},",
        "Hi {{ 'x'|replace('x', profile.nick) }},",
        "Hi {{ 'dear ' ~ profile.nick }},",
        "Hi {{ profile.nick ~ '!' }},",
        "Hi {{ ['dear', profile.nick]|join(' ') }},",
        "Hi {{ profile.nick|join }},",
        "Hi {{ '%s'|format(profile.nick) }},",
        "Hi {{ profile.nick|string }},",
        "Hi {{ profile.nick|e }},",
        "Hi {{ profile.nick|safe }},",
        "Hi {{ profile.nick|urlencode }},",
        "Hi {{ profile.nick|tojson }},",
        "Hi {{ profile.nick|int }},",
        "Hi {{ profile.nick|length }},",
        "Hi {{ profile.nick|first }},",
        "{% set name %}Hi {{ profile.nick }}{% endset %}{{ name }}",
        "{% macro m(x) %}Hi {{ x }}{% endmacro %}{{ m(profile.nick) }}",
        "{% macro m(x) %}Hi {{ x }}{% endmacro %}{{ m() }}",
        "{% filter upper %}Hi {{ profile.nick }}{% endfilter %}",
        "{% for x in [1, none] %}{{ x }}{% endfor %}",
        "{{ profile.method('x') }}",
        "{{ [1, 2][7] }}",
    ];
    for source in ways {
        let error = render(source, Escape::Html).unwrap_err();
        assert!(matches!(error, RenderError::Unknown(_)), "{source}: {error}");
    }
}

#[test]
fn an_unknown_value_is_shown_where_the_author_wrote_it() {
    let source =
        "{% if 1 < 2 <= 3 and 'a' ~ 'b' == 'ab' %}\n  <p>é{{ 'x' if 1 < 2 }} {{ profile.old.nick }}</p>{% endif %}";
    let Err(RenderError::Unknown(at)) = render(source, Escape::Html) else { panic!() };
    assert_eq!((at.line, at.column, &*at.text), (2, 29, "profile.old.nick"));
    assert_eq!(at.unit, Unit::Template("t".into()));
}

#[test]
fn the_unknown_can_be_looked_up_tested_and_replaced() {
    assert_eq!(html("{{ profile.a.b.c|default('you') }}"), "you");
    assert_eq!(html("{{ profile.a.b.c or 'you' }}"), "you");
    assert_eq!(html("{{ profile.a is defined }} {{ profile.a is undefined }} {{ not profile.a }}"), "false true true");
    assert_eq!(html("{% for x in profile.a.b %}{{ x }}{% else %}none{% endfor %}"), "none");
    assert_eq!(html("{{ 'gold' if profile.a }}."), ".");
    assert_eq!(html("{{ ('gold' if profile.a)|default('plain') }}"), "plain");
    assert_eq!(html("{{ 'a' if profile.x else 'b' if profile.y }}."), ".");
    assert_eq!(html("{{ profile.a == none }} {{ profile.a == profile.b }} {{ 'a' in profile.b }}"), "false true false");
}

#[test]
fn order_holds_only_among_numbers_and_among_texts() {
    for (left, right) in [
        ("profile.x", "18"),
        ("'17'", "18"),
        ("profile.x", "profile.y"),
        ("site.data.map", "3"),
        ("site.data.list", "site.data.list"),
        ("true", "2"),
        ("none", "1"),
        ("site.data.nothing", "''"),
        ("'a'", "['b']"),
    ] {
        for operator in ["<", "<=", ">", ">="] {
            assert!(!holds(&format!("{left} {operator} {right}")), "{left} {operator} {right}");
            assert!(!holds(&format!("{right} {operator} {left}")), "{right} {operator} {left}");
            assert!(holds(&format!("not {left} {operator} {right}")));
            assert!(!holds(&format!("1 < 2 and ({left}) {operator} ({right})")));
            assert!(!holds(&format!("{left} {operator} {right} == {right}")), "chained: {left} {operator} {right}");
        }
        for test in ["lt", "le", "gt", "ge", "lessthan", "greaterthan"] {
            assert!(!holds(&format!("{left} is {test}({right})")), "{left} is {test} {right}");
        }
    }
    for condition in [
        "profile.age < 18",
        "17 <= profile.age",
        "'a' < 'b'",
        "1 < 2 < 3 <= 3",
        "1.5 < 2",
        "-1 < 0 and 3 > 2",
        "(1 + 1) * 2 > 3",
        "1 < 2 in [2]",
        "not 1 > 2",
        "site.data.text|length > 2",
        "2 ** 3 > 7",
        "[1, 2]|select('lt', 2)|list == [1]",
    ] {
        assert!(holds(condition), "{condition}");
    }
    assert_eq!(html("{{ [3, 'a', none, 1, [1], {}, true]|sort|length }}"), "7");
}

#[test]
fn each_place_has_its_escape() {
    let all = |escape| {
        render("{{ site.data.markup }}|{{ site.data.markup|safe }}|\"{{ site.data.n }}{{ site.data.yes }}", escape)
            .unwrap()
    };
    assert_eq!(
        all(Escape::Html),
        "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/b&gt;|<b a=\"x\" b='y'>&</b>|\"3true"
    );
    assert_eq!(
        all(Escape::Attribute(AttributeKind::Plain)),
        "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/b&gt;|<b a=&quot;x&quot; b='y'>&</b>|&quot;3true"
    );
    let script =
        render("var x = {{ site.data.script }}, y = {{ site.data.map }}, z = {{ site.data.yes }};", Escape::RawText)
            .unwrap();
    assert!(!script.contains("</script"), "{script}");
    assert_eq!(script, r#"var x = "\u003c/script\u003e", y = {"a": 1}, z = true;"#);
    assert_eq!(render("{{ csp.nonce }} {{ 'a' ~ csp.nonce }}", Escape::RawText).unwrap(), r#""HOLE" "ar4nd0m""#);
}

#[test]
fn includes_take_the_escape_of_where_they_stand() {
    let mut builder = LanguageBuilder::new();
    builder.template("part", "{{ site.data.script }}").template("t", "{% include 'part' %}");
    let language = builder.build().unwrap().0;
    let rendered = language.render("t", &Reader::new(scope()), Escape::RawText).unwrap();
    assert_eq!(rendered.pieces, [Piece::Text(Bytes::from_static(br#""\u003c/script\u003e""#))]);
}

/// What would run for ever, print without end or fill the memory is cut off soon. The stack is a worker's.
#[test]
fn bombs_are_cut_off() {
    let lists = "{% set a = [0,0,0,0,0,0,0,0,0,0] %}{% set b = [a,a,a,a,a,a,a,a,a,a] %}{% set c = [b,b,b,b,b,b,b,b,b,b] %}\
        {% set d = [c,c,c,c,c,c,c,c,c,c] %}{% set e = [d,d,d,d,d,d,d,d,d,d] %}{% set f = [e,e,e,e,e,e,e,e,e,e] %}\
        {% set g = [f,f,f,f,f,f,f,f,f,f] %}{% set h = [g,g,g,g,g,g,g,g,g,g] %}{% set i = [h,h,h,h,h,h,h,h,h,h] %}\
        {% set i2 = [h,h,h,h,h,h,h,h,h,[h]] %}";
    let uses = [
        "{{ i }}",
        "{{ i ~ '' }}",
        "{{ i|string }}",
        "{{ i|tojson }}",
        "{{ i|pprint }}",
        "{{ i|urlencode }}",
        "{{ i|upper }}",
        "{{ i == i2 }}",
        "{{ i in 'abc' }}",
        "{{ i|join }}",
        "{{ 'abc'|replace('a', i) }}",
        "{{ '%s'|format(i) }}",
        "{{ i|e }}",
        "{{ i|safe }}",
        "{{ i|trim }}",
        "{{ 'abc' is eq(i) or i2 is eq(i) }}",
        "{{ site.f(i) }}",
        "{{ [i]|string }}",
    ];
    let mut bombs: Vec<String> = uses.iter().map(|end| format!("{lists}{end}")).collect();
    bombs
        .extend(uses.iter().filter(|end| !end.contains("i2")).map(|end| format!("{{% set i = [0] * 10 ** 8 %}}{end}")));
    bombs.extend(
        [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{% for i in range(10 ** 9) %}x{% endfor %}",
            "{{ 'x' * 10 ** 9 }}",
            "{{ ('x' * 10 ** 6) * 10 ** 6 }}",
            "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
            "{% for i in range(100000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
            "{% set x %}{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endset %}",
            "{{ 'x'|indent(10 ** 9) }}",
            "{{ [1]|tojson(indent=10 ** 9) }}",
            "{{ [1]|batch(10 ** 9, 0)|list }}",
            "{{ [1]|slice(10 ** 9)|list }}",
            "{{ '%1000000000d'|format(1) }}",
            "{{ range(100000)|join('x' * 10000) }}",
            "{{ ('x' * 1000)|replace('x', 'x' * 100000) }}",
            "{{ ([0] * 10 ** 8)|list|length }}",
            "{{ ([0] * 10 ** 8)|last }}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
            "{% for x in [[[]]] recursive %}{{ loop([x]) }}{% endfor %}",
            "{% macro m(x) %}{% if x|length > 2000000 %}.{% else %}{{ m(x ~ x) }}{% endif %}{% endmacro %}{{ m('xxxxxxxx') }}",
        ]
        .map(str::to_owned),
    );
    let cut = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let run = cut.spawn(move || {
        for bomb in bombs {
            let started = Instant::now();
            let error = render(&bomb, Escape::Html).expect_err(&bomb);
            assert!(!matches!(error, RenderError::Unknown(_) | RenderError::Missing(_)), "{bomb}: {error}");
            // No claim about speed, which a busy machine would deny: only that it does not run on and on.
            assert!(started.elapsed() < Duration::from_secs(60), "{bomb} took {:?}: {error}", started.elapsed());
        }
    });
    run.unwrap().join().unwrap();
}

#[test]
fn output_up_to_the_limit_passes_and_one_more_byte_does_not() {
    let many = limits::TEMPLATE_OUTPUT_BYTES / 1024;
    let source = |more| format!("{{% for i in range({many}) %}}{{{{ 'x' * 1024 }}}}{{% endfor %}}{more}");
    assert_eq!(html(&source("")).len(), limits::TEMPLATE_OUTPUT_BYTES);
    assert!(matches!(render(&source("x"), Escape::Html), Err(RenderError::TooMuch(_))));
}

/// Sources with what is wrong in them: line, column, a part of the message.
#[test]
fn mistakes_are_found_all_at_once_and_where_they_are() {
    let mut builder = LanguageBuilder::new();
    builder
        .template("syntax", "fine\n  {{ oops")
        .template("names", "{{ 'a'|uper }}\n{{ x is od }} {{ nme.x }}\n{{ lenght(3) }}{{ debug() }}")
        .template("links", "{% include 'nmes' %}{% include 'gone' ignore missing %}{% import 'lost' as m %}{{ m.x() }}")
        .template("self", "<p>{% include 'self' %}</p>")
        .template("a", "{% include 'b' %}")
        .template("b", "{% if site.x %}{% extends 'a' %}{% endif %}")
        .template("by name", "{{ [1]|map('uper')|select('od')|list }}")
        .condition("cond", "site.x <")
        .condition("inject", "1 %}{{ site }}{% if 1")
        .condition("names", "audiences.gold and\n profle.x > 3");
    let problems = builder.build().unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|p| format!("{} {}:{} {} {}", p.unit, p.line, p.column, p.message, p.hint.as_deref().unwrap_or("")))
        .collect();
    for expected in [
        "template syntax 2:",
        "template names 1:8 there is no filter `uper` did you mean `upper`?",
        "template names 2:9 there is no test `od`",
        "template names 2:18 there is no value `nme` ",
        "template names 3:4 there is no function `lenght` it is a filter: `value|length`",
        "template names 3:19 there is no function `debug`",
        "template links 1:12 there is no template nmes did you mean `names`?",
        "there is no template lost",
        "template self 1:15 template self includes itself",
        "template a 1:12 template a includes itself",
        "template b 1:27 template b includes itself",
        "template by name 1:12 there is no filter `uper`",
        "template by name 1:27 there is no test `od`",
        "condition cond 1:",
        "condition inject 1:",
        "condition names 2:2 there is no value `profle` did you mean `profile`?",
    ] {
        assert!(found.iter().any(|found| found.contains(expected)), "{expected} is not in {found:#?}");
    }
    assert!(!found.iter().any(|found| found.contains("gone")), "{found:#?}");
}

#[test]
fn a_source_says_what_it_mentions() {
    let mut builder = LanguageBuilder::new();
    builder
        .template("part", "{{ request.cookies.a }}")
        .template("page", "{{ request.path }} {{ params.id }} {{ element.attr('x') }}{% for p in site.data.list %}{{ p.name }}{% endfor %}")
        .template("both", "{{ site['name'] }}{% include 'part' %}")
        .template("whole", "{{ request|tojson }}")
        .template("open", "{% include site.name %}")
        .condition("c", "random < 0.5 and now.hour > 3");
    let language = builder.build().unwrap().0;
    let of = |unit: Unit| language.mentions(&unit).unwrap().clone();
    let template = |name: &str| of(Unit::Template(name.into()));
    assert!(template("page").mentions("element") && !template("page").mentions("each"));
    assert!(!template("page").may_read_visitor());
    assert!(template("both").mentions("request.cookies") && template("both").mentions("site.name"));
    for name in ["part", "both", "whole", "open"] {
        assert!(template(name).may_read_visitor(), "{name}");
    }
    assert!(template("open").mentions("each"));
    assert!(of(Unit::Condition("c".into())).mentions("random"));
    assert_ne!(language.identity("part"), language.identity("both"));
}

fn content(kind: Kind, fallback: Fallback) -> Content {
    Content {
        kind,
        fallback,
        on_error: None,
        deadline: Duration::from_millis(300),
        blank: Blank::Keep,
        name: "c".into(),
    }
}

fn fill(content: &Content, fragments: &[(&str, Content)]) -> Result<String, Nothing> {
    let mut builder = LanguageBuilder::new();
    for (name, source) in [("fails", "Hi {{ profile.nick }}"), ("blank", " \t"), ("fine", "<i>fine</i>")] {
        builder.template(name, source);
    }
    let fragments: BTreeMap<Arc<str>, Content> =
        fragments.iter().map(|(name, it)| ((*name).into(), it.clone())).collect();
    let library = Library::new(builder.build().unwrap().0, fragments, Cache::default()).unwrap();
    match library.fill(content, &scope(), Escape::Html).done().unwrap().outcome {
        Outcome::Nothing(why) => Err(why),
        Outcome::Stream(_) => unreachable!("nothing here is fetched"),
        Outcome::Show { pieces, .. } => Ok(pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                Piece::Nonce => "HOLE".into(),
            })
            .collect()),
    }
}

#[test]
fn fallbacks_are_tried_in_turn() {
    let template = |name: &str| Kind::Template(name.into());
    let keep = || Fallback::Keep;
    let fails = |fallback| content(template("fails"), fallback);
    let text = || content(Kind::Text("a < b".into()), keep());
    let failed = fill(&fails(keep()), &[]);
    assert!(matches!(failed, Err(Nothing::Failed(error)) if matches!(*error, RenderError::Unknown(_))));
    assert!(matches!(fill(&content(template("blank"), keep()), &[]), Err(Nothing::Blank)));
    assert!(matches!(fill(&content(Kind::Html(Bytes::new()), keep()), &[]), Err(Nothing::Blank)));
    assert_eq!(fill(&fails(Fallback::Empty), &[]).unwrap(), "");
    assert_eq!(fill(&fails(Fallback::Try(vec![content(template("blank"), keep()), text()])), &[]).unwrap(), "a &lt; b");
    assert!(matches!(fill(&content(template("blank"), Fallback::Try(vec![fails(keep())])), &[]), Err(Nothing::Blank)));
    let fragment = content(Kind::Fragment("f".into()), Fallback::Try(vec![text()]));
    assert_eq!(fill(&fragment, &[("f", fails(keep()))]).unwrap(), "a &lt; b");
    assert_eq!(
        fill(&fragment, &[("f", fails(Fallback::Try(vec![content(template("fine"), keep())])))]).unwrap(),
        "<i>fine</i>"
    );
    let shown = Content { blank: Blank::Show, ..content(Kind::Fragment("f".into()), keep()) };
    assert_eq!(fill(&shown, &[("f", content(template("blank"), keep()))]).unwrap(), " \t");
}

#[test]
fn fragments_that_lead_to_themselves_are_refused() {
    let to = |name: &str, fallback| content(Kind::Fragment(name.into()), fallback);
    let html = || content(Kind::Html("x".into()), Fallback::Keep);
    let fragments: BTreeMap<Arc<str>, Content> = [
        ("a", to("b", Fallback::Keep)),
        ("b", content(Kind::Html("x".into()), Fallback::Try(vec![html(), to("a", Fallback::Keep)]))),
        ("c", to("missing", Fallback::Keep)),
        ("d", content(Kind::Template("missing".into()), Fallback::Try(vec![to("a", Fallback::Keep)]))),
    ]
    .into_iter()
    .map(|(name, content)| (name.into(), content))
    .collect();
    let problems = Library::new(LanguageBuilder::new().build().unwrap().0, fragments, Cache::default()).unwrap_err();
    let endless = |name: &str, way: &[&str]| LibraryProblem::Endless {
        fragment: name.into(),
        path: way.iter().map(|s| s.to_string()).collect(),
    };
    assert_eq!(
        problems,
        [
            endless("a", &["a", "b", "a"]),
            endless("b", &["b", "a", "b"]),
            LibraryProblem::NoFragment { fragment: "c".into(), missing: "missing".into() },
            LibraryProblem::NoTemplate { fragment: "d".into(), missing: "missing".into() },
        ]
    );
}

/// Well-typed arithmetic and comparisons: what is spliced must mean what minijinja means.
fn numbers() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..9i32).prop_map(|n| n.to_string()),
        Just("x".to_owned()),
        Just("y.z".to_owned()),
        Just("[1, 5, x]|max".to_owned())
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*"]), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a})|default({b})")),
        ]
    })
}

fn truths() -> impl Strategy<Value = String> {
    let operator = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!=", "<", "  <=\n"]);
    let leaf = prop_oneof![
        (numbers(), operator(), numbers()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
        (numbers(), operator(), numbers(), operator(), numbers())
            .prop_map(|(a, op, b, p, c)| format!("{a} {op} {b} {p} {c}")),
        (numbers(), numbers(), numbers()).prop_map(|(a, b, c)| format!("{a} not in [{b}, {c}]")),
        (numbers(), operator(), numbers(), numbers()).prop_map(|(a, op, b, c)| format!("{a} {op} {b} in [{c}, {b}]")),
        (numbers(), numbers()).prop_map(|(a, b)| format!("({a}) ~ ({b}) == '3' ~({a})")),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "or"]), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) == ({b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]
    #[test]
    fn the_language_means_what_minijinja_means(condition in truths()) {
        let site = json!({ "x": 4, "y": { "z": 7 } });
        let native = minijinja::Environment::new().compile_expression(&condition).unwrap().eval(minijinja::context! { x => 4, y => minijinja::context! { z => 7 } }).unwrap().is_true();
        let source = format!("{{% set x = site.x %}}{{%- set y = site.y %}}{{{{ 'yes' if {condition} }}}}<{{%if {condition}%}}yes{{%- endif -%}}>");
        let language = build(&source).unwrap();
        let scope = Scope::new().with("site", Arc::new(Tree::shared(site)));
        let rendered = language.render("t", &Reader::new(scope), Escape::Html).unwrap();
        let expected = if native { "yes<yes>" } else { "<>" };
        prop_assert_eq!(&rendered.pieces, &[Piece::Text(expected.into())]);
    }

    #[test]
    fn no_source_makes_the_builder_panic(source in "(\\{\\{|\\}\\}|\\{%|%\\}| if | else |a|b\\.c|<|<=|~|\\(|\\)|not in|é|\n|'x'|\\||for|endif|-){0,24}") {
        let mut builder = LanguageBuilder::new();
        builder.template("t", &source).condition("c", &source);
        if let Err(problems) = builder.build() {
            for problem in problems {
                prop_assert!(source.get(problem.span.clone()).is_some(), "{:?}", problem);
            }
        }
    }
}
