//! A page through the assembler (`keep`: nothing to show, `show`: a fill for each slot), against lol_html alone with the
//! same selectors: `bare`, whose handlers do nothing and whose output is only copied, the least that matching by selector
//! can cost; and `native`, which makes the same changes through lol_html's own mutations, without any choice or waiting.
//!
//! The pages are real ones, from the toolchain's documentation: a chapter of the book, the front page of `std` and the
//! largest ordinary page there (`Vec`). Without that documentation nothing is measured.

#[path = "../tests/page/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "the one way to share with tests")]
mod page;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inlay::page::{Assembler, Charset, Fill, Filling, Fills, Marker, Markers, Place, Settled, Slot, Target, Which};
use lol_html::html_content::{ContentType, Element};
use lol_html::{ElementContentHandlers, HtmlRewriter, Selector, Settings};

const PAGES: [&str; 3] = ["book/ch04-01-what-is-ownership.html", "std/index.html", "std/vec/struct.Vec.html"];
const CHUNK: usize = 16 * 1024;

/// What a site would have: a handful of selectors, few matches.
const FEW: [(&str, Place); 4] =
    [("main", Place::Prepend), ("h1", Place::After), ("nav.sub", Place::Replace), ("#missing", Place::Inner)];
/// What a hard page has: every link and every code block.
const MANY: [(&str, Place); 3] = [("a", Place::After), ("pre", Place::Replace), ("code", Place::Inner)];

/// Fills with what is at hand, or with nothing.
struct AtHand(Fill);

impl Fills for AtHand {
    fn open(&mut self, _: &Slot) -> Filling {
        Filling::Now(self.0.clone())
    }

    fn settled(&mut self, settled: Settled) {
        black_box(settled);
    }
}

fn documentation() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(rustc.stdout).ok()?.trim()).join("share/doc/rust/html");
    folder.is_dir().then_some(folder)
}

fn compile(selectors: &[(&str, Place)]) -> Arc<Markers> {
    let marker = |(select, place): &(&str, Place)| Marker {
        select: (*select).into(),
        each: None,
        which: Which::All,
        target: Target::Place(*place),
        wants_element: false,
    };
    Arc::new(Markers::compile(selectors.iter().map(marker).collect()).expect("selectors that stream"))
}

/// The page through the assembler, as a body drives it.
fn assemble(markers: &Arc<Markers>, page: &Bytes, fill: &Fill) -> usize {
    let charset = Charset::Known(encoding_rs::UTF_8);
    let mut assembler = Assembler::new(Arc::clone(markers), charset, AtHand(fill.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = 0;
    let mut at = 0;
    loop {
        while let Poll::Ready(Some(bytes)) = assembler.poll_next(&mut cx) {
            out += black_box(bytes).len();
        }
        if at < page.len() {
            let end = (at + CHUNK).min(page.len());
            assembler.write(page.slice(at..end));
            at = end;
        } else if assembler.is_done() {
            return out;
        } else {
            assembler.end();
        }
    }
}

/// The page through lol_html with the same handler for every match.
fn alone(selectors: &[(Selector, Place)], page: &Bytes, handler: fn(&mut Element<'_, '_>, Place)) -> usize {
    let mut out = Vec::with_capacity(2 * CHUNK);
    let mut length = 0;
    let mut settings = Settings::new().with_strict(false);
    for (selector, place) in selectors {
        let handlers = ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            handler(element, *place);
            Ok(())
        });
        settings = settings.append_element_content_handler((std::borrow::Cow::Borrowed(selector), handlers));
    }
    let mut rewriter = HtmlRewriter::new(settings, |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        if out.len() >= CHUNK {
            length += black_box(&out).len();
            out.clear();
        }
    });
    for chunk in page.chunks(CHUNK) {
        rewriter.write(chunk).expect("no limits, no errors");
    }
    rewriter.end().expect("no limits, no errors");
    length + out.len()
}

fn nothing(element: &mut Element<'_, '_>, place: Place) {
    black_box((element, place));
}

fn natively(element: &mut Element<'_, '_>, place: Place) {
    const TEXT: &str = "<b>personal</b>";
    match place {
        Place::Before => element.before(TEXT, ContentType::Html),
        Place::Prepend => element.prepend(TEXT, ContentType::Html),
        Place::Append => element.append(TEXT, ContentType::Html),
        Place::After => element.after(TEXT, ContentType::Html),
        Place::Inner => element.set_inner_content(TEXT, ContentType::Html),
        Place::Replace => element.replace(TEXT, ContentType::Html),
        Place::Remove => element.remove(),
    }
}

fn pages(criterion: &mut Criterion) {
    let Some(folder) = documentation() else {
        eprintln!("the toolchain's documentation is not installed: nothing measured");
        return;
    };
    for name in PAGES {
        let page = Bytes::from(std::fs::read(folder.join(name)).expect("a page of the documentation"));
        for (kind, selectors) in [("few", &FEW[..]), ("many", &MANY[..])] {
            let mut group = criterion.benchmark_group(format!("{name} {kind}"));
            group.throughput(Throughput::Bytes(page.len() as u64));
            let parse = |(select, place): &(&str, Place)| (select.parse().expect("selectors that stream"), *place);
            let parsed: Vec<(Selector, Place)> = selectors.iter().map(parse).collect();
            let others = [("bare", nothing as fn(&mut Element<'_, '_>, Place)), ("native", natively)];
            for (what, handler) in others {
                group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
                    bencher.iter(|| alone(&parsed, &page, handler));
                });
            }
            let markers = compile(selectors);
            for (what, fill) in [("keep", Fill::Keep), ("show", page::show("<b>personal</b>"))] {
                group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
                    bencher.iter(|| assemble(&markers, &page, &fill));
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, pages);
criterion_main!(benches);
