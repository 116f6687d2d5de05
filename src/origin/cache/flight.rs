//! Requests for one missing object that travel together: the first asks, the others wait for it, within bounds.
//!
//! In: keys of what is missing. Out: for the first a ticket, for the others the moment when it lands. It must not ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::key::Key;
use super::stored::Stored;
use crate::limits::COLLAPSE_AGE;

/// What the others learn of the first one's answer.
#[derive(Clone, Debug)]
pub enum Landing {
    Stored(Arc<Stored>),
    /// There is an answer, but not for others.
    NotShared,
    /// There is none, or the origin is down.
    Failed,
}

/// All requests that others wait for.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<Key, Flight>>);

#[derive(Debug)]
struct Flight {
    number: u64,
    began: Instant,
    landing: watch::Receiver<Option<Landing>>,
}

/// Whether one asks or waits.
pub enum Boarded {
    First(Ticket),
    Waiting(watch::Receiver<Option<Landing>>),
}

/// Of whoever asks for the others. Dropped without a landing, the others go on alone.
#[derive(Debug)]
pub struct Ticket {
    flights: Arc<Flights>,
    key: Key,
    number: u64,
    landing: watch::Sender<Option<Landing>>,
}

impl Flights {
    /// Joins whoever asks already, unless that began too long ago.
    pub fn board(self: &Arc<Self>, key: Key) -> Boarded {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = flights.get(&key);
        if let Some(flight) = before.filter(|flight| flight.began.elapsed() < COLLAPSE_AGE) {
            return Boarded::Waiting(flight.landing.clone());
        }
        let number = before.map_or(0, |flight| flight.number + 1);
        let (landing, landed) = watch::channel(None);
        flights.insert(key, Flight { number, began: Instant::now(), landing: landed });
        Boarded::First(Ticket { flights: Arc::clone(self), key, number, landing })
    }
}

impl Ticket {
    /// Tells those who wait.
    pub fn land(self, landing: Landing) {
        // Nobody may be waiting.
        let _ = self.landing.send(Some(landing));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            flights.remove(&self.key);
        }
    }
}

/// Waits for a landing; a flight that ended without one is none that can be shared.
pub async fn landed(mut waiting: watch::Receiver<Option<Landing>>) -> Landing {
    match waiting.wait_for(Option::is_some).await {
        Ok(landing) => landing.clone().unwrap_or(Landing::NotShared),
        Err(_) => Landing::NotShared,
    }
}
