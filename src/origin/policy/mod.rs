//! What a shared cache may do with a response: RFC 9111, with RFC 5861, RFC 8246 and RFC 9213.
//!
//! In: heads, and the time. Out: decisions with their reasons. It must not store, ask, or know the clock: whoever asks brings
//! `now`.

pub mod condition;
pub mod range;
pub mod revalidation;
pub mod reuse;
pub mod storing;
pub mod vary;

pub use crate::http::policy::{age, directives, freshness, targeted};
pub use age::Received;
pub use directives::RequestDirectives;
pub use freshness::Terms;
pub use reuse::{Reuse, Tolerance, Why};
pub use storing::{NotStored, Storable};
