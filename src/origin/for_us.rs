//! What an origin tells Inlay and nobody else: fields whose names begin with `Inlay-`.
//!
//! In: the head of a response, or its trailers. Out: these fields, and the rest without them. It must not read what they say.

use http::HeaderMap;
use http::header::{Entry, HeaderName, HeaderValue};

/// Whether a field is for Inlay, whether or not this version has a use for it.
pub fn is_for_us(name: &HeaderName) -> bool {
    name.as_str().starts_with("inlay-")
}

/// In which an origin speaks of one visitor.
const OF_VISITORS: [&str; 3] = ["inlay-identify", "inlay-profile", "inlay-event"];

/// What an origin told us of the visitor in the head of one answer, name by name. Stands among the answer's extensions.
#[derive(Clone, Debug)]
pub struct ForUs(pub Vec<(HeaderName, HeaderValue)>);

/// Takes all fields out that are for us: they may name a visitor, and no client gets them. Out: what they tell of a visitor; `None` for
/// most responses.
pub fn take(fields: &mut HeaderMap) -> Option<ForUs> {
    let mut taken = Vec::new();
    while let Some(name) = fields.keys().find(|name| is_for_us(name)).cloned() {
        if let Entry::Occupied(entry) = fields.entry(&name) {
            let values = entry.remove_entry_mult().1;
            if OF_VISITORS.contains(&name.as_str()) {
                taken.extend(values.map(|value| (name.clone(), value)));
            }
        }
    }
    (!taken.is_empty()).then_some(ForUs(taken))
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
        let taken = take(&mut fields).expect("some are");
        assert_eq!(taken.0.len(), 3);
        assert!(take(&mut fields).is_none());
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["etag", "inlaying", "x-inlay"]);
    }
}
