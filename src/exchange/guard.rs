//! The wall between the personalisation and the page: a panic in the one does not take the other down.
//!
//! In: a part of the personalisation. Out: what it gives, or `None`. It must not decide what its failure costs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::actions::Acting;
use super::plan::Plan;

/// Decides what is to be laid in. `None` if nothing is, or if deciding panicked.
pub fn decided<P>(decide: impl FnOnce() -> Option<P>) -> Option<P> {
    guarded("deciding rules", decide).flatten()
}

/// Fills a part of a plan. `None` if that panicked: then none of the plan counts.
pub fn filled(mut plan: Plan, fill: impl FnOnce(&mut Plan)) -> Option<Plan> {
    guarded("filling fragments", || fill(&mut plan)).map(|()| plan)
}

/// Works out what rules do with the exchange itself. Nothing, if that panicked.
pub fn acting(act: impl FnOnce() -> Acting) -> Acting {
    guarded("acting on the request", act).unwrap_or_default()
}

fn guarded<T>(what: &str, part: impl FnOnce() -> T) -> Option<T> {
    // Nothing that the part was changing is used after a panic.
    catch_unwind(AssertUnwindSafe(part))
        .inspect_err(|_| tracing::error!(what, "a part of the personalisation panicked"))
        .ok()
}
