//! Real pages: the toolchain's own documentation, where it is installed.
//!
//! Every 200th page runs; `INLAY_TEST_EVERY=1` runs all of them (48,000, some minutes).

mod page;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use inlay::page::{Charset, Fill, Marker, Markers, Outcome, Place, Slot, Target, Which};
use page::{Arrival, run};

fn markers() -> Arc<Markers> {
    let marker = |select: &str, target: Target| Marker {
        select: select.into(),
        each: None,
        which: Which::All,
        target,
        wants_element: true,
    };
    let place = |select: &str, place: Place| marker(select, Target::Place(place));
    let markers = vec![
        place("main", Place::Replace),
        place("h1", Place::Inner),
        place("a", Place::After),
        place("nav", Place::Remove),
        place("pre", Place::Before),
        place("body", Place::Append),
        place("title", Place::Append),
        marker("a", Target::Attribute("href".into())),
        marker("body", Target::Class { add: vec!["is-gold".into()], remove: vec!["js".into()] }),
    ];
    Arc::new(Markers::compile(markers).unwrap())
}

fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            pages(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "html") {
            into.push(entry);
        }
    }
}

#[test]
fn the_documentation_of_the_toolchain() {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let folder = Path::new(String::from_utf8(rustc.stdout).unwrap().trim()).join("share/doc/rust/html");
    if !folder.is_dir() {
        eprintln!("the toolchain's documentation is not installed: nothing tried");
        return;
    }
    let every = std::env::var("INLAY_TEST_EVERY").map_or(200, |every| every.parse().unwrap());
    let mut paths = Vec::new();
    pages(&folder, &mut paths);
    paths.sort();
    let markers = markers();
    let (mut tried, mut slots, mut shown, mut unclosed, mut bytes) = (0, 0, 0, 0, 0);
    for path in paths.iter().step_by(every) {
        let page = std::fs::read(path).unwrap();
        let charset = Charset::settle(None, &page, true).unwrap();
        let kept = run(&markers, charset, &page, 16_384, |_| Arrival::Later(1), |_| Fill::Keep);
        assert!(kept.output == page, "{} changed", path.display());
        assert!(kept.broken.is_none(), "{}: {:?}", path.display(), kept.broken);
        // `run` proves that outside the slots nothing changes.
        let odd = |slot: &Slot| {
            if slot.number.is_multiple_of(2) { page::show("<i>é</i>") } else { Fill::Keep }
        };
        let filled = run(&markers, charset, &page, 5_000, |_| Arrival::Now, odd);
        tried += 1;
        bytes += page.len();
        slots += filled.settled.len();
        shown += filled.settled.iter().filter(|it| it.outcome == Outcome::Shown).count();
        unclosed += filled.settled.iter().filter(|it| it.outcome == Outcome::Unclosed).count();
    }
    eprintln!("{tried} pages, {bytes} bytes, {slots} slots, {shown} shown, {unclosed} unclosed");
    assert!(tried > 0 && slots > tried && shown > 0);
}
