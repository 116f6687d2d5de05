//! What holds for every page, tried on generated ones: nothing outside the slots changes, at any chunking and whenever fills
//! come; bounds hold and cost no byte; nothing waits that need not.

mod page;
#[path = "page/soup.rs"]
mod soup;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use inlay::limits;
use inlay::page::{Assembler, Charset, Fill, Marker, Markers, Outcome, Place, Settled, Slot, Target, Which};
use page::{Arrival, Filler, run, show};
use proptest::prelude::*;
use soup::{PLACES, SELECTORS, fill, markers, soup};

const UTF8: Charset = Charset::Known(encoding_rs::UTF_8);

fn marker(select: &str, place: Place) -> Marker {
    Marker { select: select.into(), each: None, which: Which::All, target: Target::Place(place), wants_element: false }
}

fn compile(markers: Vec<Marker>) -> Arc<Markers> {
    Arc::new(Markers::compile(markers).unwrap())
}

fn shown(settled: &[Settled]) -> Vec<&Settled> {
    settled.iter().filter(|settled| settled.outcome == Outcome::Shown).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// `run` proves each time that nothing outside the slots changed.
    #[test]
    fn the_page_is_the_same_at_any_chunking_and_whenever_fills_come(
        soup in soup(), markers in markers(), chunk in 1..40usize, seed in 0..5usize, late in 0..4u32,
        charset in prop::sample::select(vec![UTF8, Charset::Unknown, Charset::Known(encoding_rs::WINDOWS_1252)]),
    ) {
        let markers = compile(markers);
        let whole = run(&markers, charset, soup.as_bytes(), soup.len().max(1), |_| Arrival::Now, fill(seed));
        let mixed = move |slot: &Slot| if slot.number.is_multiple_of(2) { Arrival::Now } else { Arrival::Later(late) };
        let parts = run(&markers, charset, soup.as_bytes(), chunk, mixed, fill(seed));
        prop_assert_eq!(whole.output.escape_ascii().to_string(), parts.output.escape_ascii().to_string());
        prop_assert_eq!(shown(&whole.settled), shown(&parts.settled));
    }

    #[test]
    fn nothing_to_show_changes_nothing(soup in soup(), markers in markers(), chunk in 1..40usize, late in 0..3u32) {
        let markers = compile(markers);
        let ran = run(&markers, UTF8, soup.as_bytes(), chunk, move |_| Arrival::Later(late), |_| Fill::Keep);
        prop_assert_eq!(ran.output, soup.as_bytes());
        prop_assert!(ran.settled.iter().all(|settled| settled.outcome != Outcome::Shown));
    }

    /// On pages without errors, lol_html's own mutations are a second opinion.
    #[test]
    fn well_formed_pages_come_out_as_by_the_rewriter_itself(
        page in tree(), place in prop::sample::select(&PLACES[..]), select in prop::sample::select(SELECTORS), chunk in 1..40usize,
    ) {
        let markers = compile(vec![marker(select, place)]);
        let ours = run(&markers, UTF8, page.as_bytes(), chunk, |_| Arrival::Now, |_| show("[x]"));
        prop_assert_eq!(String::from_utf8(ours.output).unwrap(), second_opinion(&page, select, place));
    }
}

/// A page in which every element has its end tag.
fn tree() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(&["text", "&amp;", "<img src=a>", "<br>", "<!-- c -->", "<p class=a></p>"][..])
        .prop_map(str::to_owned);
    let tag = prop::sample::select(&["div", "b", "i", "ul", "li", "p class=a", "div id=x class='q'"][..]);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        (tag.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(tag, inside)| {
            let name = tag.split(' ').next().unwrap_or(tag);
            format!("<{tag}>{}</{name}>", inside.concat())
        })
    })
}

fn second_opinion(page: &str, select: &str, place: Place) -> String {
    use lol_html::html_content::{ContentType::Html, Element};
    let apply = |element: &mut Element<'_, '_>| match place {
        Place::Before => element.before("[x]", Html),
        Place::Prepend => element.prepend("[x]", Html),
        Place::Append => element.append("[x]", Html),
        Place::After => element.after("[x]", Html),
        Place::Inner => element.set_inner_content("[x]", Html),
        Place::Replace => element.replace("[x]", Html),
        Place::Remove => element.remove(),
    };
    let settings =
        lol_html::RewriteStrSettings::new().append_element_content_handler(lol_html::element!(select, |element| {
            apply(element);
            Ok(())
        }));
    lol_html::rewrite_str(page, settings).unwrap()
}

#[test]
fn a_slot_that_is_too_long_stays_at_any_chunking() {
    for (length, outcome) in
        [(limits::SLOT_HELD_BYTES - 7, Outcome::Shown), (limits::SLOT_HELD_BYTES, Outcome::Unclosed)]
    {
        let page = format!("<p>a</p><div>{}</div><p>b</p>", "x".repeat(length - 4));
        let markers = compile(vec![marker("div", Place::Replace), marker("p", Place::Inner)]);
        for chunk in [4096, 65536, page.len()] {
            for arrival in [Arrival::Now, Arrival::Later(2)] {
                let ran = run(&markers, UTF8, page.as_bytes(), chunk, move |_| arrival, |_| show("new"));
                assert_eq!(ran.outcomes(0), [outcome], "{length} in chunks of {chunk}");
                assert_eq!(ran.outcomes(1), [Outcome::Shown, Outcome::Shown]);
                assert!(ran.most_ahead <= limits::SLOT_HELD_BYTES + 2 * chunk, "{} ahead", ran.most_ahead);
            }
        }
    }
}

#[test]
fn a_large_page_is_never_held_as_a_whole() {
    let page = "<p class=a>some text that stands in every paragraph <b>of this page</b></p>\n".repeat(110_000);
    assert!(page.len() > 8_000_000);
    let markers = compile(vec![marker("b", Place::Inner), marker("p", Place::Replace), marker("p", Place::Append)]);
    let ran = run(&markers, UTF8, page.as_bytes(), 16_384, |_| Arrival::Later(1), |_| Fill::Keep);
    assert!(ran.output == page.as_bytes());
    assert!(ran.most_ahead <= limits::PAGE_AHEAD_BYTES + 16_384, "{} ahead", ran.most_ahead);
}

#[test]
fn beyond_the_most_slots_the_page_stays() {
    let page = format!("<main>{}", "<i></i>".repeat(limits::SLOTS_PER_PAGE));
    let markers = compile(vec![marker("main", Place::Append), marker("i", Place::Inner)]);
    let ran = run(&markers, UTF8, page.as_bytes(), 50_000, |_| Arrival::Now, |_| show("x"));
    let filled = "<i>x</i>".repeat(limits::SLOTS_PER_PAGE - 1);
    assert_eq!(ran.settled.len(), limits::SLOTS_PER_PAGE);
    assert!(String::from_utf8(ran.output).unwrap() == format!("<main>{filled}<i></i>x"));
}

#[test]
fn when_memory_ends_the_page_goes_on_as_it_is() {
    let huge = format!("<img alt='{}'>", "x".repeat(limits::REWRITER_MEMORY_BYTES));
    let page = format!("<body><p>1</p><div><u>{huge}<p>2</p></u></div>end");
    let markers = compile(vec![
        marker("p, [alt]", Place::Before),
        marker("body", Place::Append),
        marker("div", Place::Replace),
        marker("u", Place::After),
    ]);
    for chunk in [1000, 65536, page.len()] {
        let ran = run(&markers, UTF8, page.as_bytes(), chunk, |_| Arrival::Now, |_| show("x"));
        let chunked = chunk < limits::REWRITER_MEMORY_BYTES;
        assert!(ran.broken.is_some_and(|said| said.contains("memory")), "broken in chunks of {chunk}, {chunked}");
        assert!(ran.output == page.replacen("<p>1", "x<p>1", 1).as_bytes());
        let unclosed = |marker| ran.settled.iter().any(|it| it.marker == marker && it.outcome == Outcome::Unclosed);
        assert!(unclosed(1) && unclosed(2) && unclosed(3));
    }
}

#[test]
fn elements_nested_without_end_are_bounded() {
    let page = "<div><b>".repeat(60_000);
    let mut each = marker("b", Place::Prepend);
    each.each = Some("div".into());
    each.wants_element = true;
    let markers = compile(vec![each, marker("div", Place::After)]);
    let ran = run(&markers, UTF8, page.as_bytes(), 16_384, |_| Arrival::Now, |_| Fill::Keep);
    assert!(ran.output == page.as_bytes());
    assert_eq!(ran.settled.len(), limits::SLOTS_PER_PAGE);
}

/// An assembler with fills by marker; the first marker's never comes.
fn with_one_that_never_comes(markers: Vec<Marker>) -> Assembler<impl inlay::page::Fills> {
    let arrival = |slot: &Slot| {
        if slot.marker == 0 { Arrival::Later(u32::MAX) } else { Arrival::Now }
    };
    let filler =
        Filler { fill: |_: &Slot| show("x"), arrival: Box::new(arrival), opened: Vec::new(), settled: Vec::new() };
    Assembler::new(compile(markers), UTF8, filler)
}

fn drain(assembler: &mut Assembler<impl inlay::page::Fills>) -> (String, Poll<Option<Bytes>>) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = Vec::new();
    loop {
        match assembler.poll_next(&mut cx) {
            Poll::Ready(Some(bytes)) => out.extend_from_slice(&bytes),
            other => return (String::from_utf8(out).unwrap(), other),
        }
    }
}

#[test]
fn first_bytes_wait_for_no_fill_and_no_end() {
    let mut assembler = with_one_that_never_comes(vec![marker("main", Place::Prepend), marker("p", Place::Before)]);
    assembler.write("<html><p>1</p><main>".into());
    assert_eq!(drain(&mut assembler), ("<html>x<p>1</p><main>".into(), Poll::Pending));
    assert!(!assembler.wants_input());
    assembler.write("<p>".into());
    assert_eq!(drain(&mut assembler), (String::new(), Poll::Pending));
    assert_eq!(assembler.queued(), 3);
}

#[test]
fn a_slot_known_to_stay_holds_nothing() {
    let mut assembler = with_one_that_never_comes(vec![marker("ul", Place::Replace), marker("li", Place::Replace)]);
    assembler.write("<ol><li>1".into());
    assert_eq!(drain(&mut assembler), ("<ol>".into(), Poll::Ready(None)), "whether it has an end tag is not known");
    assert!(assembler.wants_input());
    assembler.write("<li>2</ol>3<ul>".into());
    assert_eq!(drain(&mut assembler), ("<li>1<li>2</ol>3".into(), Poll::Pending));
    assembler.end();
    assert_eq!(drain(&mut assembler), ("<ul>".into(), Poll::Ready(None)), "no end tag, so nobody waits for the fill");
    assert!(assembler.is_done());
}

#[test]
fn an_assembler_can_be_moved_between_threads() {
    fn check<T: Send>(_: T) {}
    fn share<T: Send + Sync>(_: T) {}
    check(with_one_that_never_comes(vec![marker("p", Place::After)]));
    share(compile(vec![]));
}
