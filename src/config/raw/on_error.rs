//! `on_error` of a rule as written.
//!
//! In: a tree. Out: records. It must not look a name up.

use crate::config::read::record::record;
use crate::config::read::scalars::{Duration, Integer, Share};
use crate::config::yaml::Text;

record! {
    /// What is done where a rule's contents fail.
    RawOnError: "a map with `fragment` or `off`" {
        /// The fragment that is shown where a content of the rule failed, behind its own fallback.
        key "fragment" fragment: Text,
        /// When the rule is switched off.
        key "off" off: RawFuse,
        /// The source that is called, with `rule` and `state` (`off`, `on`), when the rule is switched off and when it is back.
        key "tell" tell: Text,
    }
    later []
}

record! {
    /// When a rule is switched off.
    RawFuse: "a map with `above`" {
        /// The share of the rule's pages on which something of it failed, such as `50%`.
        required "above" above: Share,
        /// Over how long; 1m by default.
        key "window" window: Duration,
        /// As many of its pages must have been served at all; 20 by default.
        key "at_least" at_least: Integer,
        /// For how long at first; 30s by default, twice as long each time, up to 10m.
        key "length" length: Duration,
    }
    later []
}
