//! A compiled page goes to one visitor.
//!
//! In: a [`CompiledPage`], and whoever fills its slots. Out: the page in one if every fill is at hand, else a walk that waits
//! for those that are late. It must not wait itself.

use std::sync::Arc;

use super::Fills;
use super::assembled::Assembled;
use super::compiled::CompiledPage;
use super::follow::Follower;
use super::lay::Laying;
use super::nonce::Nonce;
use super::slots::PageSlots;

/// A page on its way to one visitor.
#[allow(
    clippy::large_enum_variant,
    reason = "the large one is the common one; a box would cost the allocation it is without"
)]
pub enum Serving<F> {
    /// Every fill was at hand: the page that leaves, its length known. The fills have been told of every slot.
    Whole(Assembled, F),
    /// Some fills are late: pieces come as they are ready, and only a late slot that is due is waited for.
    Late(Box<Follower<F>>),
}

impl CompiledPage {
    /// Lays `fills` in. `nonce` stands in the place of the page's own, in the body as in the policy that the response is
    /// sent with; it must be another for each response. A page without a nonce ignores it.
    pub fn serve<F: Fills>(&self, nonce: Option<Nonce>, mut fills: F) -> Serving<F> {
        let mut slots = PageSlots::new(Arc::clone(&self.markers), self.charset);
        for found in &self.found {
            let filling = fills.open(&found.slot);
            slots.expect(found, filling);
        }
        if slots.are_known() {
            let assembled = Laying::new(self, slots, nonce, &mut fills).lay();
            return Serving::Whole(assembled, fills);
        }
        let mut follower = Follower::with(slots, nonce, fills);
        follower.push(self.pieces.iter().cloned());
        follower.end();
        Serving::Late(Box::new(follower))
    }
}
