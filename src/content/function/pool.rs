//! The way to the threads: who may have a call under way, and its steps.
//!
//! In: calls. Out: a [`Place`] for each that is let in, and its steps as they are done. It must not wait itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::call::{Ask, Call};
use super::cell::Cell;
use super::error::FunctionError;
use super::meter::Meter;
use super::worker::{Shop, Stepped, Work};
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// The way to the threads, which end with it and the last place.
#[derive(Debug)]
pub(super) struct Pool(Arc<Door>);

struct Door {
    shop: Arc<Shop>,
    inside: Mutex<Inside>,
}

/// Calls under way.
#[derive(Default)]
struct Inside {
    all: usize,
    by_function: HashMap<Fingerprint, usize>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shop.close();
    }
}

/// A call that is let in. It leaves when this is dropped, and then ends if it still runs.
pub(super) struct Place {
    door: Arc<Door>,
    function: Fingerprint,
    meter: Meter,
    /// The engine, while the call waits for answers.
    waits_in: Option<Cell>,
}

impl Pool {
    /// Starts the threads.
    pub fn start(threads: usize) -> Self {
        Self(Arc::new(Door { shop: Shop::open(threads), inside: Mutex::default() }))
    }

    /// Lets a call of a function in.
    ///
    /// # Errors
    /// Why it must not begin now: too many are under way, or an earlier one can't be ended.
    pub fn admit(&self, function: Fingerprint) -> Result<Place, FunctionError> {
        if self.0.shop.is_stuck(function) {
            return Err(FunctionError::Stuck);
        }
        let mut inside = self.0.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let own = inside.by_function.get(&function).copied().unwrap_or(0);
        if inside.all >= limits::FUNCTION_CALLS || own >= limits::FUNCTION_CALLS / 2 {
            return Err(FunctionError::Busy);
        }
        inside.all += 1;
        inside.by_function.insert(function, own + 1);
        Ok(Place { door: self.0.clone(), function, meter: Meter::default(), waits_in: None })
    }
}

impl Place {
    /// Begins the call.
    pub async fn begin(&mut self, call: Call, path: Arc<str>, with: Arc<str>) -> Stepped {
        let (answer, answered) = oneshot::channel();
        self.door.shop.put(self.function, Work::Begin { call, path, with, meter: self.meter.clone(), answer });
        told(answered).await
    }

    /// Keeps the engine while the call waits.
    pub fn keep(&mut self, cell: Cell) {
        self.waits_in = Some(cell);
    }

    /// Goes on with the call, whose asks were answered.
    pub async fn settle(&mut self, asks: Vec<Ask>) -> Stepped {
        let Some(cell) = self.waits_in.take() else {
            return Stepped::Failed(FunctionError::Engine("it has no engine".into()));
        };
        let (answer, answered) = oneshot::channel();
        self.door.shop.put(self.function, Work::Settle { cell, asks, answer });
        told(answered).await
    }
}

async fn told(answered: oneshot::Receiver<Stepped>) -> Stepped {
    answered.await.unwrap_or_else(|_| Stepped::Failed(FunctionError::Engine("its thread has ended".into())))
}

impl Drop for Place {
    fn drop(&mut self) {
        self.meter.give_up();
        if let Some(cell) = self.waits_in.take() {
            self.door.shop.put(self.function, Work::Bury(cell));
        }
        let mut inside = self.door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.all -= 1;
        match inside.by_function.get_mut(&self.function) {
            Some(calls) if *calls > 1 => *calls -= 1,
            _ => drop(inside.by_function.remove(&self.function)),
        }
    }
}
