//! What the tests of functions share: sources compiled, calls made, a world to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use inlay::content::function::{Allowance, Engine, Errand, FunctionError, Functions, Ran, Source, compile};
use inlay::scope::language::Formatting;
use inlay::scope::language::messages::{MessageFile, Messages};
use inlay::scope::now::Now;
use inlay::scope::values::{Random, Tree};
use inlay::scope::{Answer, Facts, Key, Question, Scope, Seen};
use serde_json::{Value as Json, json};

/// One function, `f`, and what it may import.
pub fn functions(files: &[(&str, &str)]) -> Functions {
    speaking(files, &[])
}

/// The same, with messages by language.
pub fn speaking(files: &[(&str, &str)], messages: &[(&str, &str)]) -> Functions {
    let sources: Vec<Source<'_>> = files.iter().map(|(path, text)| Source { path, text }).collect();
    let messages: Vec<_> = messages.iter().map(|(language, text)| MessageFile { language, text }).collect();
    let (messages, faults) = Messages::read(&messages);
    assert!(faults.is_empty(), "{faults:#?}");
    compile(&sources, Arc::new(Formatting::new(&Arc::new(messages)))).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// What everybody knows about the visitor of most tests.
pub fn world() -> Scope {
    let request = json!({
        "method": "GET", "host": "shop.example", "path": "/caf\u{e9}",
        "cookies": { "tier": "gold", "cart": "3", "__proto__": "odd", "then": "later", "toJSON": "x" },
        "query": { "q": "a&b" },
    });
    let profile = json!({
        "name": "Ann <b>", "age": 42, "big": 9007199254740993_i64, "ratio": 0.5, "none": null, "gold": true,
        "tags": ["a", "b", "c"], "orders": [{ "sku": "A1", "price": 3.5 }, { "sku": "B2", "price": 7 }], "empty": [],
        "deep": { "er": { "est": "here" } },
    });
    let at = "2026-12-24T18:20:30.5+01:00[Europe/Brussels]".parse().unwrap();
    Scope::new()
        .with("request", Arc::new(Tree::of_visitor(request)))
        .with("profile", Arc::new(Tree::of_visitor(profile)))
        .with("csp", Arc::new(Tree::shared(json!({ "nonce": "abc" }))))
        .with("now", Arc::new(Now::new(at)))
        .with("random", Arc::new(Random::fixed(0.25)))
}

/// Calls the function that this source is, in a scope.
pub async fn call_in(source: &str, scope: Scope) -> Ran {
    call_with(source, scope, Allowance::default()).await
}

/// The same with an allowance.
pub async fn call_with(source: &str, scope: Scope, allowance: Allowance) -> Ran {
    let functions = Arc::new(functions(&[("functions/f.js", source)]));
    let with = json!({ "sku": "A1", "list": [1, 2] }).to_string().into();
    Engine::new(1).run(Errand { functions, function: "f".into(), with, scope, allowance }).await
}

/// What a function shows, or why it failed.
pub async fn shown(source: &str) -> String {
    told(call_in(source, world()).await.result.map(|output| output.html))
}

/// What the body of a function with `input` returns.
pub async fn body(body: &str) -> String {
    shown(&format!("export default async function (input) {{ {body} }}")).await
}

pub fn told(result: Result<Option<String>, FunctionError>) -> String {
    match result {
        Ok(Some(html)) => html,
        Ok(None) => "(nothing)".to_owned(),
        Err(error) => format!("{}: {error}", error.word()),
    }
}

/// Sources that answer when they are told to, and note in which order they were asked, and how often at once.
#[derive(Clone, Debug, Default)]
pub struct Fake(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    known: BTreeMap<String, Json>,
    pub rounds: Vec<Vec<String>>,
}

impl Fake {
    pub fn rounds(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap().rounds.clone()
    }

    pub fn scope(&self) -> Scope {
        world().with("sources", Arc::new(self.clone()))
    }
}

impl Facts for Fake {
    fn get(&self, path: &[Key]) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::map() };
        self.0
            .lock()
            .unwrap()
            .known
            .get(&**call)
            .map_or_else(Answer::absent, |json| Tree::shared(json.clone()).get(below))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let Some((call, below)) = path.split_first() else { return Answer::absent() };
        self.0
            .lock()
            .unwrap()
            .known
            .get(&**call)
            .map_or_else(Answer::absent, |json| Tree::shared(json.clone()).keys(below))
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let name = path.last()?;
        if **name == *"unknown" {
            return None;
        }
        let call = format!("{name}{arguments}");
        Some(match self.0.lock().unwrap().known.get(&call) {
            Some(Json::Null) => Err("it did not answer".to_owned()),
            Some(json) => Ok(Tree::shared(json.clone()).get(&[])),
            None => {
                let path = [Key::from("sources")].into_iter().chain(path.iter().cloned()).collect();
                Ok(Answer::fixed(Seen::Awaited(Arc::new([Question::Call(path, arguments.into())]))))
            }
        })
    }

    /// `slow…` takes longer than all others; `broken…` fails; the rest answers with its arguments and its name.
    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let (this, missing) = (self.clone(), missing.to_vec());
        let bring = async move {
            let mut round = Vec::new();
            for question in missing {
                let Question::Call(path, arguments) = &question else { continue };
                let name = path.last().unwrap();
                if name.starts_with("slow") {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                let given: Json = serde_json::from_str(arguments).unwrap();
                let said = if name.starts_with("broken") {
                    Json::Null
                } else {
                    json!({ "name": **name, "left": 3, "given": given[1] })
                };
                this.0.lock().unwrap().known.insert(format!("{name}{arguments}"), said);
                round.push(name.to_string());
            }
            this.0.lock().unwrap().rounds.push(round);
        };
        Some(bring.boxed())
    }
}
