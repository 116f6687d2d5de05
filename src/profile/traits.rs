//! What is known of somebody that is no event: any JSON, by name, bounded.
//!
//! In: JSON objects. Out: [`Traits`], and what they become when changed. It must not know what a trait means.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::event::is_within_depth;
use crate::limits::{PROFILE_TRAITS_BYTES, PROFILE_TRAITS_DEPTH};

/// Why something is no set of traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TraitsError {
    #[error("traits are an object")]
    NoObject,
    #[error("traits have at most {PROFILE_TRAITS_BYTES} bytes as JSON")]
    TooLarge,
    #[error("traits are nested at most {PROFILE_TRAITS_DEPTH} deep")]
    TooDeep,
}

/// Traits by name, known to be within their bounds. Cheap to clone.
#[derive(Clone, Default, PartialEq)]
pub struct Traits(Arc<Map<String, Json>>);

impl Traits {
    /// Takes a JSON object.
    ///
    /// # Errors
    /// [`TraitsError`].
    pub fn new(json: Json) -> Result<Self, TraitsError> {
        let Json::Object(map) = json else { return Err(TraitsError::NoObject) };
        if !map.values().all(|value| is_within_depth(value, PROFILE_TRAITS_DEPTH - 1)) {
            return Err(TraitsError::TooDeep);
        }
        match bytes(&map) <= PROFILE_TRAITS_BYTES {
            true => Ok(Self(Arc::new(map))),
            false => Err(TraitsError::TooLarge),
        }
    }

    /// Takes what [`text`](Traits::text) gave before, which was judged then. Text that is no object is no trait.
    pub fn kept(text: &str) -> Self {
        Self(Arc::new(serde_json::from_str(text).unwrap_or_default()))
    }

    /// The traits as JSON text.
    pub fn text(&self) -> String {
        serde_json::to_string(&*self.0).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The object.
    pub fn map(&self) -> &Arc<Map<String, Json>> {
        &self.0
    }

    /// These, changed by a patch as RFC 7396 says: objects are merged, `null` takes away, anything else replaces.
    ///
    /// # Errors
    /// [`TraitsError`]: the result would be too large.
    pub fn merged(&self, patch: &Traits) -> Result<Self, TraitsError> {
        let mut map = Map::clone(&self.0);
        merge(&mut map, &patch.0);
        Self::new(Json::Object(map))
    }

    /// These, and of `other` those whose name these do not have, while they fit.
    #[must_use]
    pub fn with_missing(&self, other: &Traits) -> Self {
        let mut map = Map::clone(&self.0);
        let mut size = bytes(&map);
        for (name, value) in &*other.0 {
            let more = name.len() + value.to_string().len() + "\"\":,".len();
            if !map.contains_key(name) && size + more <= PROFILE_TRAITS_BYTES {
                size += more;
                map.insert(name.clone(), value.clone());
            }
        }
        Self(Arc::new(map))
    }
}

fn bytes(map: &Map<String, Json>) -> usize {
    serde_json::to_string(map).map_or(usize::MAX, |text| text.len())
}

/// RFC 7396 section 2, for objects. Recursion is bounded by the patch's depth.
fn merge(map: &mut Map<String, Json>, patch: &Map<String, Json>) {
    for (name, value) in patch {
        match value {
            Json::Null => {
                map.shift_remove(name);
            }
            Json::Object(inner) => {
                let into = map.entry(name.clone()).or_insert(Json::Null);
                if !into.is_object() {
                    *into = Json::Object(Map::new());
                }
                if let Json::Object(into) = into {
                    merge(into, inner);
                }
            }
            value => {
                map.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The traits themselves are kept out of logs.
impl fmt::Debug for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traits({} names)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traits(json: Json) -> Traits {
        Traits::new(json).expect("traits")
    }

    #[test]
    fn a_patch_merges_replaces_and_takes_away() {
        // The examples of RFC 7396, appendix A, that are objects on both sides.
        for (before, patch, after) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(traits(before).merged(&traits(patch)), Ok(traits(after)));
        }
    }

    #[test]
    fn traits_are_bounded_also_when_they_grow() {
        let half = |name: &str| traits(json!({ name: "x".repeat(PROFILE_TRAITS_BYTES / 2) }));
        assert_eq!(half("a").merged(&half("b")), Err(TraitsError::TooLarge));
        assert_eq!(half("a").with_missing(&half("b")), half("a"));
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert_eq!(Traits::new(nested(PROFILE_TRAITS_DEPTH + 1)), Err(TraitsError::TooDeep));
        assert!(Traits::new(nested(PROFILE_TRAITS_DEPTH)).is_ok());
    }
}
