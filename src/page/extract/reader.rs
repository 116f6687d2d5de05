//! A page that is only read.
//!
//! In: its bytes. Out: what it tells. It must not be used for a page that is rewritten: that is read in its own scan.

use std::sync::Arc;

use bytes::Bytes;

use super::Extracted;
use crate::page::charset::Charset;
use crate::page::compile::Compiler;
use crate::page::markers::Markers;

/// The reader of one page.
pub struct PageReader(Compiler);

impl PageReader {
    /// A reader of what `markers` read; their slots are not looked for.
    pub fn new(markers: Arc<Markers>, charset: Charset) -> Self {
        let only = Markers::default().reading(markers.extractions().clone());
        Self(Compiler::new(Arc::new(only), charset, None))
    }

    /// Reads on, at once and without waiting.
    pub fn write(&mut self, bytes: Bytes) {
        // An error ends the reading; then there is nothing at the end.
        let _ = self.0.write(bytes);
        drop(self.0.take_made());
    }

    /// What the page told; `None` if it could not be read to its end.
    pub fn end(mut self) -> Option<Arc<Extracted>> {
        self.0.end();
        self.0.extracted().cloned()
    }
}
