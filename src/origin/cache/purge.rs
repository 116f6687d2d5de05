//! What is to be purged.
//!
//! In: the words of whoever purges. Out: whether a stored response is meant. It must not change anything.

use super::stored::Stored;

/// Which stored responses are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Those of one URL; one without scheme and host means all hosts.
    Url(String),
    /// Those whose URL begins so; one without scheme and host means all hosts.
    Prefix(String),
    /// Those that the origin tagged so (`Surrogate-Key`, `Cache-Tag`).
    Tag(String),
}

/// How they are purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// They are stale from now on: confirmed before they are used again, and there if the origin is down.
    Soft,
    /// They are gone.
    Hard,
}

impl Purge {
    /// Whether a response under `url` is meant.
    pub fn means(&self, url: &str, stored: &Stored) -> bool {
        match self {
            Self::Url(wanted) => aligned(wanted, url) == wanted,
            Self::Prefix(wanted) => aligned(wanted, url).starts_with(wanted.as_str()),
            Self::Tag(tag) => stored.has_tag(tag),
        }
    }
}

/// The URL without scheme and host, where `wanted` has none.
fn aligned<'a>(wanted: &str, url: &'a str) -> &'a str {
    if !wanted.starts_with('/') {
        return url;
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or("/", |path| &url[host + path..])
}
