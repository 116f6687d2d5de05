//! `cache` as written, at the top and in routes.
//!
//! In: a tree. Out: [`RawCache`], [`RawRouteCache`]. It must not share memory out: that is `settings`.

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Size};
use crate::config::read::shapes::choices;
use crate::origin::cache::SetCookie;

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

record! {
    /// What may be done with a route's answers.
    RawRouteCache: "a map with `set_cookie`" {
        /// What becomes of an answer that may be stored and sets cookies: `forbid` (it is not stored; the default), or `strip`: it
        /// is stored without them and nobody gets them. Strip only where no page needs them: what was made for one visitor
        /// (a session, a form's token) would be shown to all.
        key "set_cookie" set_cookie: SetCookie,
    }
    later ["ttl"]
}

choices!(SetCookie: "what becomes of set cookies" { "forbid" => SetCookie::Forbids, "strip" => SetCookie::Stripped });
