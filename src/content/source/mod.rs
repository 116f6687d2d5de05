//! Sources: outside systems that are read, each with its own manners: who it is, how it is asked, what is kept of it, and how it
//! is spared.
//!
//! In: a call with its arguments ([`Ask`]). Out: a value with what it means for whoever keeps it ([`Known`]), or why there is
//! none. It must not know who asks, nor what is made of it.
//!
//! The way of a call, file by file:
//!
//! ```text
//! facts    → `sources.NAME(…)` in code: answers that are known, and bringing those that are missing
//! running  → one source: kept answers (keep), one flight for all who ask the same, fallback
//! witness  → what one exchange asked, for whoever wants it told
//! batch    → many asks become one call
//! call     → room and rate (limiter), whether it may be asked at all (breaker), retries and hedges (patience)
//! request  → method, URL, head and body of a call, said by phrases over its arguments (phrase), signed and admitted (auth, token)
//! exchange → one HTTP exchange: redirects, bounds            (client: connections, and whom they may reach)
//! reading  → what came becomes a value: format (xml), what is expected of it (expect), what is cut out of it
//! fakes    → in tests, what is answered in place of all that
//! opening  → or it is laid in as it is: HTML, checked by its head, as it comes
//! ```

mod ask;
pub mod auth;
mod batch;
mod breaker;
mod call;
mod client;
pub mod definition;
mod exchange;
pub mod expect;
mod facts;
mod failure;
pub mod fakes;
mod keep;
mod limiter;
mod opening;
mod patience;
pub mod phrase;
mod reading;
mod request;
mod running;
mod sources;
mod token;
mod witness;
mod xml;

pub use ask::{Ask, AskError};
pub use facts::SourceFacts;
pub use failure::SourceError;
pub use running::{Known, State};
pub use sources::{House, Sources};
pub use witness::{Asking, Became, Call, Witness};
