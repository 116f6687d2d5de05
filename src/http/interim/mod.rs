//! A bound on the interim responses (1xx) that a server sends before its answer (RFC 9110 section 15.2), in both versions.
//!
//! In: a request that is about to be sent, or a connection. Out: the moment when too many have come. It must not look into them.

mod http1;
mod http2;

pub use http1::too_many;
pub use http2::Watched;
