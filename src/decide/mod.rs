//! Decisions about visitors: audiences, shares. Pure.
//!
//! In: facts and definitions. Out: answers with their reasons. It must not fetch, wait, or ask for the time.

pub mod audience;
pub mod bucket;
pub mod lists;
pub mod supposed;
