//! What a message's content is (RFC 9110 section 8.3), read as browsers do.
//!
//! In: a message's headers. Out: whether it is HTML. It must not guess.

use http::HeaderMap;
use http::header;

/// Whether browsers parse a message with this head as HTML; the last line counts. `application/xhtml+xml` is XML and has another
/// parser.
pub fn is_html(headers: &HeaderMap) -> bool {
    let line = headers.get_all(header::CONTENT_TYPE).into_iter().next_back();
    let essence = line.and_then(|line| line.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    #[test]
    fn content_types_are_read_as_browsers_do() {
        let read =
            |lines: &[&str]| is_html(&headers(&lines.iter().map(|line| ("content-type", *line)).collect::<Vec<_>>()));
        assert!(read(&["Text/HTML ; Charset=\"Windows-1252\""]) && read(&["a/b", " text/html"]));
        assert!(!read(&[]) && !read(&["html"]) && !read(&["text/html", "a/b"]) && !read(&["application/xhtml+xml"]));
    }
}
