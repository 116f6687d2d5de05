//! From an answer to a value: read as its format, held against what is expected, and cut down to what is wanted.
//!
//! In: a head and a body. Out: JSON. It must not ask anybody.

use bytes::Bytes;
use http::header::{self, HeaderMap};
use serde_json::Value as Json;

use super::definition::{Definition, Format, Select};
use super::failure::SourceError;
use super::xml;

/// The value of an answer.
///
/// # Errors
/// [`SourceError::Unreadable`], [`SourceError::Unexpected`].
pub(super) fn value(definition: &Definition, headers: &HeaderMap, body: &Bytes) -> Result<Json, SourceError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    definition.expect.check_type(content_type).map_err(SourceError::Unexpected)?;
    let value = match told(definition.format, content_type) {
        Format::Text => Json::String(text(content_type, body)),
        Format::Xml => {
            let text = text(content_type, body);
            xml::read(&text).map_err(|error| SourceError::Unreadable("XML", Box::new(error)))?
        }
        // An empty answer, to a POST perhaps, is one that says nothing.
        Format::Told | Format::Json if body.iter().all(u8::is_ascii_whitespace) => Json::Null,
        Format::Told | Format::Json => {
            serde_json::from_slice(body).map_err(|error| SourceError::Unreadable("JSON", Box::new(error)))?
        }
    };
    definition.expect.check_value(&value).map_err(SourceError::Unexpected)?;
    Ok(match &definition.select {
        Some(select) => select.of(&value),
        None => value,
    })
}

/// The format, as the type says where the author does not.
fn told(format: Format, content_type: Option<&str>) -> Format {
    if format != Format::Told {
        return format;
    }
    let essence = essence(content_type).to_ascii_lowercase();
    match essence.as_str() {
        "application/xml" | "text/xml" => Format::Xml,
        xml if xml.ends_with("+xml") => Format::Xml,
        "text/json" | "text/javascript" => Format::Json,
        text if text.starts_with("text/") => Format::Text,
        _ => Format::Json,
    }
}

/// The type without its parameters.
pub(super) fn essence(content_type: Option<&str>) -> &str {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// The charset that a type names.
pub(super) fn charset(content_type: Option<&str>) -> Option<&'static encoding_rs::Encoding> {
    let parameters = content_type.unwrap_or_default().split(';').skip(1);
    let charset = parameters
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find_map(|(name, value)| name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_owned()));
    charset.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
}

/// The body as text, in the charset that its type names; UTF-8 if it names none.
fn text(content_type: Option<&str>, body: &Bytes) -> String {
    charset(content_type).unwrap_or(encoding_rs::UTF_8).decode(body).0.into_owned()
}

impl Select {
    /// What it selects: the one value where it can be only one, null if that is not there; else the list of all.
    pub fn of(&self, value: &Json) -> Json {
        let found = self.0.query(value);
        match self.is_singular() {
            true => found.first().cloned().unwrap_or(Json::Null),
            false => found.all().into_iter().cloned().collect(),
        }
    }

    /// Whether it names one place (RFC 9535 section 2.3.5): names and indices only.
    fn is_singular(&self) -> bool {
        let text = self.0.to_string();
        let mut quoted = None;
        let mut last = ' ';
        for c in text.chars() {
            match quoted {
                Some(quote) if c == quote && last != '\\' => quoted = None,
                Some(_) => {}
                None if matches!(c, '\'' | '"') => quoted = Some(c),
                None if matches!(c, '*' | '?' | ':' | ',') || (c == '.' && last == '.') => return false,
                None => {}
            }
            last = c;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json_path::JsonPath;

    use super::*;

    #[test]
    fn one_place_is_its_value_and_many_are_a_list() {
        let value = json!({ "a": { "b c": [1, 2], "x": null }, "list": [{ "n": 1 }, { "n": 2 }] });
        for (path, selected) in [
            ("$.a['b c'][1]", json!(2)),
            ("$.a", json!({ "b c": [1, 2], "x": null })),
            ("$.gone.x", Json::Null),
            ("$.list[*].n", json!([1, 2])),
            ("$..n", json!([1, 2])),
            ("$.list[?@.n > 1].n", json!([2])),
            ("$.list[0:1]", json!([{ "n": 1 }])),
            ("$['a.*']", Json::Null),
        ] {
            assert_eq!(Select(JsonPath::parse(path).unwrap()).of(&value), selected, "{path}");
        }
    }

    #[test]
    fn the_type_tells_the_format_where_the_author_does_not() {
        for (content_type, format) in [
            (None, Format::Json),
            (Some("application/json"), Format::Json),
            (Some("application/problem+json"), Format::Json),
            (Some("text/plain; charset=latin1"), Format::Text),
            (Some("application/rss+xml"), Format::Xml),
        ] {
            assert_eq!(told(Format::Told, content_type), format, "{content_type:?}");
        }
        assert_eq!(text(Some("text/plain; charset=\"latin1\""), &Bytes::from_static(b"\xE9")), "é");
    }
}
