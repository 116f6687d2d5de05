//! What the pages of the documentation say of the language is true: every example of `docs/templates.md` prints what stands
//! beside it, and every filter has one. And whatever is printed wherever stays what it is: it changes no tree, runs nothing, and is
//! read back as it was.

use std::cell::RefCell;
use std::sync::Arc;

use inlay::scope::Scope;
use inlay::scope::language::library::urls::is_harmless;
use inlay::scope::language::messages::{MessageFile, Messages};
use inlay::scope::language::{Escape, Language, LanguageBuilder, Piece, RenderError, filter_names};
use inlay::scope::ledger::Reader;
use inlay::scope::now::Now;
use inlay::scope::values::Tree;
use lol_html::{RewriteStrSettings, doc_comments, doc_text, element, rewrite_str};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const PAGE: &str = include_str!("../docs/templates.md");

/// The fenced blocks of this kind.
fn blocks(kind: &str) -> impl Iterator<Item = &str> {
    let open = format!("```{kind}\n");
    let starts = PAGE.match_indices(&open).map(|(at, _)| at + open.len()).collect::<Vec<_>>();
    starts.into_iter().map(|start| &PAGE[start..start + PAGE[start..].find("```").expect("a block ends")])
}

/// Templates with what they print: what follows the arrow, up to the next line with one.
fn examples() -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    for line in blocks("jinja").flat_map(str::lines) {
        match (line.split_once(" → "), examples.last_mut()) {
            (Some((template, printed)), _) => examples.push((template.to_owned(), printed.to_owned())),
            (None, Some((_, printed))) => *printed += &format!("\n{line}"),
            (None, None) => panic!("a block begins with an example: {line}"),
        }
    }
    examples
}

fn scope() -> Scope {
    let known: Json = serde_json::from_str(blocks("json").next().expect("the world")).expect("JSON");
    let now = "2026-11-23T13:00:00+01:00[Europe/Brussels]".parse().expect("a moment");
    Scope::new()
        .with("site", Arc::new(Tree::shared(known["site"].clone())))
        .with("profile", Arc::new(Tree::of_visitor(known["profile"].clone())))
        .with("request", Arc::new(Tree::of_visitor(json!({ "language": "en" }))))
        .with("now", Arc::new(Now::new(now)))
}

/// What the page says in several languages.
fn messages() -> Arc<Messages> {
    let files: Vec<_> = blocks("ftl").map(|text| MessageFile { language: &text[16..18], text }).collect();
    assert!(files.iter().map(|file| file.language).eq(["en", "nl"]));
    let (messages, faults) = Messages::read(&files);
    let place = "`place` is not said in `nl`";
    assert_eq!(
        faults.iter().map(|fault| &*fault.what).collect::<Vec<_>>(),
        [place],
        "the page shows how a language lags"
    );
    Arc::new(messages)
}

fn render(source: &str) -> Result<String, RenderError> {
    let mut builder = LanguageBuilder::new();
    builder.messages(messages());
    builder.template("t", source);
    let language = builder.build().unwrap_or_else(|problems| panic!("{source}: {problems:#?}")).0;
    let rendered = language.render("t", &Reader::new(scope()), Escape::Html)?;
    let text = rendered.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => std::str::from_utf8(text).expect("text"),
        Piece::Nonce => "",
    });
    Ok(text.collect::<String>().replace(['\u{a0}', '\u{202f}'], " "))
}

#[test]
fn every_example_of_the_page_prints_what_stands_beside_it() {
    let examples = examples();
    assert!(examples.len() > 60, "{} examples", examples.len());
    let wrong = examples.iter().filter_map(|(template, expected)| {
        let printed = render(template).unwrap_or_else(|error| error.to_string());
        (printed.trim() != expected.trim()).then(|| format!("{template}\n  page:  {expected}\n  truth: {printed}\n"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn every_filter_has_an_example() {
    let all: String = examples().into_iter().map(|(template, _)| template + "\n").collect();
    let shown = |name: &str| {
        let called = format!("|{name}");
        let mut after = all.match_indices(&called).map(|(at, _)| all[at + called.len()..].chars().next());
        after.any(|next| next.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
    };
    // Other names for what is shown, and what Jinja has besides.
    let others = ["attr", "bool", "count", "d", "groupby", "pprint", "slice", "string", "concat"];
    let missing: Vec<&str> = filter_names().filter(|name| !others.contains(name) && !shown(name)).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

/// What a parser sees: tags with their attributes, and all text, as written.
#[derive(Debug, Default)]
struct Page {
    tags: Vec<(String, Vec<(String, String)>)>,
    text: String,
    comments: usize,
}

fn parsed(html: &str) -> Page {
    let page = RefCell::new(Page::default());
    let tags = element!("*", |element| {
        let attributes = element.attributes().iter().map(|it| (it.name(), it.value())).collect();
        page.borrow_mut().tags.push((element.tag_name(), attributes));
        Ok(())
    });
    let texts = doc_text!(|chunk| {
        page.borrow_mut().text.push_str(chunk.as_str());
        Ok(())
    });
    let comments = doc_comments!(|_| {
        page.borrow_mut().comments += 1;
        Ok(())
    });
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(tags)
        .append_document_content_handler(texts)
        .append_document_content_handler(comments);
    rewrite_str(html, settings).expect("HTML");
    page.into_inner()
}

impl Page {
    /// Tags with the names of their attributes, and the number of comments.
    fn shape(&self) -> (Vec<(&str, Vec<&str>)>, usize) {
        let tags = self.tags.iter();
        let tags = tags.map(|(name, attributes)| (&**name, attributes.iter().map(|(name, _)| &**name).collect()));
        (tags.collect(), self.comments)
    }

    /// The value of the first attribute of the first tag.
    fn attribute(&self) -> String {
        htmlize::unescape_attribute(&self.tags[0].1[0].1).into_owned()
    }

    fn decoded_text(&self) -> String {
        htmlize::unescape(&self.text).into_owned()
    }
}

/// What stands between `f(` and `)`, read as JSON.
fn argument(script: &str) -> Option<String> {
    serde_json::from_str(script.strip_prefix("f(")?.strip_suffix(')')?).ok()
}

/// What stands between `f('` and `')`: escapes of JavaScript that JSON has too.
fn string(script: &str) -> Option<String> {
    let inside = script.strip_prefix("f('")?.strip_suffix("')")?;
    serde_json::from_str(&format!("\"{inside}\"")).ok()
}

fn query(url: &str) -> Option<String> {
    let query = url.strip_prefix("/p?q=")?.strip_suffix("&b=1#c")?;
    Some(percent_encoding::percent_decode_str(query).decode_utf8().ok()?.into_owned())
}

/// A template that prints `site.x`, and what a browser reads there.
type Place = (&'static str, fn(&Page) -> Option<String>);

const PLACES: [Place; 13] = [
    ("<p>{{ site.x }}</p>", |page| Some(page.decoded_text())),
    ("<p title=\"{{ site.x }}\"></p>", |page| Some(page.attribute())),
    ("<p title='{{ site.x }}'></p>", |page| Some(page.attribute())),
    ("<p title={% if 1 %}\"{{ site.x }}\"{% else %}\"b\"{% endif %}></p>", |page| Some(page.attribute())),
    ("<title>{{ site.x }}</title>", |page| Some(page.decoded_text())),
    ("<textarea>{{ site.x }}</textarea>", |page| Some(page.decoded_text())),
    ("<a href=\"/p?q={{ site.x }}&amp;b=1#c\"></a>", |page| query(&page.attribute())),
    ("<script>f({{ site.x }})</script>", |page| argument(&page.text)),
    ("<script>f('{{ site.x }}')</script>", |page| string(&page.text)),
    ("<b onclick=\"f({{ site.x }})\"></b>", |page| argument(&page.attribute())),
    ("<b onclick=\"f(&#39;{{ site.x }}&#39;)\"></b>", |page| string(&page.attribute())),
    ("<iframe srcdoc=\"{{ site.x }}\"></iframe>", |page| Some(htmlize::unescape(page.attribute()).into_owned())),
    ("{% macro m(v) %}{{ v }}{% endmacro %}<p title=\"{{ m(site.x) }}\"></p>", |page| Some(page.attribute())),
];

/// Places where a value may be refused, or changed to fit.
const REFUSING: [&str; 10] = [
    "<a href=\"{{ site.x }}\"></a>",
    "<a href='{{ site.x }}{{ site.x }}'></a>",
    "<a href=\"java{{ site.x }}\"></a>",
    "<img srcset=\"{{ site.x }} 2x\">",
    "<i style=\"color: {{ site.x }}\"></i>",
    "<i style=\"background: url({{ site.x }})\"></i>",
    "<style>a { width: {{ site.x }}; background: url('{{ site.x }}') }</style>",
    "<!-- {{ site.x }} -->",
    "{% set link %}{{ site.x }}{% endset %}<a href=\"{{ link }}\"></a>",
    "<a href=\"{{ site.x|safe }}\"></a>",
];

fn printed(language: &Language, name: &str, x: &Json) -> Result<String, RenderError> {
    let scope = Scope::new().with("site", Arc::new(Tree::shared(json!({ "x": x, "data": { "v": x } }))));
    let rendered = language.render(name, &Reader::new(scope), Escape::Html)?;
    let text = rendered.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => std::str::from_utf8(text).expect("text"),
        Piece::Nonce => "",
    });
    Ok(text.collect())
}

fn all_places() -> Arc<Language> {
    let mut builder = LanguageBuilder::new();
    for source in PLACES.iter().map(|(source, _)| *source).chain(REFUSING) {
        builder.template(source, source);
    }
    builder.build().unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

/// Texts made of what means something to somebody.
fn hostile() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "<",
        ">",
        "\"",
        "'",
        "&",
        "`",
        "/",
        "\\",
        "-->",
        "--!>",
        "</script>",
        "<!--",
        "</title>",
        "</textarea>",
        "</style>",
        "javascript:",
        "JAVA\tscript:",
        "script:alert(1)",
        "data:text/html,",
        "&#106;",
        "&quot;",
        "%22",
        "${a}",
        "\u{2028}",
        "\n",
        " ",
        "\t",
        ":",
        ";",
        "(",
        ")",
        "{",
        "}",
        "=",
        "onload=",
        ",",
        "url(",
        "*/",
        "//",
        "a",
        "é",
        "💧",
        "?",
        "#",
        "+",
    ];
    proptest::collection::vec(prop_oneof![proptest::sample::select(PARTS).prop_map(str::to_owned), "\\PC{0,3}"], 0..6)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_printed_is_read_back_and_changes_no_tree(x in hostile()) {
        let language = all_places();
        for (source, read) in PLACES {
            let html = printed(&language, source, &json!(x)).unwrap_or_else(|error| panic!("{source}: {x:?}: {error}"));
            let (page, plain) = (parsed(&html), parsed(&printed(&language, source, &json!("a")).unwrap()));
            prop_assert_eq!(page.shape(), plain.shape(), "{} {:?}: {}", source, x, html);
            let read = read(&page);
            prop_assert_eq!(read.as_deref(), Some(&*x), "{}: {}", source, html);
        }
    }

    #[test]
    fn what_is_refused_or_changed_runs_nothing(x in hostile()) {
        let language = all_places();
        for source in REFUSING {
            let plain = parsed(&printed(&language, source, &json!("a")).unwrap());
            let Ok(html) = printed(&language, source, &json!(x)) else { continue };
            let page = parsed(&html);
            prop_assert_eq!(page.shape(), plain.shape(), "{} {:?}: {}", source, x, html);
            if source.contains("href") {
                prop_assert!(is_harmless(&page.attribute()), "{} {:?}: {}", source, x, html);
            }
        }
    }
}

/// Any value that JSON can hold.
fn any_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-10_i64..40).prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        hostile().prop_map(Json::from),
        proptest::sample::select(
            &[
                "2026-12-24",
                "2026-12-24T18:00:00Z",
                "9999-12-31",
                "-9999-01-01",
                "%Y %Q %",
                "nl",
                "EUR",
                "days",
                "(a",
                "a.b"
            ][..]
        )
        .prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// What is wrong with a template, in words.
fn problems(source: &str) -> String {
    let mut builder = LanguageBuilder::new();
    builder.template("t", source);
    match builder.build() {
        Ok(_) => String::new(),
        Err(problems) => problems.iter().map(|problem| format!("{}\n", problem.message)).collect(),
    }
}

/// Every filter, with as many values as it takes.
fn all_filters() -> (Arc<Language>, Vec<String>) {
    let calls = filter_names().flat_map(|name| {
        ["", "(site.a)", "(site.a, site.b)", "(site.a, site.b, site.c)", "(site.a, locale=site.b)", "(locale=site.a)"]
            .map(|arguments| format!("{{{{ site.v|{name}{arguments} }}}}"))
    });
    let sources: Vec<String> = calls.filter(|source| problems(source).is_empty()).collect();
    let mut builder = LanguageBuilder::new();
    for source in &sources {
        builder.template(source, source);
    }
    (builder.build().expect("each is sound").0, sources)
}

#[test]
fn no_filter_panics_whatever_it_is_given() {
    let (language, sources) = all_filters();
    assert!(sources.len() > 200, "{}", sources.len());
    let config = ProptestConfig::with_cases(64);
    proptest!(config, |(v in any_value(), a in any_value(), b in any_value(), c in any_value())| {
        let site = Arc::new(Tree::shared(json!({ "v": v, "a": a, "b": b, "c": c })));
        let now = "2026-11-23T13:00:00+01:00[Europe/Brussels]".parse().expect("a moment");
        let scope = Scope::new().with("site", site).with("now", Arc::new(Now::new(now)));
        for source in &sources {
            let _ = language.render(source, &Reader::new(scope.clone()), Escape::Html);
        }
    });
}

#[test]
fn what_cannot_be_made_safe_is_refused_when_it_is_loaded() {
    for (source, said) in [
        ("<a href={{ site.x }}>", "no quotes"),
        ("<a title=a{{ site.x }}>", "no quotes"),
        ("<h{{ site.x }}>", "name of a tag"),
        ("<b data-{{ site.x }}=\"1\">", "attribute's name"),
        ("<script>/* {{ site.x }} */</script>", "comment of a script"),
        ("<script>`{{ site.x }}`</script>", "template literal"),
        ("<script>a = /{{ site.x }}/</script>", "regular expression"),
        ("<style>/* {{ site.x }} */</style>", "comment of a style"),
        ("<a href=\"{% if site.x %}a\">{% else %}b{% endif %}", "different places"),
        ("{% for x in site.data %}<script>{% endfor %}", "different places"),
        ("<script>{% include 't' ignore missing %}</script>", "an include"),
    ] {
        let found = problems(source);
        assert!(found.contains(said), "{source}: {found}");
    }
}
