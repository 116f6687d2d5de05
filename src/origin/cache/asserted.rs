//! What a deployment asserts of an origin's answers, beyond what they say themselves.
//!
//! In: a route's settings. Out: plain data for the cache. It must not look at a message.

use std::sync::Arc;

pub use crate::origin::policy::storing::SetCookie;

/// Asserted of all answers of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asserted {
    /// The cookies that they depend on; `None`: nothing is asserted.
    pub cookies: Option<Vec<Arc<str>>>,
    pub set_cookie: SetCookie,
}

/// Nothing is asserted.
pub static NOTHING: Asserted = Asserted { cookies: None, set_cookie: SetCookie::Forbids };
