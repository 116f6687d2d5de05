//! What the API is asked to purge.
//!
//! In: the body of `POST /api/v1/purge`. Out: what is meant and how, or what is wrong with it and what to write instead. It must
//! not purge.

use serde_json::Value;
use thiserror::Error;

use crate::limits::PURGE_TERMS;
use crate::origin::cache::{Purge, PurgeError, Severity};

/// One order to purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// A stored response is meant if one of these means it.
    pub purges: Vec<Purge>,
    pub severity: Severity,
}

/// Why a body is no order.
#[derive(Debug, Error)]
pub enum OrderError {
    #[error("The body is no JSON object: {0}. {EXAMPLE}")]
    NotJson(#[from] serde_json::Error),
    #[error("The body is no JSON object. {EXAMPLE}")]
    NoObject,
    #[error("`{0}` is not known here; a purge has `url`, `prefix`, `tag` and `soft`.")]
    UnknownKey(String),
    #[error("`{0}` is a text or a list of texts.")]
    NoText(String),
    #[error("`soft` is true or false.")]
    NoSeverity,
    #[error("Nothing is named. {EXAMPLE}")]
    Nothing,
    #[error("More than {PURGE_TERMS} are named at once: send them in several requests, or give the pages a tag.")]
    TooMany,
    #[error(transparent)]
    Purge(#[from] PurgeError),
}

const EXAMPLE: &str = "Send such as {\"url\": \"https://www.example.com/a\"}, {\"prefix\": \"/news/\"} or {\"tag\": \"article-7\", \
                       \"soft\": true}.";

impl Order {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(body: &[u8]) -> Result<Self, OrderError> {
        let Value::Object(object) = serde_json::from_slice(body)? else { return Err(OrderError::NoObject) };
        let mut order = Self { purges: Vec::new(), severity: Severity::Hard };
        for (key, value) in &object {
            let make = match key.as_str() {
                "url" => Purge::url,
                "prefix" => Purge::prefix,
                "tag" => Purge::tag,
                "soft" => {
                    order.severity = severity(value)?;
                    continue;
                }
                _ => return Err(OrderError::UnknownKey(key.clone())),
            };
            for text in texts(key, value)? {
                order.purges.push(make(text)?);
            }
        }
        match order.purges.len() {
            0 => Err(OrderError::Nothing),
            1..=PURGE_TERMS => Ok(order),
            _ => Err(OrderError::TooMany),
        }
    }
}

fn severity(value: &Value) -> Result<Severity, OrderError> {
    match value.as_bool() {
        Some(true) => Ok(Severity::Soft),
        Some(false) => Ok(Severity::Hard),
        None => Err(OrderError::NoSeverity),
    }
}

/// One text, or several.
fn texts<'a>(key: &str, value: &'a Value) -> Result<Vec<&'a str>, OrderError> {
    let texts = match value {
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        value => value.as_str().map(|text| vec![text]),
    };
    texts.ok_or_else(|| OrderError::NoText(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_one_or_several() {
        let order = Order::read(br#"{"url": "HTTPS://Shop.Example:443/a", "tag": ["x", "y"], "soft": true}"#);
        let purges = vec![Purge::Url("https://shop.example/a".into()), Purge::Tag("x".into()), Purge::Tag("y".into())];
        assert_eq!(order.expect("an order"), Order { purges, severity: Severity::Soft });
    }

    #[test]
    fn a_wrong_order_is_told_what_to_write() {
        for (body, told) in [
            ("", "no JSON"),
            ("[]", "no JSON object. Send such as {\"url\""),
            ("{}", "Nothing is named. Send such as"),
            (r#"{"soft": true}"#, "Nothing is named"),
            (r#"{"url": []}"#, "Nothing is named"),
            (r#"{"urls": "/a"}"#, "`urls` is not known here; a purge has `url`"),
            (r#"{"url": 7}"#, "`url` is a text or a list of texts"),
            (r#"{"tag": ["a", 7]}"#, "`tag` is a text or a list"),
            (r#"{"url": "/a", "soft": "yes"}"#, "`soft` is true or false"),
            (r#"{"url": "www.example.com/a"}"#, "begins with `http://`, `https://` or `/`"),
            (r#"{"url": "ftp://www.example.com/a"}"#, "begins with"),
            (r#"{"prefix": ""}"#, "begins with"),
            (r#"{"url": "/a b"}"#, "percent-encoded"),
            (r#"{"tag": "a b"}"#, "without spaces and commas"),
            (r#"{"tag": ""}"#, "without spaces and commas"),
        ] {
            let error = Order::read(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(told), "{body}: {error}");
        }
        let many = serde_json::json!({ "tag": vec!["t"; PURGE_TERMS + 1] }).to_string();
        assert!(matches!(Order::read(many.as_bytes()), Err(OrderError::TooMany)));
    }
}
