//! What HTTP/2 (RFC 9113) needs besides the library: frames read along, counted and held to the rules that it leaves out.
//!
//! In: the bytes of a connection both ways; its requests and responses. Out: the same, WebSocket made a handshake of HTTP/1.1;
//! the end of the connection, or of a stream, where it must end. It must not decode header blocks: the library does.

mod allowance;
mod blame;
mod fault;
mod frame;
mod malformed;
mod rules;
mod streams;
mod trailers;
mod watched;
mod websocket;

pub use malformed::check;
pub use streams::{Pieces, Streams};
pub use watched::Watched;
pub use websocket::Handshake;
