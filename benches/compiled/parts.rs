//! Compiling a page, laying fills into it, and putting its compressed pieces together.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::Criterion;
use inlay::http::coding::{Coding, Effort, Encoder};
use inlay::page::{
    Assembled, Charset, CompiledPage, Compiling, Compressed, Fill, Filling, Fills, Form, Marker, Markers, Place,
    Serving, Settled, Slot, Target, Which,
};

const CHUNK: usize = 16 * 1024;

/// Fills every slot with the same kept content.
struct Kept(Arc<Compressed>);

impl Fills for Kept {
    fn open(&mut self, _: &Slot) -> Filling {
        Filling::Now(Fill::Compressed(self.0.clone()))
    }

    fn settled(&mut self, settled: Settled) {
        black_box(settled);
    }
}

fn markers() -> Arc<Markers> {
    let marker = |(select, place): (&str, Place)| Marker {
        select: select.into(),
        each: None,
        which: Which::All,
        target: Target::Place(place),
        wants_element: false,
    };
    let places = [("h1.menu-title", Place::After), ("main", Place::Prepend), ("main", Place::Append)];
    Arc::new(Markers::compile(places.into_iter().map(marker).collect()).expect("selectors that stream"))
}

fn compile(markers: &Arc<Markers>, page: &Bytes) -> Arc<CompiledPage> {
    let mut compiling = Compiling::new(markers.clone(), Charset::Known(encoding_rs::UTF_8), None);
    for start in (0..page.len()).step_by(CHUNK) {
        drop(compiling.write(page.slice(start..page.len().min(start + CHUNK))));
    }
    Arc::new(compiling.end().1.expect("it can be kept"))
}

fn assemble(page: &CompiledPage, fill: &Arc<Compressed>) -> Assembled {
    match page.serve(None, Kept(fill.clone())) {
        Serving::Whole(assembled, _) => assembled,
        Serving::Late(_) => panic!("every fill is at hand"),
    }
}

/// What a page costs that can't be compressed beforehand, by the effort that is made; how small it gets is printed.
pub fn bench_on_the_fly(criterion: &mut Criterion) {
    let page = crate::site::page();
    let compressed = |coding, effort| {
        let mut encoder = Encoder::new(coding, effort).expect("memory");
        let written = encoder.write(page.as_bytes()).expect("memory").len();
        written + encoder.finish().expect("memory").len()
    };
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        for effort in [Effort::Fast, Effort::Balanced, Effort::Small] {
            println!("{}, {effort:?}: {} bytes", coding.name(), compressed(coding, effort));
            criterion.bench_function(&format!("compress on the fly, {}, {effort:?}", coding.name()), |bench| {
                bench.iter(|| compressed(coding, effort));
            });
        }
    }
}

/// All parts.
pub fn bench(criterion: &mut Criterion) {
    let (markers, page) = (markers(), Bytes::from(crate::site::page()));
    let fill = Arc::new(Compressed::new(Bytes::from_static(b"<aside>Umbrellas 20 % off, today and tomorrow.</aside>")));
    // The first visitor of a page pays it, beside the request.
    criterion.bench_function("compile a page of 61 KB", |bench| bench.iter(|| compile(&markers, black_box(&page))));
    let compiled = compile(&markers, &page);
    // Every other visitor pays these.
    criterion.bench_function("assemble: three slots of a compiled page", |bench| {
        bench.iter(|| assemble(black_box(&compiled), &fill));
    });
    let assembled = assemble(&compiled, &fill);
    criterion.bench_function("list the plain pieces", |bench| bench.iter(|| black_box(&assembled).plain()));
    for (form, name) in [(Form::Gzip, "gzip"), (Form::Brotli, "brotli")] {
        // Once for all visitors of a segment, in the background.
        criterion.bench_function(&format!("compress the pieces, {name}"), |bench| {
            bench.iter_with_setup(|| assemble(&compile(&markers, &page), &fill), |assembled| assembled.prepare(form));
        });
        assembled.prepare(form).expect("it can be stitched");
        criterion.bench_function(&format!("stitch, {name}"), |bench| {
            bench.iter(|| black_box(&assembled).stitch(form).map(|stitched| stitched.length));
        });
    }
}
