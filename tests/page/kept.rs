//! Pages that are kept, for the tests and benches of compiled pages.
//!
//! In: markers and a page. Out: the compiled page; real pages to try it on.
#![allow(dead_code, reason = "each user needs another part")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use inlay::page::{Charset, CompiledPage, Compiling, Fill, Markers, Slot};

use super::page::{Arrival, Filler};

/// Fills slots by `fill`, when `arrival` says.
pub fn filler<F: FnMut(&Slot) -> Fill>(fill: F, arrival: impl FnMut(&Slot) -> Arrival + Send + 'static) -> Filler<F> {
    Filler { fill, arrival: Box::new(arrival), opened: Vec::new(), settled: Vec::new() }
}

/// The page, compiled in chunks.
pub fn kept(markers: &Arc<Markers>, charset: Charset, page: &[u8], chunk: usize) -> Arc<CompiledPage> {
    let mut compiling = Compiling::new(Arc::clone(markers), charset, None);
    for chunk in page.chunks(chunk) {
        compiling.write(Bytes::copy_from_slice(chunk));
    }
    Arc::new(compiling.end().1.expect("it can be kept"))
}

/// The toolchain's documentation, where it is installed.
pub fn documentation() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(rustc.stdout).ok()?.trim()).join("share/doc/rust/html");
    folder.is_dir().then_some(folder)
}
