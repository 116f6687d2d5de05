//! What is read from pages: a corpus of pages with their rules and what they tell, at any chunking, streamed, compiled and kept.
//!
//! A case is a folder below `tests/corpus/extraction`: `page.html`, `rules.yaml` with `collect`, and `expected.json` with what each
//! definition reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use inlay::clock::Clock;
use inlay::config::compile::Surroundings;
use inlay::config::variables::Environment;
use inlay::config::{self};
use inlay::limits::{EXTRACT_JSON_BYTES, EXTRACT_READINGS, EXTRACT_VALUE_BYTES};
use inlay::page::{Charset, Compiling, Extracted, Extraction, Extractions, Lookup, Markers, PageReader, ValueKind};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn cases() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/extraction");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(corpus).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "the corpus has cases");
    cases
}

/// The definitions of a case, by name, and what looks for them.
fn definitions(case: &Path) -> (Vec<String>, Arc<Markers>) {
    let environment = Environment::Process;
    let around = Surroundings { deployment: None, environment: &environment, now: Clock::system().now() };
    let (rules, _) =
        config::rules(&[case.to_owned()], around).unwrap_or_else(|problems| panic!("{case:?}: {problems:?}"));
    let names = rules.collects.list.iter().map(|collecting| collecting.name.to_string()).collect();
    (names, looking(rules.collects.list.iter().map(|collecting| collecting.extraction.clone()).collect()))
}

fn looking(extractions: Vec<Extraction>) -> Arc<Markers> {
    Arc::new(Markers::default().reading(Arc::new(Extractions::compile(extractions).expect("extractions"))))
}

fn charset(page: &[u8]) -> Charset {
    Charset::settle(None, page, true).expect("a charset")
}

fn read(markers: &Arc<Markers>, page: &[u8], chunks: impl Fn(usize) -> usize) -> Arc<Extracted> {
    let mut reader = PageReader::new(markers.clone(), charset(page));
    let mut rest = Bytes::copy_from_slice(page);
    let mut number = 0;
    while !rest.is_empty() {
        reader.write(rest.split_to(chunks(number).clamp(1, rest.len())));
        number += 1;
    }
    reader.end().expect("a page that can be read")
}

fn told(names: &[String], extracted: &Extracted) -> Json {
    let readings = |readings: &Vec<inlay::page::Reading>| {
        readings.iter().map(|it| json!({ "key": it.key.as_deref(), "values": &*it.values })).collect::<Json>()
    };
    let mut told: BTreeMap<&str, Json> =
        names.iter().map(String::as_str).zip(extracted.readings.iter().map(readings)).collect();
    if extracted.troubles.malformed > 0 {
        told.insert("malformed", extracted.troubles.malformed.into());
    }
    json!(told)
}

#[test]
fn pages_tell_what_is_expected_of_them() {
    for case in cases() {
        let page = std::fs::read(case.join("page.html")).expect("a page");
        let expected = std::fs::read(case.join("expected.json")).expect("an expectation");
        let expected: Json = serde_json::from_slice(&expected).expect("JSON");
        let (names, markers) = definitions(&case);
        let whole = read(&markers, &page, |_| usize::MAX);
        assert_eq!(told(&names, &whole), expected, "{case:?}");
        for size in [1, 2, 3, 7, 64, 1021] {
            assert_eq!(read(&markers, &page, |_| size), whole, "{case:?} in chunks of {size}");
        }
        let mut compiling = Compiling::new(markers, charset(&page), None);
        let bytes: usize = page.chunks(97).map(|chunk| compiling.write(Bytes::copy_from_slice(chunk)).len()).sum();
        let (last, kept) = compiling.end();
        assert_eq!(bytes + last.len(), page.len(), "not a byte is lost");
        let kept = kept.expect("a page that is kept");
        assert_eq!(kept.extracted(), Some(&whole), "{case:?} compiled");
        assert_eq!(kept.whole(), &page, "{case:?} compiled");
    }
}

fn lookup(name: &str, select: Option<&str>, attribute: Option<&str>) -> Lookup {
    let kind = ValueKind::Text;
    Lookup { name: name.into(), select: select.map(Into::into), attribute: attribute.map(Into::into), kind }
}

#[test]
fn hostile_pages_cost_values_and_nothing_else() {
    let each = Extraction::Each {
        each: "i".into(),
        key: lookup("key", None, Some("k")),
        lookups: vec![lookup("text", Some("b"), None), lookup("own", None, None)],
    };
    let markers = looking(vec![Extraction::Auto, each, Extraction::Page(vec![lookup("p", Some("p"), None)])]);
    let many: String = (0..3 * EXTRACT_READINGS).map(|n| format!("<i k={n}><b>{n}</b></i>")).collect();
    let found = read(&markers, many.as_bytes(), |_| 1000);
    assert_eq!(found.readings[1].len(), EXTRACT_READINGS);
    assert!(found.troubles.beyond > 0);
    let nested = "<i k=1><b><p itemscope>".repeat(5000);
    let found = read(&markers, nested.as_bytes(), |_| 4096);
    assert!(found.readings[1].len() <= EXTRACT_READINGS);
    let long = format!("<p>{}</p>", "word ".repeat(100_000));
    let value = read(&markers, long.as_bytes(), |_| 4096).readings[2][0].values["p"].as_str().map(str::len);
    assert!(value.is_some_and(|length| length <= EXTRACT_VALUE_BYTES));
    let huge = format!("<script type=application/ld+json>\"{}\"</script>", "x".repeat(EXTRACT_JSON_BYTES));
    assert_eq!(read(&markers, huge.as_bytes(), |_| 4096).troubles.beyond, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Soup of the corpus' own pages: cut anywhere, joined anywhere, in any chunks.
    #[test]
    fn soup_tells_the_same_at_any_chunking(
        parts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..400), 1..8),
        sizes in proptest::collection::vec(1_usize..200, 1..8),
    ) {
        let cases = cases();
        let pages: Vec<Vec<u8>> = cases.iter().map(|case| std::fs::read(case.join("page.html")).expect("a page")).collect();
        let mut soup = Vec::new();
        for (page, at, length) in parts {
            let page = page.get(&pages);
            let at = at.index(page.len());
            soup.extend_from_slice(&page[at..(at + length).min(page.len())]);
        }
        let (_, listing) = definitions(&cases.iter().find(|case| case.ends_with("listing")).expect("it").clone());
        let mut all = listing.extractions().list().to_vec();
        let (_, selectors) = definitions(&cases.iter().find(|case| case.ends_with("selectors")).expect("it").clone());
        all.extend(selectors.extractions().list().iter().cloned().chain([Extraction::Auto]));
        let markers = looking(all);
        let whole = read(&markers, &soup, |_| usize::MAX);
        prop_assert_eq!(read(&markers, &soup, |number| sizes[number % sizes.len()]), whole);
    }
}
