//! `profiles` as written: how much is remembered of everybody, and for how long.
//!
//! In: a tree. Out: [`RawProfiles`]. It must not judge numbers.

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Integer};

record! {
    /// How much is remembered of everybody, and for how long.
    RawProfiles: "a map with `events`, `age`, `session` or `forget`" {
        /// How many recent events a profile keeps; 100 by default. Counts go on beyond them.
        key "events" events: Integer,
        /// How old they may be; 90d by default.
        key "age" age: Duration,
        /// The silence after which the next request begins a new session; 30m by default.
        key "session" session: Duration,
        /// Who was not seen for so long is forgotten; 400d by default.
        key "forget" forget: Duration,
    }
    later []
}
