//! What a response says of its own use by shared caches: RFC 9111, with RFC 5861, RFC 8246 and RFC 9213.
//!
//! In: heads, and when they came. Out: how old a response is, for how long it is fresh, how far it may be used stale. It must
//! not decide whether anything is kept, nor know the clock.

pub mod age;
pub mod directives;
pub mod freshness;
pub mod targeted;
