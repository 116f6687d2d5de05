//! What is to be purged.
//!
//! In: the words of whoever purges. Out: whether a stored response is meant. It must not change anything.

use http::uri::{PathAndQuery, Uri};
use thiserror::Error;

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

/// Why words name nothing that can be stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PurgeError {
    #[error("`{0}` is no URL: one begins with `http://`, `https://` or `/`, the last for all hosts.")]
    NoUrl(String),
    #[error("`{0}` can't be sent as a URL: write it as browsers send it, percent-encoded.")]
    Malformed(String),
    #[error("`{0}` is no tag: write one as it stands in `Surrogate-Key` or `Cache-Tag`, without spaces and commas.")]
    NoTag(String),
}

impl Purge {
    /// By a URL, as visitors see it.
    ///
    /// # Errors
    /// It is none.
    pub fn url(text: &str) -> Result<Self, PurgeError> {
        as_stored(text).map(Self::Url)
    }

    /// By what URLs begin with.
    ///
    /// # Errors
    /// No URL begins so.
    pub fn prefix(text: &str) -> Result<Self, PurgeError> {
        as_stored(text).map(Self::Prefix)
    }

    /// By one tag.
    ///
    /// # Errors
    /// No response can be tagged so.
    pub fn tag(text: &str) -> Result<Self, PurgeError> {
        let possible = !text.is_empty() && !text.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control());
        possible.then(|| Self::Tag(text.to_owned())).ok_or_else(|| PurgeError::NoTag(text.to_owned()))
    }

    /// Whether a response under `url` is meant.
    pub fn means(&self, url: &str, stored: &Stored) -> bool {
        match self {
            Self::Url(wanted) => aligned(wanted, url) == wanted,
            Self::Prefix(wanted) => aligned(wanted, url).starts_with(wanted.as_str()),
            Self::Tag(tag) => stored.has_tag(tag),
        }
    }
}

/// A URL as stored ones are written: scheme and host in lower case, no port that goes without saying, no fragment.
fn as_stored(text: &str) -> Result<String, PurgeError> {
    let malformed = |_| PurgeError::Malformed(text.to_owned());
    if text.starts_with('/') {
        return Ok(text.parse::<PathAndQuery>().map_err(malformed)?.to_string());
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(PurgeError::NoUrl(text.to_owned()));
    }
    let uri: Uri = text.parse().map_err(malformed)?;
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let authority = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase()).unwrap_or_default();
    let implied = if scheme == "https" { ":443" } else { ":80" };
    let host = authority.strip_suffix(implied).unwrap_or(&authority);
    Ok(format!("{scheme}://{host}{}", uri.path_and_query().map_or("/", PathAndQuery::as_str)))
}

/// The URL without scheme and host, where `wanted` has none.
fn aligned<'a>(wanted: &str, url: &'a str) -> &'a str {
    if !wanted.starts_with('/') {
        return url;
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or("/", |path| &url[host + path..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_named_as_visitors_see_it() {
        for (text, stored) in [
            ("/a?b", "/a?b"),
            ("/a#top", "/a"),
            ("https://shop.example", "https://shop.example/"),
            ("HTTP://Shop.Example:80/A?b#c", "http://shop.example/A?b"),
            ("https://shop.example:8443/", "https://shop.example:8443/"),
            ("http://shop.example:443/", "http://shop.example:443/"),
        ] {
            assert_eq!(Purge::url(text), Ok(Purge::Url(stored.into())), "{text}");
        }
    }

    #[test]
    fn a_path_means_all_hosts() {
        for (wanted, url, same) in [
            ("/a", "https://x/a", "/a"),
            ("/a", "http://x:80/b/a", "/b/a"),
            ("https://x/a", "https://x/a", "https://x/a"),
        ] {
            assert_eq!(aligned(wanted, url), same);
        }
    }
}
