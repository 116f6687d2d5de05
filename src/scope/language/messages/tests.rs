//! What messages say, by language, and that nothing that anybody writes can hang them or bring them down.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scope::Scope;
use crate::scope::language::{Formatted, Formatting};
use crate::scope::ledger::Reader;
use crate::scope::values::Tree;

const NL: &str = "
shop = Winkel
hello = Dag { $name }
count = { $n ->
    [0] niets
    [one] één
   *[other] { $n }
}
";
const PL: &str =
    "count = { $n ->\n    [one] jeden\n    [few] { $n } pliki\n    [many] { $n } plików\n   *[other] { $n } pliku\n}\n";
const EN: &str = "
-brand = { $case ->
   *[plain] Clay
    [owned] Clay's
}
shop = { -brand(case: \"owned\") } shop
kind = { $kind ->
    [gold] Golden { $name }
   *[other] { $name }
}
rate = { NUMBER($n, style: \"percent\", maximumFractionDigits: 1) } off
sum = { NUMBER($n, currency: \"JPY\") }
two = { NUMBER($n, minimumFractionDigits: 2) }
one-or-more = { NUMBER($n, minimumFractionDigits: 1) ->
    [one] one
   *[other] more
}
day = { DATETIME($at) }, { DATETIME($at, style: \"%H\") }
quoted = { \"{\" }{ \"\\u00e9\" }{ $name }
lines =
    first
      second
named = { hello.title }
hello = Hello
    .title = Mr { $name }
";

fn formatting(files: &[(&str, &str)]) -> Formatting {
    let files: Vec<_> = files.iter().map(|(language, text)| MessageFile { language, text }).collect();
    let (messages, faults) = Messages::read(&files);
    let errors: Vec<_> = faults.iter().filter(|fault| !fault.warning).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Formatting::new(&Arc::new(messages))
}

fn said(formatting: &Formatting, language: &str, key: &str, given: serde_json::Value) -> Result<String, String> {
    let scope = Scope::new()
        .with("request", Arc::new(Tree::of_visitor(json!({ "language": language }))))
        .with("site", Arc::new(Tree::shared(json!({ "languages": ["en"] }))));
    match formatting.translation(&json!([[key], given]).to_string(), &Reader::new(scope))? {
        Formatted::Nothing => Ok("(nothing)".to_owned()),
        Formatted::Html(html) => panic!("{html}"),
        Formatted::Plain(json) => Ok(json.as_str().expect("text").replace(['\u{a0}', '\u{202f}'], " ")),
    }
}

#[test]
fn everything_is_said_by_the_language() {
    let formatting = formatting(&[("nl", NL), ("nl-BE", "hello = Dag zulle { $name }\n"), ("pl", PL), ("en", EN)]);
    let table = [
        ("nl", "count", json!({ "n": 0 }), "niets"),
        ("nl", "count", json!({ "n": 1 }), "één"),
        ("nl", "count", json!({ "n": "1" }), "één"),
        ("nl", "count", json!({ "n": 1200 }), "1.200"),
        ("nl", "count", json!({ "n": 9_007_199_254_740_993_i64 }), "9.007.199.254.740.993"),
        ("nl", "count", json!({ "n": "many" }), "many"),
        ("pl", "count", json!({ "n": 3 }), "3 pliki"),
        ("pl", "count", json!({ "n": 5 }), "5 plików"),
        ("pl", "count", json!({ "n": 1.5 }), "1,5 pliku"),
        ("nl-BE", "hello", json!({ "name": "An" }), "Dag zulle An"),
        ("nl-BE", "shop", json!({}), "Winkel"),
        ("nl-NL", "hello", json!({ "name": "An" }), "Dag An"),
        // What Polish lacks the site says in its own language.
        ("pl", "shop", json!({}), "Clay's shop"),
        ("en", "kind", json!({ "kind": "gold", "name": "Ann" }), "Golden Ann"),
        ("en", "kind", json!({ "kind": "iron", "name": "Ann" }), "Ann"),
        ("en", "rate", json!({ "n": 0.125 }), "12.5% off"),
        ("en", "rate", json!({ "n": "0.2" }), "20% off"),
        ("en", "sum", json!({ "n": 980 }), "¥980"),
        ("en", "two", json!({ "n": 3 }), "3.00"),
        ("en", "two", json!({ "n": 2.71659 }), "2.717"),
        // 1.0 is seen as more than one thing.
        ("en", "one-or-more", json!({ "n": 1 }), "more"),
        ("en", "day", json!({ "at": "2026-12-24T18:00:00Z" }), "Dec 24, 2026, 18"),
        ("en", "quoted", json!({ "name": "<b>{ $n }" }), "{é<b>{ $n }"),
        ("en", "lines", json!({}), "first\n  second"),
        ("en", "named", json!({ "name": "Bo" }), "Mr Bo"),
        ("en", "none", json!({}), "(nothing)"),
        ("en", "-brand", json!({}), "(nothing)"),
    ];
    for (language, key, given, expected) in table {
        assert_eq!(
            said(&formatting, language, key, given.clone()).as_deref(),
            Ok(expected),
            "{language} {key} {given}"
        );
    }
}

#[test]
fn what_cannot_be_said_is_told_in_words() {
    let formatting = formatting(&[("en", EN)]);
    for (key, given, expected) in [
        ("rate", json!({}), "needs `n`"),
        ("rate", json!({ "n": "many" }), "`many` is no number"),
        ("day", json!({ "at": "soon" }), "`soon` is no date"),
        ("kind", json!({ "kind": [], "name": "" }), "`kind` is a list or a map"),
    ] {
        let why = said(&formatting, "en", key, given).expect_err(key);
        assert!(why.contains(expected) && why.contains(key), "{why}");
    }
}

#[test]
fn what_grows_without_end_is_cut_off() {
    let mut laughs = "m0 = ha ha ha ha ha ha ha ha\n".to_owned();
    for level in 1..12 {
        laughs += &format!("m{level} = {}\n", format!("{{ m{} }}", level - 1).repeat(10));
    }
    let formatting = formatting(&[("en", &laughs)]);
    assert!(said(&formatting, "en", "m2", json!({})).is_ok());
    assert!(said(&formatting, "en", "m11", json!({})).expect_err("a flood").contains("too many parts"));
    let deep: String = (1..5_000).map(|level| format!("m{level} = {{ m{} }}\n", level - 1)).collect();
    let braces = format!("m = {}$n{}\n", "{".repeat(100_000), "}".repeat(100_000));
    for (text, expected) in [
        (format!("m0 = x\n{deep}"), "leads through more than"),
        (braces, "braces stand more than"),
        ("a = { b }\nb = { c }\nc = { a }\n".to_owned(), "leads to itself"),
        ("a =\n    .b = { a.b }\n".to_owned(), "leads to itself"),
    ] {
        let (_, faults) = Messages::read(&[MessageFile { language: "en", text: &text }]);
        assert!(faults.iter().any(|fault| fault.what.contains(expected)), "{expected}: {:?}", faults.first());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_and_no_value_brings_it_down(
        text in "([a-z]( = |=)?|-?[a-c] = |\n {0,5}|\\{ ?|\\}|\\$[a-c]|NUMBER\\(|\\)|\\[one\\]|\\*\\[other\\]|->|\"|\\\\u|[^a]){0,40}",
        number in any::<f64>(),
        words in ".{0,10}",
    ) {
        let (messages, faults) = Messages::read(&[MessageFile { language: "en", text: &text }]);
        for fault in faults {
            prop_assert!(text.get(fault.at.clone()).is_some(), "{fault:?}");
        }
        let keys: Vec<String> = messages.keys().into_iter().map(str::to_owned).collect();
        let formatting = Formatting::new(&Arc::new(messages));
        for key in keys {
            let _ = said(&formatting, "en", &key, json!({ "a": number, "b": words, "c": 3 }));
        }
    }

    #[test]
    fn no_number_brings_it_down(number in any::<f64>(), whole in any::<i64>(), huge in any::<u64>()) {
        static BOTH: LazyLock<Formatting> = LazyLock::new(|| formatting(&[("en", EN), ("nl", NL)]));
        for given in [json!(number), json!(whole), json!(huge), json!(format!("{number:e}"))] {
            for (key, name) in [("rate", "n"), ("sum", "n"), ("two", "n"), ("one-or-more", "n"), ("day", "at"), ("count", "n")] {
                let _ = said(&BOTH, "nl", key, json!({ name: given }));
            }
        }
    }
}
