//! Compressing the pieces of kept pages, beside the requests: once for all responses that are cut alike.
//!
//! In: a page that could not be stitched. Out: its pieces, kept with it, for the next. Nobody waits for this. It must not keep
//! what was assembled for a visitor.

use std::sync::{Arc, MutexGuard, PoisonError};

use super::{PageKey, Pages, Shelf};
use crate::limits::PAGE_PREPARATIONS;
use crate::page::{Assembled, Form};

/// One compression: of which page, in which form, and how it is cut.
pub type Preparation = (PageKey, Form, u64);

impl Pages {
    /// Has what `assembled` lacks in `form` made, unless that is being done or enough others are: then the next response like it asks
    /// again.
    pub fn prepare(&self, key: PageKey, assembled: &Assembled, form: Form) {
        let Some(task) = Task::begin(&self.0, (key, form, assembled.cut())) else { return };
        let assembled = assembled.clone();
        tokio::task::spawn_blocking(move || task.run(&assembled, form));
    }
}

impl Shelf {
    fn preparing(&self) -> MutexGuard<'_, std::collections::HashSet<Preparation>> {
        // Nothing that runs under the lock can panic half-way.
        self.preparing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A compression under way; it is no longer when this is dropped.
struct Task {
    shelf: Arc<Shelf>,
    what: Preparation,
}

impl Task {
    fn begin(shelf: &Arc<Shelf>, what: Preparation) -> Option<Self> {
        let mut preparing = shelf.preparing();
        let fits = preparing.len() < PAGE_PREPARATIONS && preparing.insert(what);
        fits.then(|| Self { shelf: shelf.clone(), what })
    }

    fn run(self, assembled: &Assembled, form: Form) {
        if let Err(reason) = assembled.prepare(form) {
            tracing::debug!(%reason, ?form, "a page is compressed as it leaves");
        }
        let (key, ..) = self.what;
        // It weighs more now.
        if let Some(page) = self.shelf.kept.get(&key) {
            self.shelf.kept.insert(key, page);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.shelf.preparing().remove(&self.what);
    }
}
