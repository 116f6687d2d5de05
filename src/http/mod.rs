//! Parts of HTTP that know nothing of us: bodies, headers, cookies, codings, who is at the other end, and a client.
//!
//! In: messages as hyper has them. Out: the same, read or changed as the RFCs say. It must not know rules, pages,
//! visitors or settings files.

pub mod accept;
pub mod activity;
pub mod alike;
pub mod annotations;
mod anywhere;
pub mod body;
pub mod bounds;
pub mod caching;
pub mod client;
pub mod coding;
mod connection;
pub mod cookies;
mod dial;
pub mod flow;
pub mod forwarded;
pub mod forwards;
// Public for the fuzzers (`fuzz/`).
#[doc(hidden)]
pub mod framing;
pub mod headers;
pub mod host;
pub mod household;
mod interim;
pub mod lines;
pub mod nonce;
pub mod path;
pub mod peer;
pub mod pem;
pub mod policy;
pub(crate) mod passing;
mod pool;
pub mod problem;
pub mod proxy_protocol;
mod reach;
pub mod security;
mod told;
pub mod trust;
pub mod tunnel;
mod weight;

pub use body::{Body, BodyError};
