//! What a message's content is (RFC 9110 section 8.3), read as browsers do.
//!
//! In: a message's headers. Out: its type, and the charset that it names. It must not guess.

use http::HeaderMap;
use http::header;

/// What `Content-Type` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype`, lower-case.
    pub essence: String,
    /// The first `charset` parameter, unquoted, as it was written.
    pub charset: Option<String>,
}

impl ContentType {
    /// Reads the last `Content-Type` line, as browsers do; `None` if there is none that can be read.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let line = headers.get_all(header::CONTENT_TYPE).into_iter().next_back()?;
        // Parameters may hold bytes that are not ASCII; they never are a charset's name.
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut parts = line.split(';');
        let essence = parts.next()?.trim().to_ascii_lowercase();
        essence.split_once('/')?;
        let charset = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
            let unquoted = value.trim().trim_matches('"').trim();
            (name.trim().eq_ignore_ascii_case("charset") && !unquoted.is_empty()).then(|| unquoted.to_owned())
        });
        Some(Self { essence, charset })
    }

    /// Whether browsers parse it as HTML. `application/xhtml+xml` is XML and has another parser.
    pub fn is_html(&self) -> bool {
        self.essence == "text/html"
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    #[test]
    fn content_types_are_read_as_browsers_do() {
        let read = |value| ContentType::of(&headers(&[("content-type", value)]));
        let html = read("Text/HTML ; Charset=\"Windows-1252\"; charset=x").unwrap();
        assert!(html.is_html());
        assert_eq!(html.charset.as_deref(), Some("Windows-1252"));
        assert!(!read("application/xhtml+xml").unwrap().is_html());
        assert_eq!(read("text/html;charset=").unwrap().charset, None);
        assert_eq!(read("nonsense"), None);
        assert_eq!(ContentType::of(&HeaderMap::new()), None);
    }
}
