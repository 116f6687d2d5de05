//! What stands inside an element, as people read it.
//!
//! In: the HTML between its tags. Out: text: tags and comments gone, entities decoded, white space folded to one space. Tags that
//! stand within a line (`span`, `b` …) leave no gap, all others do. It must not read scripts and styles.

use crate::limits::EXTRACT_VALUE_BYTES;

/// Tags that part no words.
const WITHIN_A_LINE: [&str; 29] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "meta", "q", "s", "small", "span", "strong", "sub", "time", "u", "var", "wbr",
];

/// Elements whose inside nobody reads.
const UNREAD: [&str; 4] = ["script", "style", "template", "noscript"];

/// The text of HTML.
pub(super) fn of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, gap) = markup(rest);
        if gap {
            text.push(' ');
        }
        if length == 0 {
            // A bare `<` is text.
            text.push('<');
            rest = &rest[1..];
            continue;
        }
        rest = &rest[length..];
    }
    text.push_str(rest);
    folded(&htmlize::unescape(&*text))
}

/// Text without markup, as of a title or an attribute whose entities are decoded: white space folded, and cut to what a value may have.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len().min(EXTRACT_VALUE_BYTES));
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
        if folded.len() > EXTRACT_VALUE_BYTES {
            folded.truncate(folded.floor_char_boundary(EXTRACT_VALUE_BYTES));
            break;
        }
    }
    folded
}

/// How long the markup at the beginning is, and whether it parts words; 0 if it is none.
fn markup(html: &str) -> (usize, bool) {
    if let Some(comment) = html.strip_prefix("<!--") {
        return (comment.find("-->").map_or(html.len(), |end| 4 + end + 3), false);
    }
    let name = html[1..].trim_start_matches('/');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?')) {
        return (0, false);
    }
    let name_end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    let name = name[..name_end].to_ascii_lowercase();
    let end = tag_end(html);
    if UNREAD.contains(&&*name) && !html.starts_with("</") {
        let close = format!("</{name}");
        let inside = html[end..].to_ascii_lowercase();
        return (inside.find(&close).map_or(html.len(), |at| end + at), true);
    }
    (end, !WITHIN_A_LINE.contains(&&*name))
}

/// Where the tag at the beginning ends: behind the first `>` outside of quotes; one that is cut off goes to the end.
fn tag_end(html: &str) -> usize {
    let mut quote = None;
    let mut before = b'<';
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            // Quotes count where a value begins.
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_people_read() {
        for (html, expected) in [
            ("  A &amp; B&nbsp;&euro;\n 5 ", "A & B € 5"),
            ("<b>Te</b>nt <!-- x > y --><i title='a>b'>red</i>", "Tent red"),
            ("one<br>two<p>three</p>four", "one two three four"),
            ("12<script>var a = '</b>';</script>34<style>p{}</style>", "12 34"),
            ("a < b <3 c", "a < b <3 c"),
            ("cut <a href=\"x", "cut"),
            ("&lt;b&gt; stays", "<b> stays"),
            ("", ""),
        ] {
            assert_eq!(of_html(html), expected, "{html}");
        }
        assert_eq!(of_html(&"ü".repeat(EXTRACT_VALUE_BYTES)).len(), EXTRACT_VALUE_BYTES);
    }
}
