//! Promise 1, for pages and rules that nobody thought of: outside its slots a page leaves as it came, bit for bit, at any
//! chunking.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::BodyExt;
use inlay::exchange::trace::{Recorded, SlotTrace, TraceSink};
use inlay::http::{Body, BodyError};
use inlay::page::Outcome;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::house::{Front, typed};

/// Scraps of which pages are made: whole elements, halves of them, and what looks like them.
const SCRAPS: &[&[u8]] = &[
    b"<!doctype html>",
    b"<head><title>T &amp; U</title>",
    b"</head><body class='a b'>",
    b"<div>",
    b"<div class=\"a\" id=one>",
    b"</div>",
    b"<p>",
    b"</p>",
    b"<p class=a",
    b">",
    b"<ul><li>one<li class=a>two</ul>",
    b"<table><tr><td>x<td class=a>y</table>",
    b"<img src=a.png class=a>",
    b"<br/><input value=>",
    b"<a href='x\"y' class = \"a  b\">link</a>",
    b"<script>if (a < b) { '<p>' }</script>",
    b"<style>p > a { }</style>",
    b"<textarea></p></textarea>",
    b"<!-- <p class=a> -->",
    b"<svg><path d=M0/><p>out</svg>",
    b"<template><p>in</p></template>",
    b"<b><i>cross</b></i>",
    b"text & more &lt; \xC3\xA9 \xFF\xFE",
    b"</body></html>",
    b"<",
    b"</",
    b"<![CDATA[ <p> ]]>",
    b"\0\r\n\t",
];

const SELECTORS: &[&str] = &[
    "p", "div", ".a", "#one", "li", "body", "title", "script", "*", "p.a, td", "div p", "img", "svg path", "textarea",
];

/// What is laid in, and where: a part of each fails or is blank, so that the origin's content stays.
const INJECTIONS: &[&str] = &[
    "place: before, html: '<u>1</u>'",
    "place: prepend, html: '<u>2</u>'",
    "place: append, text: '3 < 4'",
    "place: after, template: '{{ request.path }}'",
    "place: inner, html: '<u>5</u>'",
    "place: replace, html: '<u>6</u>'",
    "place: remove",
    "place: replace, template: '{{ request.query.none }}'",
    "place: inner, html: ' '",
    "place: inner, html: ' ', fallback: empty",
    "place: replace, template: '{{ element.tag }}'",
    "attribute: class, template: 'c{{ 1 }}'",
    "attribute: title, text: 'say \"x\"'",
    "attribute: src, template: '{{ request.query.none }}'",
    "class: { add: [new], remove: [a] }",
    "which: first, place: before, html: '<u>9</u>'",
];

#[derive(Clone, Debug)]
struct Case {
    html: Vec<u8>,
    /// Indices into `SELECTORS` and `INJECTIONS`.
    injections: Vec<(usize, usize)>,
    chunk: usize,
}

impl Case {
    fn rules(&self) -> String {
        let injection = |(select, what): &(usize, usize)| {
            format!("      - {{ select: \"{}\", {} }}\n", SELECTORS[*select], INJECTIONS[*what])
        };
        let injections: String = self.injections.iter().map(injection).collect();
        format!("rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n{injections}")
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let scraps = prop::collection::vec(0..SCRAPS.len(), 0..24);
    let html = scraps.prop_map(|scraps| scraps.into_iter().flat_map(|scrap| SCRAPS[scrap].to_vec()).collect());
    let injections = prop::collection::vec((0..SELECTORS.len(), 0..INJECTIONS.len()), 1..6);
    (html, injections, 1..64usize).prop_map(|(html, injections, chunk)| Case { html, injections, chunk })
}

/// A page in pieces of `chunk` bytes; 0 for one piece.
fn in_chunks(html: &[u8], chunk: usize) -> Body {
    let size = if chunk == 0 { html.len().max(1) } else { chunk };
    let pieces: Vec<_> = html.chunks(size).map(|piece| Ok::<_, BodyError>(Bytes::copy_from_slice(piece))).collect();
    Body::stream(stream::iter(pieces))
}

/// The page that leaves, and what the exchange tells of it.
async fn exchange(front: &Front) -> (Bytes, Recorded) {
    let sink = TraceSink::default();
    let mut request = Request::get("http://shop.example/page").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(sink.clone());
    let response = front.app.exchange().handle(request).await;
    let served = response.into_body().collect().await.expect("a whole body").to_bytes();
    (served, sink.take())
}

/// What is left of `page` when the ranges are cut out; they must ascend.
fn outside<'s>(page: &[u8], ranges: impl Iterator<Item = &'s Range<u64>>) -> Result<Vec<u8>, TestCaseError> {
    let (mut rest, mut at) = (Vec::new(), 0);
    for range in ranges {
        let (start, end) = (range.start as usize, range.end as usize);
        prop_assert!(at <= start && start <= end && end <= page.len(), "{range:?} after {at} of {}", page.len());
        rest.extend_from_slice(&page[at..start]);
        at = end;
    }
    rest.extend_from_slice(&page[at..]);
    Ok(rest)
}

fn prove(case: &Case, served: &[u8], slots: &[SlotTrace]) -> Result<(), TestCaseError> {
    let before = outside(&case.html, slots.iter().map(|slot| &slot.source))?;
    let after = outside(served, slots.iter().map(|slot| &slot.output))?;
    prop_assert_eq!(before.escape_ascii().to_string(), after.escape_ascii().to_string());
    for slot in slots.iter().filter(|slot| slot.outcome != Outcome::Shown) {
        prop_assert!(slot.source.is_empty() && slot.output.is_empty(), "{slot:?} changed something");
    }
    Ok(())
}

#[test]
fn outside_its_slots_a_page_is_the_origins() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sent = Arc::new(Mutex::new((Vec::new(), 0)));
    let origin_sent = sent.clone();
    let front = runtime.block_on(Front::new("rules: {}\n", move |_| {
        let (html, chunk) = origin_sent.lock().expect("no panic").clone();
        typed("text/html; charset=utf-8", in_chunks(&html, chunk))
    }));
    let (mut shown, mut kept) = (0, 0);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let proved = runner.run(&cases(), |case| {
        front.write("rules/site.yaml", &case.rules());
        runtime.block_on(async {
            front.app.reload();
            let mut pages = Vec::new();
            for chunk in [0, case.chunk, 1] {
                *sent.lock().expect("no panic") = (case.html.clone(), chunk);
                let (served, recorded) = exchange(&front).await;
                let slots = match recorded {
                    Recorded::Whole { origin, slots } => {
                        prop_assert_eq!(&origin[..], &case.html[..], "what came in");
                        slots
                    }
                    other => {
                        prop_assert!(case.html.is_empty(), "{:?}", other);
                        Vec::new()
                    }
                };
                prove(&case, &served, &slots)?;
                pages.push((served, slots.len()));
            }
            prop_assert!(pages.iter().all(|page| *page == pages[0]), "the chunks change the page: {pages:?}");
            Ok(())
        })
    });
    proved.unwrap_or_else(|error| panic!("{error}"));
    for outcome in ["shown", "kept", "unclosed"] {
        let labels = format!("inlay_slots_total{{rule=\"r\",outcome=\"{outcome}\"}}");
        let count = runtime.block_on(front.metric(&labels));
        shown += usize::from(outcome == "shown" && count > 300.0);
        kept += usize::from(outcome != "shown" && count > 30.0);
    }
    assert_eq!((shown, kept), (1, 2), "the cases should meet slots of every kind");
}
