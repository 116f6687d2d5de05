//! The corpora of requests and responses: one file, one case. Each request goes through the proxy to an origin that keeps the
//! bytes it gets; nothing that two readers could read differently may arrive there. Each response comes from an origin that
//! sends exactly these bytes; nothing malformed may reach the client as whole, or the next request on the same connection.
//!
//! A file holds `# comments`, then `expect:` and what else its runner reads (see [`case::Case`]), then `--- bytes` and the bytes:
//! `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` stand for what they say, the ends of the file's own lines for nothing. `{N*text}` is
//! that text N times.

#[path = "strict/case.rs"]
mod case;
#[path = "net/house.rs"]
#[allow(dead_code, reason = "the house has furniture for the tests of the network too")]
mod house;
#[path = "strict/origin.rs"]
mod origin;
#[path = "strict/requests.rs"]
mod requests;
#[path = "strict/responses.rs"]
mod responses;

use case::Case;
