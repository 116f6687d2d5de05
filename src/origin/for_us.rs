//! What an origin tells Inlay and nobody else: fields whose names begin with `Inlay-`.
//!
//! In: the head of a response, or its trailers. Out: which fields these are, and the rest without them. It must not read what
//! they say.

use http::HeaderMap;
use http::header::HeaderName;

/// Whether a field is for Inlay, whether or not this version has a use for it.
pub fn is_for_us(name: &HeaderName) -> bool {
    name.as_str().starts_with("inlay-")
}

/// Takes these fields out: they may name a visitor, and no client gets them.
pub fn withhold(fields: &mut HeaderMap) {
    // Most responses have none, and nothing is made for them.
    while let Some(name) = fields.keys().find(|name| is_for_us(name)).cloned() {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_for_us_goes_and_nothing_else() {
        let mut fields = HeaderMap::new();
        for name in ["inlay-event", "etag", "inlay-event", "inlay-identify", "x-inlay", "inlay-of-tomorrow", "inlaying"]
        {
            fields.append(HeaderName::from_static(name), "x".parse().unwrap());
        }
        withhold(&mut fields);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["etag", "inlaying", "x-inlay"]);
    }
}
