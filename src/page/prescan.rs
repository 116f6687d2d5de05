//! The HTML standard's prescan: does a `<meta>` in the first bytes of a page name its encoding?
//!
//! In: at most the bytes that the standard looks at. Out: the encoding, or nothing found. Steps and names are those of
//! "prescan a byte stream to determine its encoding" (HTML standard, 13.2.3.2). It must not guess.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prescan {
    Found(&'static Encoding),
    Nothing,
}

/// Looks for the first `<meta>` that names an encoding.
pub(super) fn prescan(bytes: &[u8]) -> Prescan {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        at += match rest {
            [b'<', b'!', b'-', b'-', ..] => match find(&rest[2..], b"-->") {
                Some(end) => end + 5,
                None => break,
            },
            [b'<', tag @ ..] if is_meta(tag) => {
                let mut attributes = Attributes { rest: &tag[5..] };
                if let Some(encoding) = meta(&mut attributes) {
                    return Prescan::Found(encoding);
                }
                rest.len() - attributes.rest.len()
            }
            [b'<', b'/', letter, ..] | [b'<', letter, ..] if letter.is_ascii_alphabetic() => {
                let name = rest.iter().position(|byte| is_space(*byte) || *byte == b'>').unwrap_or(rest.len());
                let mut attributes = Attributes { rest: &rest[name..] };
                while attributes.next().is_some() {}
                rest.len() - attributes.rest.len()
            }
            [b'<', b'!' | b'/' | b'?', ..] => match find(rest, b">") {
                Some(end) => end + 1,
                None => break,
            },
            _ => 1,
        };
    }
    Prescan::Nothing
}

fn is_meta(tag: &[u8]) -> bool {
    tag.len() > 4 && tag[..4].eq_ignore_ascii_case(b"meta") && (is_space(tag[4]) || tag[4] == b'/')
}

/// The encoding that one `<meta>` names, if it does.
fn meta(attributes: &mut Attributes<'_>) -> Option<&'static Encoding> {
    let mut got_pragma = false;
    let mut need_pragma = None;
    let mut label: Option<Vec<u8>> = None;
    let mut seen: Vec<Vec<u8>> = Vec::new();
    while let Some((name, value)) = attributes.next() {
        if seen.contains(&name) {
            continue;
        }
        match name.as_slice() {
            b"http-equiv" if value == b"content-type" => got_pragma = true,
            b"content" if label.is_none() => {
                label = charset_in(&value).map(<[u8]>::to_vec);
                need_pragma = label.as_ref().map(|_| true).or(need_pragma);
            }
            b"charset" => {
                label = Some(value);
                need_pragma = Some(false);
            }
            _ => {}
        }
        seen.push(name);
    }
    if need_pragma? && !got_pragma {
        return None;
    }
    let encoding = Encoding::for_label(&label?)?;
    Some(match encoding {
        _ if encoding == UTF_16BE || encoding == UTF_16LE => UTF_8,
        _ if encoding == X_USER_DEFINED => WINDOWS_1252,
        _ => encoding,
    })
}

/// "Extract a character encoding from a meta element": the label in `text/html; charset=…`.
fn charset_in(content: &[u8]) -> Option<&[u8]> {
    let mut rest = content;
    loop {
        rest = &rest[find(rest, b"charset")? + 7..];
        let after = skip_space(rest);
        if let [b'=', value @ ..] = after {
            return match skip_space(value) {
                [quote @ (b'"' | b'\''), quoted @ ..] => {
                    quoted.iter().position(|byte| byte == quote).map(|end| &quoted[..end])
                }
                bare => {
                    let end = bare.iter().position(|byte| is_space(*byte) || *byte == b';');
                    Some(&bare[..end.unwrap_or(bare.len())])
                }
            };
        }
    }
}

/// "Get an attribute", until the tag or the bytes end. Names and values come in lower case.
struct Attributes<'a> {
    rest: &'a [u8],
}

impl Attributes<'_> {
    fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let begin = self.rest.iter().position(|byte| !is_space(*byte) && *byte != b'/');
        self.rest = &self.rest[begin.unwrap_or(self.rest.len())..];
        if let [b'>', after @ ..] = self.rest {
            self.rest = after;
            return None;
        }
        let ends_name =
            |(at, byte): (usize, &u8)| is_space(*byte) || matches!(byte, b'/' | b'>') || (*byte == b'=' && at > 0);
        let name = self.take(self.rest.iter().enumerate().position(ends_name)?);
        let after = skip_space(self.rest);
        let [b'=', value @ ..] = after else {
            return Some((name, Vec::new()));
        };
        self.rest = skip_space(value);
        let value = match self.rest {
            [quote @ (b'"' | b'\''), quoted @ ..] => {
                let end = quoted.iter().position(|byte| byte == quote)?;
                self.rest = quoted;
                let value = self.take(end);
                self.rest = &self.rest[1..];
                value
            }
            bare => self.take(bare.iter().position(|byte| is_space(*byte) || *byte == b'>')?),
        };
        Some((name, value))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken.to_ascii_lowercase()
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ')
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    let space = bytes.iter().take_while(|byte| is_space(**byte)).count();
    &bytes[space..]
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(page: &str) -> Option<&'static str> {
        match prescan(page.as_bytes()) {
            Prescan::Found(encoding) => Some(encoding.name()),
            Prescan::Nothing => None,
        }
    }

    #[test]
    fn finds_what_browsers_find() {
        for (page, expected) in [
            ("<!doctype html><html><head><meta charset=utf-8>", Some("UTF-8")),
            ("<META CHARSET = 'Shift_JIS' >", Some("Shift_JIS")),
            ("<meta/charset=koi8-r>", Some("KOI8-R")),
            ("<meta http-equiv=content-type content='text/html; charset=iso-8859-15'>", Some("ISO-8859-15")),
            ("<meta content='a; charset = \"gbk\"' http-equiv='Content-Type'>", Some("GBK")),
            ("<meta content='text/html; charset=gbk'>", None),
            ("<meta charset=utf-16le>", Some("UTF-8")),
            ("<meta charset=x-user-defined>", Some("windows-1252")),
            ("<!-- <meta charset=gbk> --><meta charset=big5>", Some("Big5")),
            ("<!--><meta charset=big5>", Some("Big5")),
            ("<div title='<meta charset=gbk>'><meta charset=big5>", Some("Big5")),
            ("</p a='<meta charset=gbk>'><?x <meta charset=gbk ?><meta charset=big5>", Some("Big5")),
            ("<meta charset=nonsense><meta charset=big5>", Some("Big5")),
            ("<meta name=a><metax charset=gbk><meta charset=gbk charset=big5>", Some("GBK")),
            ("<meta charset=utf-", None),
            ("<p>charset=utf-8", None),
            ("a < b <meta charset=big5>", Some("Big5")),
        ] {
            assert_eq!(label(page), expected, "{page}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in "[<>!/?a=\"' \\-metchars]{0,60}") {
            let _ = label(&bytes);
            let _ = label(&format!("<meta {bytes}"));
        }
    }
}
