//! What is expected of an answer before anything of it is used.
//!
//! In: an answer's status, type and value. Out: whether it is as expected, and what is not. It must not change it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value as Json;

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Statuses that are answers.
    pub status: Vec<RangeInclusive<u16>>,
    /// Media types, as `application/json` or `text/*`; none: any.
    pub content_type: Vec<Arc<str>>,
    /// Fields that must be there and not null, dotted: `data.items`.
    pub required: Vec<Arc<str>>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { status: vec![200..=299], content_type: Vec::new(), required: Vec::new() }
    }
}

impl Expect {
    /// Whether an answer of this status is one.
    pub fn wants(&self, status: StatusCode) -> bool {
        self.status.iter().any(|span| span.contains(&status.as_u16()))
    }

    /// Whether the type is one of those.
    ///
    /// # Errors
    /// What is not as expected.
    pub fn check_type(&self, content_type: Option<&str>) -> Result<(), String> {
        let told = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let fits = |wanted: &str| match wanted.strip_suffix('*') {
            Some(beginning) => told.starts_with(beginning),
            None => told == wanted,
        };
        match self.content_type.is_empty() || self.content_type.iter().any(|wanted| fits(wanted)) {
            true => Ok(()),
            false => Err("its type is not the one that is expected".to_owned()),
        }
    }

    /// Whether all that must be there is.
    ///
    /// # Errors
    /// The first field that is not.
    pub fn check_value(&self, value: &Json) -> Result<(), String> {
        let missing = |path: &&Arc<str>| at(value, path).is_none_or(Json::is_null);
        match self.required.iter().find(missing) {
            Some(path) => Err(format!("`{path}` is missing")),
            None => Ok(()),
        }
    }
}

fn at<'j>(value: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('.').try_fold(value, |value, key| match value {
        Json::Object(map) => map.get(key),
        Json::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_there_at_any_depth() {
        let expect = |path: &str| Expect { required: vec![path.into()], ..Expect::default() };
        let value = json!({ "data": { "items": [{ "id": 0 }], "none": null } });
        for there in ["data", "data.items.0.id"] {
            assert_eq!(expect(there).check_value(&value), Ok(()), "{there}");
        }
        for missing in ["data.none", "data.items.1", "other", "data.items.id"] {
            assert!(expect(missing).check_value(&value).is_err(), "{missing}");
        }
    }

    #[test]
    fn types_are_compared_without_their_parameters() {
        let expect = Expect { content_type: vec!["application/json".into(), "text/*".into()], ..Expect::default() };
        assert!(expect.check_type(Some("Application/JSON; charset=utf-8")).is_ok());
        assert!(expect.check_type(Some("text/csv")).is_ok());
        assert!(expect.check_type(Some("image/png")).is_err() && expect.check_type(None).is_err());
    }
}
