//! Calls of functions that are being made, so that a thousand visitors who come for one at once have it made once.
//!
//! In: the key under which the cache lacks a result. Out: the turn to make it, or the way to wait for whoever does. Nobody waits for
//! more than one call under a key: what was made and not kept, each must make for themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::scope::ledger::Fingerprint;

type Under = HashMap<Fingerprint, watch::Receiver<bool>>;

/// All calls that are being made. Cheap to clone; all clones are the same. It holds one entry for each call under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Mutex<Under>>);

/// Whose turn it is.
pub(super) enum Turn {
    Ours(Making),
    Theirs(Theirs),
}

/// The turn to make what is missing. Dropped before it is [done](Turn::done), it passes on to one of those who wait.
pub(super) struct Making {
    calls: Calls,
    key: Fingerprint,
    done: watch::Sender<bool>,
}

/// Somebody else's turn.
pub(super) struct Theirs(watch::Receiver<bool>);

impl Calls {
    /// The turn to make what is missing under `key`.
    pub fn turn(&self, key: Fingerprint) -> Turn {
        let mut under = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = under.get(&key) {
            return Turn::Theirs(Theirs(theirs.clone()));
        }
        let (done, theirs) = watch::channel(false);
        under.insert(key, theirs);
        Turn::Ours(Making { calls: self.clone(), key, done })
    }
}

impl Turn {
    /// What was made, if it can be kept, is in the cache.
    pub fn done(self) {
        if let Self::Ours(making) = self {
            making.done.send_replace(true);
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Theirs {
    /// Waits until the turn is over; whether it was done, and not given up.
    pub async fn over(mut self) -> bool {
        self.0.wait_for(|done| *done).await.is_ok()
    }
}
