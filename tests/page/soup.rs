//! Pages and markers made up by the machine, for the promises of `page`.
//!
//! Out: strategies for pages that are hardly HTML, for markers of every kind, and fills by a slot's number.
#![allow(dead_code, reason = "each user needs another part")]

use bytes::Bytes;
use inlay::page::{Fill, Marker, Place, Slot, Target, Which};
use proptest::prelude::*;

use super::page::show;

pub const PLACES: [Place; 7] =
    [Place::Before, Place::Prepend, Place::Append, Place::After, Place::Inner, Place::Replace, Place::Remove];

/// What pages are made of, and what they should not be made of.
const SOUP: &[&str] = &[
    "<p>",
    "</p>",
    "<p class=a>",
    "<div id='x' class=\"a b\">",
    "</div>",
    "<b>",
    "</b>",
    "<i title=t>",
    "</i >",
    "<li>",
    "<ul>",
    "</ul>",
    "<img src=a.png>",
    "<br/>",
    "<div/>",
    "<svg>",
    "</svg>",
    "<path d='m'/>",
    "<title>",
    "</title>",
    "<script>",
    "</script>",
    "<textarea>",
    "</textarea>",
    "<style>",
    "</style>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<template>",
    "</template>",
    "<noscript>",
    "</noscript>",
    "<!-- <b> -->",
    "<!--",
    "-->",
    "<![CDATA[ <p> ]]>",
    "<!doctype html>",
    "<?x ?>",
    "text",
    " ",
    "&amp;",
    "<",
    ">",
    "</",
    "é",
    "\u{FEFF}",
    "<body>",
    "</body>",
    "<html>",
    "<p CLASS>",
    "<p class=>",
    "<p a=\"",
    "'",
    "\"",
    "=",
    "<p hidden class='a",
    "<p\nid = x\tclass = 'q\"q' >",
    "<math>",
    "</math>",
    "<mi>",
    "<annotation-xml encoding='text/html'>",
    "<select>",
    "<frameset>",
    "\0",
];

pub const SELECTORS: &[&str] = &[
    "p",
    "div",
    "b, i",
    ".a",
    "*",
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
];

/// A page, well-formed by accident only.
pub fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(SOUP), 0..60).prop_map(|parts| parts.concat())
}

/// A few injections of every kind.
pub fn markers() -> impl Strategy<Value = Vec<Marker>> {
    let target = prop_oneof![
        4 => prop::sample::select(&PLACES[..]).prop_map(Target::Place),
        1 => prop::sample::select(&["class", "id", "title"][..]).prop_map(|name| Target::Attribute(name.into())),
        1 => Just(Target::Class { add: vec!["n".into()], remove: vec!["a".into()] }),
    ];
    let select = || prop::sample::select(SELECTORS);
    let marker = (select(), prop::option::weighted(0.3, select()), any::<bool>(), target, any::<bool>());
    let marker = marker.prop_map(|(select, each, first, target, wants_element)| Marker {
        select: select.into(),
        each: each.map(Into::into),
        which: if first { Which::First } else { Which::All },
        target,
        wants_element,
    });
    prop::collection::vec(marker, 1..6)
}

/// A fill for each slot by its number and marker, so that it is the same in every run.
pub fn fill(seed: usize) -> impl FnMut(&Slot) -> Fill + Send {
    move |slot| match (slot.number * 7 + slot.marker * 3 + seed) % 5 {
        0 => Fill::Keep,
        1 => Fill::Show(Vec::new()),
        2 => Fill::Show(vec![Bytes::from_static(b"<q>"), Bytes::from_static("é".as_bytes())]),
        3 => show("</script></title>"),
        _ => show(format!("[{}]", slot.number)),
    }
}
