//! Templates and conditions: any source compiles or is refused; what compiles renders within bounds, or fails with a reason;
//! and what was read says it all: the same world gives the same text and the same reads again.
#![no_main]

use std::sync::Arc;

use inlay::limits;
use inlay::scope::Scope;
use inlay::scope::language::{AttributeKind, Escape, LanguageBuilder, Piece, Unit};
use inlay::scope::ledger::Reader;
use inlay::scope::values::Tree;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|source: &str| {
    let mut builder = LanguageBuilder::new();
    builder.template("t", source).printed_in_lines(Unit::Template("t".into()));
    if let Ok((language, _)) = builder.build() {
        for escape in [Escape::Html, Escape::Attribute(AttributeKind::Plain), Escape::RawText, Escape::EscapableText] {
            let render = || {
                let reader = Reader::new(scope());
                let rendered = language.render("t", &reader, escape);
                (rendered.map(|rendered| text(&rendered.pieces)), format!("{:?}", reader.ledger().reads()))
            };
            let ((first, read), (second, read_again)) = (render(), render());
            assert_eq!(read, read_again, "the same world was read in another way");
            match (first, second) {
                (Ok(first), Ok(second)) => assert!(first == second, "not the same text twice"),
                (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
                _ => panic!("once it fails, once it doesn't"),
            }
        }
        for escape in [Escape::Url, Escape::Field] {
            let line = language.line("t", &Reader::new(scope()), escape);
            assert!(line.is_ok() || line.is_err_and(|error| !error.to_string().is_empty()));
        }
    }
    let mut builder = LanguageBuilder::new();
    builder.condition("c", source);
    if let Ok((language, _)) = builder.build() {
        let holds = || language.holds("c", &Reader::new(scope())).ok();
        assert_eq!(holds(), holds(), "a condition that changes by itself");
    }
});

fn scope() -> Scope {
    let site = json!({ "name": "Shop", "data": { "n": 3, "text": "abc", "list": [1, "b", [2.5]], "map": { "a": 1 },
        "nothing": null, "yes": true, "markup": "<b a=\"x\" b='y'>&</b>", "script": "</script>" } });
    Scope::new()
        .with("site", Arc::new(Tree::shared(site)))
        .with("profile", Arc::new(Tree::of_visitor(json!({ "name": "Ann", "age": 17 }))))
        .with("csp", Arc::new(Tree::shared(json!({ "nonce": "r4nd0m" }))))
}

fn text(pieces: &[Piece]) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => all.extend_from_slice(text),
            Piece::Nonce => all.extend_from_slice(b"\0"),
        }
    }
    // An attribute's quotes are escaped after the bound.
    assert!(all.len() <= 8 * limits::TEMPLATE_OUTPUT_BYTES, "{} bytes were printed", all.len());
    assert!(std::str::from_utf8(&all).is_ok(), "not UTF-8");
    all
}
