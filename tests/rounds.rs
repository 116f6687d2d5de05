//! Ask, and be asked again: a render that lacks what a source will say goes on without it, what it lacks is brought at once,
//! and it is rendered again. What hangs on an answer is not asked before that is here; only the last round counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use inlay::content::{Attempt, Blank, Cache, Content, Fallback, Filled, How, Kind, Library, Nothing, Outcome};
use inlay::decide::audience::{Audience, AudienceFacts};
use inlay::scope::condition::Condition;
use inlay::scope::language::{Escape, Language, LanguageBuilder, Piece};
use inlay::scope::values::Tree;
use inlay::scope::{Answer, Facts, Key, Question, Scope, Seen};
use serde_json::{Value as Json, json};

/// Sources that know nothing until it is brought, and note in which round they were asked for what.
#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    /// What they will say, by call: `a[[],{}]`.
    says: BTreeMap<String, Json>,
    known: BTreeMap<String, Json>,
    rounds: Vec<Vec<String>>,
}

impl Fake {
    fn of(says: &[(&str, Json)]) -> Self {
        let says = says.iter().map(|(call, json)| ((*call).to_owned(), json.clone())).collect();
        Self(Arc::new(Mutex::new(Held { says, ..Held::default() })))
    }

    fn rounds(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap().rounds.clone()
    }

    fn scope(&self) -> Scope {
        Scope::new().with("sources", Arc::new(self.clone()))
    }
}

fn called(question: &Question) -> String {
    match question {
        Question::Call(path, arguments) => format!("{}{arguments}", path.last().unwrap()),
        other => panic!("{other} is no call"),
    }
}

impl Facts for Fake {
    fn get(&self, path: &[Key]) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::map() };
        match self.0.lock().unwrap().known.get(&**call) {
            Some(json) => Tree::shared(json.clone()).get(below),
            None => Answer::absent(),
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::absent() };
        match self.0.lock().unwrap().known.get(&**call) {
            Some(json) => Tree::shared(json.clone()).keys(below),
            None => Answer::absent(),
        }
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let call = format!("{}{arguments}", path.last()?);
        Some(match self.0.lock().unwrap().known.get(&call) {
            Some(Json::Null) => Err("it failed".to_owned()),
            Some(json) => Ok(Tree::shared(json.clone()).get(&[])),
            None => {
                let path = std::iter::once(Key::from("sources")).chain(path.iter().cloned()).collect();
                Ok(Answer::fixed(Seen::Awaited(Arc::new([Question::Call(path, arguments.into())]))))
            }
        })
    }

    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let (this, calls) = (self.clone(), missing.iter().map(called).collect::<Vec<_>>());
        let bring = async move {
            tokio::task::yield_now().await;
            let mut held = this.0.lock().unwrap();
            for call in &calls {
                let said = held.says.get(call).cloned().unwrap_or_else(|| panic!("asked for {call}"));
                held.known.insert(call.clone(), said);
            }
            held.rounds.push(calls);
        };
        Some(bring.boxed())
    }
}

fn language(template: &str) -> Arc<Language> {
    let mut builder = LanguageBuilder::new();
    builder.template("t", template).template("other", "instead").condition("rainy", "sources.a().sky == 'rain'");
    builder.build().unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

fn content(name: &str, fallback: Fallback) -> Content {
    let kind = Kind::Template(name.into());
    Content { kind, fallback, on_error: None, deadline: Duration::from_secs(1), blank: Blank::Keep, name: name.into() }
}

fn library(template: &str) -> Arc<Library> {
    Library::new(language(template), BTreeMap::new(), Cache::default()).unwrap()
}

async fn filled(library: &Arc<Library>, content: &Content, scope: &Scope) -> Filled {
    match library.fill(content, scope, Escape::Html) {
        Attempt::Done(filled) => filled,
        Attempt::Later(later) => later.await,
    }
}

fn text(filled: &Filled) -> String {
    match &filled.outcome {
        Outcome::Nothing(why) => format!("nothing: {why}"),
        Outcome::Stream(_) => unreachable!("nothing here is fetched"),
        Outcome::Show { pieces, .. } => pieces.iter().map(shown).collect(),
    }
}

fn shown(piece: &Piece) -> &str {
    match piece {
        Piece::Text(text) => std::str::from_utf8(text).unwrap(),
        Piece::Nonce => "",
    }
}

/// What a template shows, and what was asked for in which round.
async fn play(template: &str, says: &[(&str, Json)]) -> (String, Vec<Vec<String>>) {
    let fake = Fake::of(says);
    let filled = filled(&library(template), &content("t", Fallback::Keep), &fake.scope()).await;
    (text(&filled), fake.rounds())
}

#[tokio::test]
async fn what_is_missing_is_brought_at_once() {
    let says = [("a[[],{}]", json!({ "n": 1 })), ("b[[],{\"x\":\"y\"}]", json!([2, 3]))];
    let (text, rounds) = play("{{ sources.a().n }} {{ sources.b(x='y')|join('+') }} {{ sources.a().n }}", &says).await;
    assert_eq!((text.as_str(), rounds.len()), ("1 2+3 1", 1));
    assert_eq!(rounds[0].len(), 2);
}

#[tokio::test]
async fn what_hangs_on_an_answer_is_asked_after_it() {
    let says = [("a[[],{}]", json!({ "id": "x7", "ok": true })), ("b[[],{\"id\":\"X7\"}]", json!({ "n": 5 }))];
    for template in [
        "{{ sources.b(id=sources.a().id|upper).n }}",
        "{% set id = sources.a().id %}{{ sources.b(id=id|upper|trim).n }}",
        "{% set id %}{{ sources.a().id }}{% endset %}{{ sources.b(id=id|upper).n }}",
        "{% macro show(id) %}{{ sources.b(id=id).n }}{% endmacro %}{{ show(sources.a().id|upper) }}",
        "{{ sources.b(id=(sources.a().id or 'none')|upper).n }}",
        "{% if sources.a().ok %}{{ sources.b(id='X7').n }}{% endif %}",
        "{% if sources.a().id == 'x7' %}{{ sources.b(id='X7').n }}{% else %}{{ sources.b(id='no').n }}{% endif %}",
        "{% if sources.a().id != 'x7' %}{{ sources.b(id='no').n }}{% else %}{{ sources.b(id='X7').n }}{% endif %}",
        "{{ sources.b(id='X7' if sources.a().id is defined else 'no').n }}",
        "{% if not sources.a().id %}{{ sources.b(id='no') }}{% endif %}{{ sources.b(id='X7').n }}",
        "{{ sources.b(id={'k': [sources.a().id]}.k[0]|upper).n }}",
        "{{ sources.b(id=('x' ~ sources.a().id|replace('x', ''))|upper).n }}",
    ] {
        let (text, rounds) = play(template, &says).await;
        assert_eq!(text, "5", "{template}");
        assert_eq!(rounds, [["a[[],{}]"], ["b[[],{\"id\":\"X7\"}]"]], "{template}");
    }
}

#[tokio::test]
async fn errors_of_an_unfinished_round_do_not_count() {
    let says = [("a[[],{}]", json!({ "n": 2, "list": [1] }))];
    for template in [
        "{{ 10 // sources.a().n }}",
        "{{ sources.a().n + 3 }}",
        "{% for n in sources.a().list %}{{ n + 4 }}{% endfor %}",
    ] {
        assert_eq!(play(template, &says).await.0, "5", "{template}");
    }
}

#[tokio::test]
async fn a_source_that_fails_leads_to_the_fallback() {
    let fake = Fake::of(&[("a[[],{}]", Json::Null)]);
    let other = Fallback::Try(vec![content("other", Fallback::Keep)]);
    let library = library("{{ sources.a().n }}");
    assert_eq!(text(&filled(&library, &content("t", other), &fake.scope()).await), "instead");
    let alone = filled(&library, &content("t", Fallback::Keep), &fake.scope()).await;
    assert!(text(&alone).contains("it failed"), "{}", text(&alone));
}

#[tokio::test]
async fn who_asks_for_ever_is_given_up() {
    let chain: Vec<_> = (0..20).map(|n| (format!("a[[],{{\"n\":{n}}}]"), json!(n + 1))).collect();
    let chain: Vec<_> = chain.iter().map(|(call, next)| (call.as_str(), next.clone())).collect();
    let template = "{% macro go(n) %}{{ go(sources.a(n=n)) if n < 18 else n }}{% endmacro %}{{ go(0) }}";
    let fake = Fake::of(&chain);
    let filled = filled(&library(template), &content("t", Fallback::Keep), &fake.scope()).await;
    assert!(matches!(filled.outcome, Outcome::Nothing(Nothing::Rounds)), "{}", text(&filled));
    assert!(!filled.ledger.bounds().storable);
    assert_eq!(fake.rounds().len(), inlay::limits::SOURCE_ROUNDS);
}

/// Whoever gets the same answers gets the same result, whoever asked first; what was not read makes no difference.
#[tokio::test]
async fn results_are_kept_by_what_the_sources_said() {
    let library = library("{{ sources.a().sky }}");
    let mut hows = Vec::new();
    for (sky, more) in [("rain", 1), ("rain", 2), ("sun", 1), ("sun", 3), ("rain", 4)] {
        let fake = Fake::of(&[("a[[],{}]", json!({ "sky": sky, "more": more }))]);
        let filled = filled(&library, &content("t", Fallback::Keep), &fake.scope()).await;
        assert_eq!(text(&filled), sky);
        let read: Vec<String> = filled.ledger.varies_by().map(ToString::to_string).collect();
        assert_eq!(read, ["sources.a(…)", "sources.a[[],{}].sky"]);
        let Outcome::Show { how, .. } = filled.outcome else { panic!() };
        hows.push(how);
    }
    assert_eq!(hows, [How::Rendered, How::Hit, How::Rendered, How::Hit, How::Hit]);
}

#[tokio::test]
async fn audiences_wait_for_sources_too() {
    let template = "{{ 'umbrella' if audiences.rainy else 'shades' }}";
    for (sky, shows) in [("rain", "umbrella"), ("sun", "shades")] {
        let fake = Fake::of(&[("a[[],{}]", json!({ "sky": sky }))]);
        let library = library(template);
        let audiences = BTreeMap::from([("rainy".into(), Audience::When(Condition::new("rainy", "")))]);
        let facts = AudienceFacts::new(library.language().clone(), Arc::new(audiences), fake.scope(), None);
        let scope = fake.scope().with("audiences", facts);
        let filled = filled(&library, &content("t", Fallback::Keep), &scope).await;
        assert_eq!(text(&filled), shows);
        assert_eq!(fake.rounds().len(), 1);
    }
}
