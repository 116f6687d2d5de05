//! What HTTP/2 (RFC 9113) needs besides the library: frames read along, counted and held to the rules that it leaves out.
//!
//! In: the bytes of a connection both ways; the heads of its requests. Out: the same bytes, and the end of the connection, or
//! of a stream, where it must end. It must not decode header blocks or hold content: the library does.

mod allowance;
mod fault;
mod frame;
mod malformed;
mod rules;
mod watched;

pub use malformed::check;
pub use watched::Watched;
