//! `compression` as written.
//!
//! In: a tree. Out: [`RawCompression`]. It must not compress.

use crate::config::read::record::record;
use crate::config::read::shapes::choices;
use crate::http::coding::Effort;

record! {
    /// How pages are compressed that can't be compressed beforehand.
    RawCompression: "a map with `level`" {
        /// How much is done for pages that are compressed as they stream, which are those that may not be shared and those
        /// whose fragments are late: `fast` (the default), `balanced`, or `small`.
        key "level" level: Effort,
    }
    later []
}

choices!(Effort: "a level of compression" {
    "fast" => Effort::Fast,
    "balanced" => Effort::Balanced,
    "small" => Effort::Small,
});
