//! The life of a request, through the real server with real sockets: an in-process origin behind, files in a folder as
//! rules, a clock that is set.

mod house;
mod laying;
mod passing;
