//! Compiled pages, kept for all who may share the origin's response that they were made of.
//!
//! In: the page that is wanted, and the origin's body where nobody has compiled it yet. Out: the compiled page, or a seat from
//! which it is read while it is compiled. What is assembled for a visitor must not get in here.
//!
//! A page is named by the stored response that it is made of, so it is gone with that: a new version has a new name, and
//! what nobody asks for any more is forgotten.

mod growing;
mod laying;
mod making;
mod preparing;
mod wanted;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::sync::Cache as Moka;

pub use growing::{CutOff, Next, Seat};
pub use laying::{Laying, Shelved};
pub use wanted::{PageKey, Wanted, last_content_type};

use crate::exchange::plan::known::Known;
use crate::http::Body;
use crate::limits;
use crate::telemetry::{Kind, Metrics};
use growing::Growing;
use making::Making;
use preparing::Preparation;

/// All compiled pages. Cheap to clone; all clones share.
#[derive(Clone, Debug)]
pub struct Pages(Arc<Shelf>);

/// What everything of the pages shares.
#[derive(Debug)]
struct Shelf {
    bytes: u64,
    kept: Moka<PageKey, Arc<Shelved>>,
    /// Pages that can't be kept.
    unkept: Moka<PageKey, ()>,
    growing: Mutex<HashMap<PageKey, Arc<Growing>>>,
    /// Compressions under way.
    preparing: Mutex<HashSet<Preparation>>,
    metrics: Arc<Metrics>,
}

impl Pages {
    /// Room for this many bytes of pages with their compressed forms; 0 keeps none.
    pub fn new(bytes: u64, metrics: Arc<Metrics>) -> Self {
        let kept = Moka::builder().max_capacity(bytes).weigher(weigh).time_to_idle(limits::PAGE_IDLE).build();
        Self(Arc::new(Shelf {
            bytes,
            kept,
            unkept: Moka::new(limits::PAGES_UNKEPT),
            growing: Mutex::default(),
            preparing: Mutex::default(),
            metrics,
        }))
    }

    /// The page, if it has been compiled.
    pub fn find(&self, key: PageKey) -> Option<Arc<Shelved>> {
        self.0.kept.get(&key).inspect(|_| self.0.count("kept"))
    }

    /// The page as a known plan lays it out; `None` if it has not been compiled, or can't be laid out for all alike.
    pub fn laid_out(&self, key: PageKey, known: &Known) -> Option<Arc<Laying>> {
        let shelved = self.0.kept.get(&key)?;
        let laying = shelved.laying(known).or_else(|| {
            let laying = Laying::of(key, &shelved.page, known, &self.0.metrics)?;
            shelved.keep(&laying);
            // It weighs more now.
            self.0.kept.insert(key, shelved.clone());
            Some(laying)
        })?;
        self.0.count("kept");
        Some(laying)
    }

    /// A seat at a page that is not kept yet: with whoever waits for it already, or else it is compiled from `origin`, in a task of
    /// its own, for all who come meanwhile.
    ///
    /// # Errors
    /// The body, where the page can't be kept or too many are being compiled: it is for this one visitor.
    pub fn join(&self, wanted: Wanted, origin: Body) -> Result<Seat, Body> {
        let shelf = &self.0;
        let announced = http_body::Body::size_hint(&origin).lower();
        if shelf.bytes == 0 || announced > limits::COMPILED_PAGE_BYTES as u64 || shelf.unkept.contains_key(&wanted.key)
        {
            return Err(origin);
        }
        let mut growing = shelf.growing();
        if let Some(seat) = growing.get(&wanted.key).and_then(Growing::seat) {
            shelf.count("joined");
            return Ok(seat);
        }
        if growing.len() >= limits::PAGES_GROWING {
            return Err(origin);
        }
        let page = Growing::new(wanted.markers.clone());
        let seat = Growing::seat(&page).expect("invariant: nothing has been forgotten of a page that has not begun");
        growing.insert(wanted.key, page.clone());
        drop(growing);
        shelf.count("compiled");
        tokio::spawn(Making::new(shelf.clone(), wanted, page).run(origin));
        Ok(seat)
    }

    /// Brings the figure of what is kept up to date.
    pub fn measure(&self) {
        self.0.kept.run_pending_tasks();
        self.0.metrics.page_bytes.set(i64::try_from(self.0.kept.weighted_size()).unwrap_or(i64::MAX));
    }
}

impl Shelf {
    fn growing(&self) -> MutexGuard<'_, HashMap<PageKey, Arc<Growing>>> {
        // Nothing that runs under the lock can panic half-way.
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nobody joins this page while it is compiled.
    fn forget(&self, key: PageKey, page: &Arc<Growing>) {
        let mut growing = self.growing();
        if growing.get(&key).is_some_and(|other| Arc::ptr_eq(other, page)) {
            growing.remove(&key);
        }
    }

    fn count(&self, kind: &'static str) {
        self.metrics.pages.get_or_create(&Kind { kind }).inc();
    }
}

fn weigh(_: &PageKey, page: &Arc<Shelved>) -> u32 {
    u32::try_from(page.weight()).unwrap_or(u32::MAX)
}
