//! Pages: any bytes, in any pieces, with any slots: outside the slots nothing changes, bit for bit, and the page is the same
//! whatever its pieces and whenever its fills come. The proof is the tests' own (`tests/page`).
#![no_main]

#[path = "../../tests/page/mod.rs"]
mod page;

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::Encoding;
use inlay::page::{Charset, Fill, Marker, Markers, Place, Slot, Target, Which};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use page::{Arrival, run, show};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    slots: Vec<Wanted<'a>>,
    size: u8,
    late: u8,
    charset: Option<u8>,
    fills: u8,
    page: &'a [u8],
}

/// One slot as its author may write it.
#[derive(Arbitrary, Debug)]
struct Wanted<'a> {
    select: Select<'a>,
    each: Option<Select<'a>>,
    first: bool,
    place: u8,
    wants_element: bool,
}

#[derive(Arbitrary, Debug)]
enum Select<'a> {
    Usual(u8),
    Any(&'a str),
}

const USUAL: [&str; 20] = [
    "*",
    "p",
    "div",
    "b, i",
    ".a",
    "[class]",
    "title",
    "script",
    "li",
    "ul li",
    "body",
    "img",
    "svg *",
    "p:not(.a)",
    "td",
    "div > *",
    "#x",
    "[href^=h]",
    "textarea",
    "p:nth-child(2)",
];

const PLACES: [Place; 7] =
    [Place::Before, Place::Prepend, Place::Append, Place::After, Place::Inner, Place::Replace, Place::Remove];

const CHARSETS: [&str; 8] =
    ["utf-8", "windows-1252", "shift_jis", "gb18030", "big5", "euc-kr", "iso-8859-2", "utf-16le"];

/// More only take time.
const SLOTS: usize = 6;

fuzz_target!(|case: Case| {
    let Ok(markers) = Markers::compile(case.slots.iter().take(SLOTS).map(Wanted::marker).collect()) else { return };
    let markers = Arc::new(markers);
    let label = case.charset.map(|number| CHARSETS[usize::from(number) % CHARSETS.len()]);
    let known = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    let header = known.map(|encoding| format!("text/html; charset={}", encoding.name()));
    let charset = Charset::settle(header.as_deref(), case.page, true).expect("all of the page is there");
    let length = case.page.len().max(1);
    let whole = run(&markers, charset, case.page, length, |_| Arrival::Now, fill(case.fills));
    let late = u32::from(case.late % 4);
    let mixed = move |slot: &Slot| if slot.number.is_multiple_of(2) { Arrival::Now } else { Arrival::Later(late) };
    let parts = run(&markers, charset, case.page, usize::from(case.size).max(1), mixed, fill(case.fills));
    assert!(whole.output == parts.output, "{}\n---\n{}", whole.output.escape_ascii(), parts.output.escape_ascii());
    let kept = run(&markers, charset, case.page, usize::from(case.size).max(1), |_| Arrival::Now, |_| Fill::Keep);
    assert!(kept.output == case.page, "nothing shown, and yet changed");
});

impl Wanted<'_> {
    fn marker(&self) -> Marker {
        let target = match self.place % 10 {
            7 => Target::Attribute("class".into()),
            8 => Target::Attribute("href".into()),
            9 => Target::Class { add: vec!["n".into()], remove: vec!["a".into()] },
            place => Target::Place(PLACES[usize::from(place)]),
        };
        Marker {
            select: self.select.text().into(),
            each: self.each.as_ref().map(|each| each.text().into()),
            which: if self.first { Which::First } else { Which::All },
            target,
            wants_element: self.wants_element,
        }
    }
}

impl Select<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Usual(number) => USUAL[usize::from(*number) % USUAL.len()],
            Self::Any(text) => text,
        }
    }
}

/// By the slot alone, so that it is the same in every run.
fn fill(seed: u8) -> impl FnMut(&Slot) -> Fill + Send {
    move |slot| match (slot.number * 7 + slot.marker * 3 + usize::from(seed)) % 6 {
        0 => Fill::Keep,
        1 => Fill::Show(Vec::new()),
        2 => Fill::Show(vec![Bytes::from_static(b"<q>"), Bytes::from_static("é€".as_bytes())]),
        3 => show("</script></title>"),
        4 => show("<!--"),
        _ => show(format!("[{}]", slot.number)),
    }
}
