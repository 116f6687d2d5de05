//! What functions may use, as written: in `inlay.yaml` for all of them, beside a content for its own.
//!
//! In: a tree. Out: [`RawFunctions`], [`RawBounds`]. It must not fill in defaults.

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Integer, Size};

record! {
    /// What functions may use.
    RawFunctions: "a map such as `{ cpu: 50ms, memory: 16MiB }`" {
        [bounds: RawBounds]
        /// Threads on which functions run; as many as the machine runs at once by default, 2 to 16.
        key "threads" threads: Integer,
    }
    later []
}

record! {
    /// What one call of a function may use.
    RawBounds: "a map such as `{ cpu: 50ms, memory: 16MiB }`" {
        /// Time of computing, waiting not counted; 50ms by default.
        key "cpu" cpu: Duration,
        /// Memory; 16MiB by default.
        key "memory" memory: Size,
        /// Text that it returns; 1MiB by default.
        key "output" output: Size,
        /// How often it may ask sources; 50 by default.
        key "asks" asks: Integer,
        /// Lines that it may write to its console; 20 by default.
        key "console" console: Integer,
    }
    later []
}
