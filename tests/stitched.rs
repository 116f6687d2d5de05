//! Compressed pages put together from pieces: whatever is laid in, what leaves decodes to the plain page; it is no larger than
//! allowed; and what can't be had says why.

#[path = "page/kept.rs"]
mod kept;
mod page;
#[path = "page/soup.rs"]
mod soup;

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use inlay::limits;
use inlay::page::{
    Assembled, Charset, CompiledPage, Compressed, Fill, Form, Marker, Markers, NotStitched, Place, Serving, Slot,
    Stitched, Target, Which,
};
use kept::{documentation, filler, kept};
use page::{Arrival, show};
use proptest::prelude::*;
use soup::{markers, soup};

const UTF8: Charset = Charset::Known(encoding_rs::UTF_8);

fn compile(markers: Vec<Marker>) -> Arc<Markers> {
    Arc::new(Markers::compile(markers).unwrap())
}

fn at(select: &str, place: Place) -> Marker {
    let target = Target::Place(place);
    Marker { select: select.into(), each: None, which: Which::All, target, wants_element: false }
}

fn assemble(page: &CompiledPage, fill: impl FnMut(&Slot) -> Fill + Send) -> Assembled {
    match page.serve(None, filler(fill, |_| Arrival::Now)) {
        Serving::Whole(assembled, _) => assembled,
        Serving::Late(_) => panic!("every fill is at hand"),
    }
}

/// Prepared content, as the fragment cache keeps it.
fn fragment(text: impl Into<Bytes>) -> Fill {
    Fill::Compressed(Arc::new(Compressed::new(text.into())))
}

/// The plain page by a decoder that has nothing to do with us.
fn decoded(form: Form, stitched: &Stitched) -> Vec<u8> {
    let bytes = stitched.pieces.concat();
    assert_eq!(bytes.len(), stitched.length, "its length is known");
    let mut plain = Vec::new();
    match form {
        Form::Gzip => {
            // One member, and nothing behind it.
            let mut decoder = flate2::bufread::GzDecoder::new(&*bytes);
            decoder.read_to_end(&mut plain).expect("gzip");
            assert!(decoder.into_inner().is_empty());
        }
        Form::Brotli => {
            brotli::Decompressor::new(&*bytes, 4096).read_to_end(&mut plain).expect("brotli");
        }
    }
    plain
}

fn prepared(assembled: &Assembled, form: Form) -> Result<Stitched, NotStitched> {
    assembled.prepare(form)?;
    assembled.stitch(form)
}

/// A fill of every kind and length.
fn fill(seed: usize) -> impl FnMut(&Slot) -> Fill + Send {
    move |slot| match (slot.number * 5 + slot.marker * 3 + seed) % 7 {
        0 => Fill::Keep,
        1 => Fill::Show(Vec::new()),
        2 => Fill::Show(vec![Bytes::from_static(b"<q>"), Bytes::new(), Bytes::from_static("é".as_bytes())]),
        3 => fragment("<b>short</b>"),
        4 => fragment(format!("<section>{}</section>", "<p>long and long</p>".repeat(slot.number % 9 * 50))),
        5 => fragment(""),
        _ => show("x".repeat(slot.number * 7)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn whatever_is_laid_in_it_decodes_to_the_plain_page(
        soup in soup(), filler in "[a-f <>]{0,400}", markers in markers(), seed in 0..7usize, others in 0..7usize,
    ) {
        // Enough plain text between the slots for some of it to be compressed.
        let text = format!("{soup}<p>{filler}</p><p>{}</p>{soup}", filler.repeat(3));
        let page = kept(&compile(markers), UTF8, text.as_bytes(), 64);
        for form in Form::ALL {
            // Another segment was here before: its pieces may be shared.
            let _ = assemble(&page, fill(others)).prepare(form);
            let assembled = assemble(&page, fill(seed));
            let plain = assembled.plain().concat();
            match prepared(&assembled, form) {
                Ok(stitched) => prop_assert!(decoded(form, &stitched) == plain),
                Err(NotStitched::Bloated | NotStitched::NoRoom) => {}
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}

#[test]
fn a_page_like_those_of_a_site_is_stitched_in_every_form() {
    let text =
        format!("<main><h1>Title</h1>{}</main><ul><li>a</ul>", "<p>Paragraph with words in it.</p>\n".repeat(300));
    let markers = compile(vec![at("main", Place::Prepend), at("h1", Place::Replace), at("ul", Place::Append)]);
    let page = kept(&markers, UTF8, text.as_bytes(), 1_000);
    for form in Form::ALL {
        for seed in 0..7 {
            let assembled = assemble(&page, fill(seed));
            let stitched = prepared(&assembled, form).unwrap_or_else(|why| panic!("{form:?} {seed}: {why}"));
            assert!(decoded(form, &stitched) == assembled.plain().concat());
        }
    }
}

#[test]
fn nothing_is_compressed_when_it_is_asked_for() {
    let page = kept(&compile(vec![at("b", Place::Inner)]), UTF8, "<p>text <b>text</b>".repeat(3).as_bytes(), 9);
    let long = Arc::new(Compressed::new("<p>long</p>".repeat(100).into()));
    let fill = || assemble(&page, |_| Fill::Compressed(Arc::clone(&long)));
    for form in Form::ALL {
        assert_eq!(fill().stitch(form).err(), Some(NotStitched::Unprepared));
        fill().prepare(form).unwrap();
        assert!(fill().stitch(form).is_ok(), "once for all who are like it");
        // Another content of the same segment, which nobody has prepared.
        let other = assemble(&page, |_| fragment("<i>other</i>".repeat(100)));
        assert_eq!(other.stitch(form).err(), Some(NotStitched::Unprepared));
    }
}

#[test]
fn what_would_be_too_large_is_refused_once_and_for_all() {
    let line =
        |at: usize| format!("<li>the same words in line {} {} <b></b></li>\n", at * 7_919 % 10_007, at * at % 997);
    let text: String = (0..200).map(line).collect();
    let page = kept(&compile(vec![at("b", Place::Inner)]), UTF8, text.as_bytes(), 4_096);
    let all = || assemble(&page, |_| show("n"));
    for form in Form::ALL {
        assert_eq!(all().prepare(form), Err(NotStitched::Bloated));
        assert_eq!(all().stitch(form).err(), Some(NotStitched::Bloated), "nobody prepares it again");
        // A visitor for whom only a few are filled is no worse off for it.
        let few = assemble(&page, |slot| if slot.number % 80 == 7 { show("n") } else { Fill::Keep });
        let stitched = prepared(&few, form).unwrap_or_else(|why| panic!("{form:?}: {why}"));
        assert!(decoded(form, &stitched) == few.plain().concat());
    }
}

#[test]
fn what_the_oldest_forms_took_is_free_again() {
    let text: String = (0..300).map(|at| format!("<p>{}<b></b></p>", at * 7_919 % 10_007)).collect();
    let page = kept(&compile(vec![at("b", Place::Inner)]), UTF8, text.as_bytes(), 4_096);
    // Far more segments than are kept: each fills another slot alone.
    let fits = |chosen: usize| {
        let assembled = assemble(&page, |slot| if slot.number == chosen { show("n") } else { Fill::Keep });
        prepared(&assembled, Form::Gzip).is_ok()
    };
    let late = (0..200).filter(|chosen| fits(*chosen) && *chosen >= 100).count();
    assert!(late > 0, "there is room for new segments where old ones have gone");
    assert!(page.weight() <= 2 * text.len() + limits::COMPILED_FORMS_BYTES + 64 * 1024);
}

#[test]
fn forms_never_take_more_memory_than_they_may() {
    let text: String = (0..400).map(|at| format!("<p>{}<b></b></p>", at * 7_919 % 10_007)).collect();
    let page = kept(&compile(vec![at("b", Place::Inner)]), UTF8, text.as_bytes(), 4_096);
    let before = page.weight();
    let most = text.len() + limits::COMPILED_FORMS_BYTES;
    let mut refused = 0;
    for segment in 0..60 {
        let one = assemble(&page, |slot| if slot.number == segment * 5 + 3 { show("n") } else { Fill::Keep });
        for form in Form::ALL {
            match prepared(&one, form) {
                Ok(stitched) => assert!(decoded(form, &stitched) == one.plain().concat()),
                Err(NotStitched::NoRoom) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(refused > 0, "sixty segments do not fit");
    assert!(page.weight() - before <= most, "{} more than {before}", page.weight() - before);
}

#[test]
fn a_real_page_with_a_few_slots_is_within_what_is_allowed() {
    let Some(folder) = documentation() else {
        eprintln!("the toolchain's documentation is not installed: nothing tried");
        return;
    };
    let text = std::fs::read(folder.join("book/ch20-01-unsafe-rust.html")).expect("the chapter");
    let markers = compile(vec![at("p, pre, h1, h2, li", Place::After)]);
    for count in [3, 8, 20, 40, 100] {
        let page = kept(&markers, UTF8, &text, 16_384);
        let slots = page.slots().count();
        assert!(slots > 100, "{slots}");
        let every = slots / count;
        let fill = |slot: &Slot| match slot.number.is_multiple_of(every) && slot.number / every < count {
            true => fragment("<aside class=\"note\"><b>Hello, Anna</b>: 20 % off today</aside>"),
            false => Fill::Keep,
        };
        let assembled = assemble(&page, fill);
        let plain = assembled.plain().concat();
        for form in Form::ALL {
            let whole = in_one(form, &plain);
            match prepared(&assembled, form) {
                Ok(stitched) => {
                    assert!(decoded(form, &stitched) == plain);
                    eprintln!("{count} {form:?}: {} of {whole}: {}", stitched.length, stitched.length * 100 / whole);
                    assert!(stitched.length * 100 <= whole * 135, "{count} {form:?}: {} of {whole}", stitched.length);
                }
                Err(why) => {
                    eprintln!("{count} {form:?}: {why} {whole}");
                    assert!(count > 8, "{count} {form:?}: {why}");
                }
            }
        }
    }
}

/// What the page compresses to in one, at the same levels.
fn in_one(form: Form, plain: &[u8]) -> usize {
    let mut out = Vec::new();
    match form {
        Form::Gzip => {
            flate2::read::GzEncoder::new(plain, flate2::Compression::best()).read_to_end(&mut out).unwrap();
        }
        Form::Brotli => {
            brotli::CompressorReader::new(plain, 4096, 9, 22).read_to_end(&mut out).unwrap();
        }
    }
    out.len()
}
