//! Many changes of many profiles, one behind the other.
//!
//! In: ids and changes, as they are read. Out: how many are safe. As many wait for the disk at once as make large groups, and
//! no more: whoever brings them waits. It must not know where they come from.

use std::collections::VecDeque;

use super::{Profiles, StoreError, Written};
use crate::limits::{BULK_WAITING, BULK_WAITING_BYTES};
use crate::profile::{Change, ProfileId};

/// Changes that are being handed over.
#[derive(Debug)]
pub struct Bulk {
    profiles: Profiles,
    /// With the bytes that each had where it came from.
    waiting: VecDeque<(usize, Written)>,
    bytes: usize,
    safe: u64,
}

impl Bulk {
    /// Begins to hand over changes.
    pub fn new(profiles: Profiles) -> Self {
        Self { profiles, waiting: VecDeque::new(), bytes: 0, safe: 0 }
    }

    /// Hands over the changes of one profile; waits while enough wait. Must be called within the runtime.
    ///
    /// # Errors
    /// Changes that were handed over before can't be written. [`safe`](Bulk::safe) of them are.
    pub async fn hand_over(&mut self, id: &ProfileId, changes: Vec<Change>, bytes: usize) -> Result<(), StoreError> {
        while self.waiting.len() >= BULK_WAITING || (self.bytes + bytes > BULK_WAITING_BYTES && self.bytes > 0) {
            self.settle_first().await?;
        }
        self.waiting.push_back((bytes, self.profiles.change(id, changes)));
        self.bytes += bytes;
        Ok(())
    }

    /// Waits until all is safe.
    ///
    /// # Errors
    /// As for [`hand_over`](Bulk::hand_over).
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        while !self.waiting.is_empty() {
            self.settle_first().await?;
        }
        Ok(())
    }

    /// How many were handed over and are safe, from the first on without a gap.
    pub fn safe(&self) -> u64 {
        self.safe
    }

    async fn settle_first(&mut self) -> Result<(), StoreError> {
        let Some((bytes, written)) = self.waiting.pop_front() else { return Ok(()) };
        self.bytes -= bytes;
        written.durably().await?;
        self.safe += 1;
        Ok(())
    }
}
