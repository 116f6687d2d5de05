//! Compiled pages: what is assembled from a page that is kept is what streaming makes of it, for any page, fills, chunks and
//! followers; a nonce is made anew in every place; and what can't be kept says why.

mod page;
#[path = "page/kept.rs"]
mod kept;
#[path = "page/soup.rs"]
mod soup;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use inlay::limits;
use inlay::page::{
    Charset, CompiledPage, Compiling, Fill, Fills, Follower, Marker, Markers, Nonce, NotKept, Outcome, Place, Serving,
    Settled, Slot, Target, Which,
};
use kept::{documentation, filler, kept};
use page::{Arrival, Filler, prove, run, show};
use proptest::prelude::*;
use soup::{fill, markers, soup};

const UTF8: Charset = Charset::Known(encoding_rs::UTF_8);

fn marker(select: &str, target: Target) -> Marker {
    Marker { select: select.into(), each: None, which: Which::All, target, wants_element: false }
}

fn compile(markers: Vec<Marker>) -> Arc<Markers> {
    Arc::new(Markers::compile(markers).unwrap())
}

/// Compiles a page in chunks, while followers stream from it.
fn compile_page<F: Fills>(
    compiling: Compiling,
    page: &[u8],
    chunk: usize,
    followers: &mut [(Follower<F>, Vec<u8>)],
) -> Result<CompiledPage, NotKept> {
    let mut compiling = compiling;
    for chunk in page.chunks(chunk) {
        let batch = compiling.write(Bytes::copy_from_slice(chunk));
        for (follower, out) in &mut *followers {
            follower.follow(&batch);
            take(follower, out);
        }
    }
    let (last, kept) = compiling.end();
    for (follower, out) in followers {
        follower.follow(&last);
        follower.end();
        while !follower.is_done() {
            take(follower, out);
        }
    }
    kept
}

/// A follower with its fills, and what it has let go of.
type Following = (Follower<Filler<fn(&Slot) -> Fill>>, Vec<u8>);

fn nobody() -> &'static mut [Following] {
    &mut []
}

/// What a follower can let go of.
fn take<F: Fills>(follower: &mut Follower<F>, out: &mut Vec<u8>) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(bytes)) = follower.poll_next(&mut cx) {
        out.extend_from_slice(&bytes);
    }
}

/// Serves a page: its bytes and how its slots ended, and whether it left in one.
fn serve(
    page: &Arc<CompiledPage>,
    nonce: Option<Nonce>,
    fill: impl FnMut(&Slot) -> Fill + Send,
    arrival: impl FnMut(&Slot) -> Arrival + Send + 'static,
) -> (Vec<u8>, Vec<Settled>, bool) {
    match page.serve(nonce, filler(fill, arrival)) {
        Serving::Whole(assembled, filler) => {
            let plain = assembled.plain().concat();
            assert_eq!(plain.len(), assembled.len(), "its length is known");
            assert_eq!(filler.settled.len(), filler.opened.len(), "every slot settles once");
            (plain, filler.settled, true)
        }
        Serving::Late(mut follower) => {
            let mut out = Vec::new();
            while !follower.is_done() {
                take(&mut follower, &mut out);
            }
            (out, follower.into_fills().settled, false)
        }
    }
}

/// The fills of `soup`, but those in one piece as content that is kept.
fn fill_kept(seed: usize) -> impl FnMut(&Slot) -> Fill + Send {
    let mut fill = fill(seed);
    move |slot| match fill(slot) {
        Fill::Show(parts) if parts.len() == 1 => {
            Fill::Compressed(Arc::new(inlay::page::Compressed::new(parts[0].clone())))
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_compiled_page_is_assembled_to_what_streaming_makes_of_it(
        soup in soup(), markers in markers(), chunk in 1..40usize, seed in 0..5usize, late in 0..3u32,
        charset in prop::sample::select(vec![UTF8, Charset::Unknown, Charset::Known(encoding_rs::WINDOWS_1252)]),
    ) {
        let markers = compile(markers);
        let streamed = run(&markers, charset, soup.as_bytes(), soup.len().max(1), |_| Arrival::Now, fill(seed));
        let page = kept(&markers, charset, soup.as_bytes(), chunk);
        prop_assert_eq!(page.whole(), soup.as_bytes());

        let (plain, settled, whole) = serve(&page, None, fill(seed), |_| Arrival::Now);
        prop_assert!(whole, "every fill was at hand");
        prop_assert_eq!(plain.escape_ascii().to_string(), streamed.output.escape_ascii().to_string());
        prop_assert_eq!(&settled, &streamed.settled);

        let (plain, settled, _) = serve(&page, None, fill_kept(seed), |_| Arrival::Now);
        prop_assert_eq!(plain.escape_ascii().to_string(), streamed.output.escape_ascii().to_string());
        prop_assert_eq!(&settled, &streamed.settled);

        let mixed = move |slot: &Slot| if slot.number.is_multiple_of(2) { Arrival::Now } else { Arrival::Later(late) };
        let (plain, _, _) = serve(&page, None, fill(seed), mixed);
        prop_assert_eq!(plain.escape_ascii().to_string(), streamed.output.escape_ascii().to_string());
    }

    #[test]
    fn all_who_follow_a_page_in_the_making_get_it_with_their_own_fills(
        soup in soup(), markers in markers(), chunk in 1..40usize, late in 0..3u32,
    ) {
        let markers = compile(markers);
        let follower = |seed: usize| {
            let arrival = move |slot: &Slot| if slot.number % 3 == seed { Arrival::Later(late) } else { Arrival::Now };
            (Follower::new(Arc::clone(&markers), UTF8, None, filler(fill(seed), arrival)), Vec::new())
        };
        let mut followers = [0, 1, 2].map(follower);
        let compiling = Compiling::new(Arc::clone(&markers), UTF8, None);
        compile_page(compiling, soup.as_bytes(), chunk, &mut followers).unwrap();
        for (seed, (follower, out)) in followers.into_iter().enumerate() {
            prove(soup.as_bytes(), &out, &follower.into_fills().settled);
            let alone = run(&markers, UTF8, soup.as_bytes(), 16, |_| Arrival::Now, fill(seed));
            prop_assert_eq!(out.escape_ascii().to_string(), alone.output.escape_ascii().to_string());
        }
    }

    /// Wherever the page carries its nonce in attributes, each response carries its own; and nothing else changes.
    #[test]
    fn a_nonce_is_made_anew_in_every_place(
        parts in prop::collection::vec(prop_oneof![
            Just("<script nonce=\"NONCE\">a</script>".to_owned()), Just("<link href=x nonce=NONCE>".to_owned()),
            Just("<style NONCE nonce = 'NONCE'></style>".replace(" NONCE ", " id=x ")), Just("<p nonce=other>".to_owned()),
            soup::soup().prop_map(|soup| soup.replace("nonce", "")),
        ], 0..8),
        markers in markers(), chunk in 1..40usize, seed in 0..5usize,
    ) {
        let own = Nonce::of("Zm9vYmFyYmF6cXV4").unwrap();
        let fresh = Nonce::of("abcdefgh").unwrap();
        let text = |nonce: &Nonce| parts.concat().replace("NONCE", std::str::from_utf8(nonce.bytes()).unwrap());
        let (page, expected) = (text(&own), text(&fresh));
        let markers = compile(markers);
        let arrival = |_: &Slot| Arrival::Now;
        let mut followers = [(Follower::new(Arc::clone(&markers), UTF8, Some(fresh.clone()), filler(fill(seed), arrival)), Vec::new())];
        let compiling = Compiling::new(Arc::clone(&markers), UTF8, Some(own));
        let compiled = compile_page(compiling, page.as_bytes(), chunk, &mut followers);
        // In a comment or a script it stands in no attribute, and then the page is not kept.
        prop_assume!(compiled.is_ok());
        let compiled = Arc::new(compiled.unwrap());
        let streamed = run(&markers, UTF8, expected.as_bytes(), 16, |_| Arrival::Now, fill(seed));
        let (plain, _, _) = serve(&compiled, Some(fresh.clone()), fill(seed), arrival);
        prop_assert_eq!(plain.escape_ascii().to_string(), streamed.output.escape_ascii().to_string());
        let (late, _, _) = serve(&compiled, Some(fresh), fill(seed), |_| Arrival::Later(0));
        prop_assert_eq!(&late, &plain);
        prop_assert_eq!(&followers[0].1, &plain);
    }
}

#[test]
fn a_nonce_written_with_entities_is_found_and_another_is_left() {
    let own = Nonce::of("a+b/c==").unwrap();
    let page = "<script nonce='a&#43;b/c&#61;='></script><script nonce=x></script>";
    let markers = compile(vec![marker("i", Target::Attribute("nonce".into()))]);
    let compiling = || Compiling::new(Arc::clone(&markers), UTF8, Some(own.clone()));
    let compiled = Arc::new(compile_page(compiling(), page.as_bytes(), 5, nobody()).unwrap());
    assert_eq!(compiled.nonce(), Some(&own));
    let (plain, _, _) = serve(&compiled, Nonce::of("new"), |_| Fill::Keep, |_| Arrival::Now);
    assert_eq!(plain, b"<script nonce='new'></script><script nonce=x></script>");
    // Where a rule sets the attribute itself, the page's own nonce would stay with whoever the rule leaves out.
    let set = compile_page(compiling(), b"<i nonce=a+b/c==>", 5, nobody());
    assert!(matches!(set, Err(NotKept::NonceElsewhere)));
}

#[test]
fn what_can_not_be_kept_says_why_and_streams_all_the_same() {
    let nonce = Nonce::of("bm9uY2U");
    let huge = format!("<img alt='{}'>", "x".repeat(limits::REWRITER_MEMORY_BYTES));
    let large = "<p>text</p>".repeat(limits::COMPILED_PAGE_BYTES / 11 + 1);
    for (page, expected) in [
        ("<script nonce=bm9uY2U>use('bm9uY2U')</script>", "outside of `nonce` attributes"),
        ("<!-- bm9uY2U -->", "outside of `nonce` attributes"),
        (&*huge, "passed on as it is"),
        (&*large, "more than"),
    ] {
        let markers = compile(vec![marker("script", Target::Place(Place::Before))]);
        let compiling = Compiling::new(Arc::clone(&markers), UTF8, nonce.clone());
        let follower = Follower::new(markers, UTF8, None, filler(|_: &Slot| Fill::Keep, |_| Arrival::Now));
        let mut followers = [(follower, Vec::new())];
        let error = compile_page(compiling, page.as_bytes(), 16_384, &mut followers).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(followers[0].1 == page.as_bytes());
    }
}

#[test]
fn a_slot_too_long_to_be_held_stays_in_a_page_that_is_kept_too() {
    for (length, outcome) in
        [(limits::SLOT_HELD_BYTES - 7, Outcome::Shown), (limits::SLOT_HELD_BYTES, Outcome::Unclosed)]
    {
        let page = format!("<p>a</p><div>{}</div><p>b</p>", "x".repeat(length - 4));
        let markers = compile(vec![marker("div", Target::Place(Place::Replace))]);
        let (_, settled, _) =
            serve(&kept(&markers, UTF8, page.as_bytes(), 65_536), None, |_| show("new"), |_| Arrival::Now);
        assert_eq!(settled[0].outcome, outcome, "{length}");
    }
}

#[test]
fn only_what_is_late_and_due_is_waited_for() {
    let markers = compile(vec![marker("p", Target::Place(Place::Inner)), marker("ul", Target::Place(Place::Replace))]);
    let page = kept(&markers, UTF8, b"<p>1</p><p>2</p><ul>3<p>4</p></ul>end", 7);
    // The first paragraph's fill comes late; the list's is there, and covers the last paragraph, which never comes.
    let arrival = |slot: &Slot| match slot.number {
        0 => Arrival::Later(1),
        3 => Arrival::Later(u32::MAX),
        _ => Arrival::Now,
    };
    let Serving::Late(mut follower) = page.serve(None, filler(|_: &Slot| show("x"), arrival)) else {
        panic!("two fills are late");
    };
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(follower.poll_next(&mut cx), Poll::Ready(Some("<p>".into())));
    let mut out = Vec::new();
    take(&mut follower, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "x</p><p>x</p>xend");
    assert!(follower.is_done());
}

#[test]
fn assembling_copies_no_byte_of_the_page() {
    let markers = compile(vec![marker("b", Target::Place(Place::Inner)), marker("i", Target::Place(Place::Inner))]);
    let page = kept(&markers, UTF8, b"<p>one <b>two</b> three <i>four</i> five", 3);
    let fill = |slot: &Slot| if slot.marker == 0 { show("2") } else { Fill::Keep };
    let Serving::Whole(assembled, _) = page.serve(None, filler(fill, |_| Arrival::Now)) else { panic!("all at hand") };
    let parts = assembled.plain();
    let texts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
    // The slot that is not filled does not cut the page.
    assert_eq!(texts, [&b"<p>one <b>"[..], b"2", b"</b> three <i>four</i> five"]);
    assert_eq!(parts[2].as_ptr(), page.whole()[13..].as_ptr());
}

#[test]
fn real_pages_are_assembled_to_what_streaming_makes_of_them() {
    let Some(folder) = documentation() else {
        eprintln!("the toolchain's documentation is not installed: nothing tried");
        return;
    };
    let place = |select: &str, place| marker(select, Target::Place(place));
    let markers = compile(vec![
        place("main", Place::Prepend),
        place("h1", Place::Replace),
        place("a", Place::After),
        place("pre", Place::Inner),
        place("nav", Place::Remove),
        place("body", Place::Append),
        marker("a", Target::Attribute("href".into())),
        marker("[class]", Target::Class { add: vec!["n".into()], remove: vec![] }),
    ]);
    for name in ["book/ch20-01-unsafe-rust.html", "std/index.html", "std/vec/struct.Vec.html", "reference/types.html"] {
        let page = std::fs::read(folder.join(name)).expect("a page of the documentation");
        for seed in 0..5 {
            let streamed = run(&markers, UTF8, &page, 16_384, |_| Arrival::Now, fill(seed));
            let (plain, settled, _) = serve(&kept(&markers, UTF8, &page, 10_000), None, fill(seed), |_| Arrival::Now);
            assert!(plain == streamed.output, "{name}");
            assert_eq!(settled, streamed.settled);
        }
    }
}

#[test]
fn a_compiled_page_is_shared_and_weighs_little_more_than_its_bytes() {
    fn share<T: Send + Sync>(_: &T) {}
    let markers = compile(vec![marker("p", Target::Place(Place::After))]);
    let text = format!("<p>{}</p>", "x".repeat(20_000));
    let page = kept(&markers, UTF8, text.as_bytes(), 1_000);
    share(&*page);
    assert!(page.weight() > text.len() && page.weight() < text.len() + 2_000, "{}", page.weight());
}
