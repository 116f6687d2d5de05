//! `collect` of inlay.yaml as written: what is remembered of what happens.
//!
//! In: a tree. Out: [`RawCollecting`]. It must not judge types of events.

use crate::config::read::record::record;
use crate::config::read::shapes::OneOrMany;
use crate::config::yaml::Text;

record! {
    /// What is remembered of what happens.
    RawCollecting: "a map with `from_browser` or `page_views`" {
        /// Types of events that are taken from pages' scripts, with `*` for any noun or verb; all but `order.*` and `fragment.served` by default.
        key "from_browser" from_browser: OneOrMany<Text>,
        /// Whether it is remembered which pages a visitor viewed; so it is by default.
        key "page_views" page_views: bool,
    }
    later []
}
