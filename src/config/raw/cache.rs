//! `cache` as written.
//!
//! In: a tree. Out: [`RawCache`]. It must not share memory out: that is `settings`.

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Size};

record! {
    /// What is kept in memory.
    RawCache: "a map with `memory` or `responses`" {
        /// How much memory all caches may take together; 320MiB by default.
        key "memory" memory: Size,
        /// How much of it stored responses of origins may take; three fifths by default, `0` stores none.
        key "responses" responses: Size,
        /// How much of it compiled pages may take; a fifth by default, `0MiB` keeps none. Rendered fragments get the rest.
        key "pages" pages: Size,
        /// The largest response that is stored; 16MiB by default.
        key "object" object: Size,
        /// How stale a response may be that stands in for an origin which is down, where the origin does not say; 1h by default.
        key "stale_if_error" stale_if_error: Duration,
    }
    later ["disk", "ttl"]
}
