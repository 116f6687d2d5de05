//! Both kinds of file as their authors wrote them: every key, typed and with its place, but nothing checked across
//! keys.
//!
//! In: trees. Out: records. Types end here: what they mean is `settings` and `compile`. It must not
//! know them.

pub mod actions;
pub mod audiences;
pub mod cache;
pub mod collect;
pub mod compression;
pub mod contents;
pub mod deployment;
pub mod fakes;
pub mod fetches;
pub mod functions;
pub mod geo;
pub mod limits;
pub mod listen;
pub mod on_error;
pub mod origins;
pub mod profiles;
pub mod rate_limits;
pub mod rules;
pub mod sources;
pub mod tests;
pub mod visitor;
pub mod wanted;
