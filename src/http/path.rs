//! Paths of URLs, made comparable.
//!
//! In: a path as it came. Out: one form for all its spellings. It must not know patterns or files.

use percent_encoding::percent_decode_str;

/// The segments of a normalised path: `/a/b/` has `a`, `b` and an empty last one.
pub fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// The path as rules see it: percent-decoded once (an encoded slash stays `%2F`, bytes that are no UTF-8 become U+FFFD),
/// empty segments dropped, `.` and `..` resolved (RFC 3986 §5.2.4). A slash at the end is kept.
pub fn normalise(raw: &str) -> String {
    if is_normal(raw) {
        return raw.to_owned();
    }
    let mut kept: Vec<String> = Vec::new();
    let mut open_end = true;
    for raw_segment in segments_of(raw) {
        let segment = decode(raw_segment);
        open_end = matches!(segment.as_str(), "" | "." | "..");
        match segment.as_str() {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let mut path = String::with_capacity(raw.len() + 1);
    for segment in &kept {
        path.push('/');
        path.push_str(segment);
    }
    if open_end || path.is_empty() {
        path.push('/');
    }
    path
}

/// Whether a path is as rules see it already, which most are. When in doubt, no.
fn is_normal(path: &str) -> bool {
    let suspicious = |pair: [u8; 2]| matches!(pair, [b'/', b'/' | b'.']);
    let bytes = path.as_bytes();
    bytes.first() == Some(&b'/') && !bytes.contains(&b'%') && !bytes.array_windows().any(|pair| suspicious(*pair))
}

/// Decodes one segment, keeping an encoded slash encoded: it is data there, no border.
fn decode(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    percent_decode_str(segment).decode_utf8_lossy().replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_normal_stays_and_what_is_not_is_made_so() {
        for (raw, normal) in [
            ("/", "/"),
            ("/a/b.c/d/", "/a/b.c/d/"),
            ("/a//b", "/a/b"),
            ("//", "/"),
            ("/.a/...", "/.a/..."),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("a/b", "/a/b"),
        ] {
            assert_eq!(normalise(raw), normal, "{raw}");
            assert!(is_normal(normal) || normal.contains("/."), "{normal}");
        }
    }

    #[test]
    fn an_encoded_slash_is_no_border() {
        assert_eq!(normalise("/a%2Fb/%2e%2e/c"), "/c");
        assert_eq!(normalise("/a%2fb"), "/a%2Fb");
        assert_eq!(normalise("/%252e"), "/%2e");
        assert_eq!(normalise(""), "/");
        assert_eq!(normalise("/a/."), "/a/");
    }
}
