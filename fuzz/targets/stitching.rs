//! Compiled and stitched pages: any page, any slots, any fills: what is assembled from the compiled page is what is assembled as
//! it streams, and its compressed pieces, put together, decode to it.
#![no_main]

#[path = "../../tests/page/kept.rs"]
mod kept;
#[path = "../../tests/page/mod.rs"]
mod page;

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::UTF_8;
use inlay::http::coding::{Coding, Decoder};
use inlay::page::{Charset, Compressed, Fill, Form, Marker, Markers, Place, Serving, Slot, Stitched, Target, Which};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use page::{Arrival, run};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    slots: Vec<(u8, u8, bool)>,
    size: u8,
    /// Of two responses: what one had made the other may use.
    fills: [u8; 2],
    /// How often the bytes come: compressors want some length.
    times: u8,
    page: &'a [u8],
}

const SELECT: [&str; 8] = ["p", "*", "div > *", ".a", "title", "script", "body", "li:nth-child(2)"];
const PLACES: [Place; 7] =
    [Place::Before, Place::Prepend, Place::Append, Place::After, Place::Inner, Place::Replace, Place::Remove];
/// More only take time.
const SLOTS: usize = 4;
const PAGE_BYTES: usize = 64 * 1024;

fuzz_target!(|case: Case| {
    let Ok(markers) = Markers::compile(case.slots.iter().take(SLOTS).map(marker).collect()) else { return };
    let markers = Arc::new(markers);
    let mut html = case.page.repeat(1 + usize::from(case.times % 32));
    html.truncate(PAGE_BYTES);
    let charset = Charset::Known(UTF_8);
    let size = usize::from(case.size).max(html.len() / 64).max(1);
    let compiled = kept::kept(&markers, charset, &html, size);
    assert!(*compiled.whole() == html, "the page as the origin made it is another");
    for seed in case.fills {
        let streamed = run(&markers, charset, &html, size, |_| Arrival::Now, fill(seed));
        let Serving::Whole(assembled, _) = compiled.serve(None, kept::filler(fill(seed), |_| Arrival::Now)) else {
            panic!("every fill is at hand");
        };
        let plain = assembled.plain().concat();
        assert!(plain == streamed.output, "kept it is another page than streamed");
        assert_eq!(plain.len(), assembled.len());
        for form in Form::ALL {
            // Once as others before left it, and once prepared.
            if let Ok(stitched) = assembled.stitch(form) {
                assert!(decoded(form, &stitched) == plain, "another page in {form:?}");
            }
            if assembled.prepare(form).is_ok()
                && let Ok(stitched) = assembled.stitch(form)
            {
                assert!(decoded(form, &stitched) == plain, "another page in {form:?}, prepared");
            }
        }
    }
});

fn marker((select, place, first): &(u8, u8, bool)) -> Marker {
    Marker {
        select: SELECT[usize::from(*select) % SELECT.len()].into(),
        each: None,
        which: if *first { Which::First } else { Which::All },
        target: Target::Place(PLACES[usize::from(*place) % PLACES.len()]),
        wants_element: false,
    }
}

/// By the slot alone, so that it is the same in every run.
fn fill(seed: u8) -> impl FnMut(&Slot) -> Fill + Send {
    let fragment = |text: String| Fill::Compressed(Arc::new(Compressed::new(text.into())));
    move |slot| match (slot.number * 5 + slot.marker * 3 + usize::from(seed)) % 7 {
        0 => Fill::Keep,
        1 => Fill::Show(Vec::new()),
        2 => Fill::Show(vec![Bytes::from_static(b"<q>"), Bytes::new(), Bytes::from_static("é".as_bytes())]),
        3 => fragment("<b>short</b>".into()),
        4 => fragment("<p>long and long</p>".repeat(slot.number % 9 * 50)),
        5 => fragment(String::new()),
        _ => Fill::Show(vec!["x".repeat(slot.number * 7).into()]),
    }
}

fn decoded(form: Form, stitched: &Stitched) -> Vec<u8> {
    let coded = stitched.pieces.concat();
    assert_eq!(coded.len(), stitched.length, "its length is known");
    let coding = match form {
        Form::Gzip => Coding::Gzip,
        Form::Brotli => Coding::Brotli,
    };
    let (mut decoder, mut plain) = (Decoder::new(&[coding]), Vec::new());
    decoder.push(coded.into());
    while let Some(step) = decoder.pull().expect("it can be decoded") {
        plain.extend_from_slice(&step);
    }
    decoder.finish().expect("it is whole");
    plain
}
