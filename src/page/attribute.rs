//! The value of an attribute: how it is written in the page, and what is written in its place.
//!
//! In: the origin's bytes, a value that a rule sets, changes of classes. Out: the bytes to exchange them for, or nothing if
//! they stay. It must not know slots' fills or outcomes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::charset::Charset;
use super::class::{Change, change};

/// Index of a slot in its page: [`Slot::number`](super::Slot::number).
pub(super) type Number = usize;

/// The value of one attribute of one element.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// The bytes that an exchange takes away: the value, with its quotes where they must go too.
    pub original: Bytes,
    pub shape: Shape,
    /// The slots that set the attribute, in order of precedence.
    pub setters: SmallVec<[Number; 2]>,
    /// The slots that add and remove classes, in order of precedence.
    pub edits: SmallVec<[Number; 2]>,
}

/// How an attribute is written in the page, hence what else an exchange must write. A new value always stands between
/// double quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `a="b"`: the quotes stay.
    DoubleQuoted,
    /// `a='b'`: the quotes belong to what is exchanged.
    SingleQuoted,
    /// `a=b`, also `a=` before the end of the tag.
    Unquoted,
    /// `a`
    WithoutValue,
    /// The element lacks this attribute.
    Absent(Arc<str>),
}

impl Value {
    /// What is to be written in the place of the original: `set` if a rule sets the attribute, else the origin's value,
    /// after `changes` of classes. `None` if the original stays.
    pub fn compose(&self, set: Option<&[u8]>, changes: &[Change<'_>], charset: Charset) -> Option<Bytes> {
        let changed = match set {
            Some(set) => change(set, charset, changes),
            None => change(&self.text_between_double_quotes(), charset, changes),
        };
        let text = changed.as_deref().or(set)?;
        Some(self.written(text))
    }

    /// `text`, which may stand between double quotes, with what must be written around it in the place of the original.
    fn written(&self, text: &[u8]) -> Bytes {
        let mut written = Vec::with_capacity(text.len() + 16);
        match &self.shape {
            Shape::DoubleQuoted => {}
            Shape::SingleQuoted | Shape::Unquoted => written.push(b'"'),
            Shape::WithoutValue => written.extend_from_slice(b"=\""),
            Shape::Absent(name) => written.extend_from_slice(format!(" {name}=\"").as_bytes()),
        }
        written.extend_from_slice(text);
        if self.shape != Shape::DoubleQuoted {
            written.push(b'"');
        }
        written.into()
    }

    /// The origin's value as it would be written between double quotes; empty where there is none.
    fn text_between_double_quotes(&self) -> Cow<'_, [u8]> {
        let text: &[u8] = match self.shape {
            Shape::DoubleQuoted | Shape::Unquoted => &self.original,
            Shape::SingleQuoted => &self.original[1..self.original.len() - 1],
            Shape::WithoutValue | Shape::Absent(_) => b"",
        };
        if !text.contains(&b'"') {
            return Cow::Borrowed(text);
        }
        let mut escaped = Vec::with_capacity(text.len() + 16);
        for (count, part) in text.split(|byte| *byte == b'"').enumerate() {
            if count > 0 {
                escaped.extend_from_slice(b"&quot;");
            }
            escaped.extend_from_slice(part);
        }
        Cow::Owned(escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(original: &'static str, shape: Shape, set: Option<&str>, changes: &[Change<'_>]) -> Option<String> {
        let original = Bytes::from_static(original.as_bytes());
        let value = Value { original, shape, setters: SmallVec::new(), edits: SmallVec::new() };
        let bytes = value.compose(set.map(str::as_bytes), changes, Charset::Known(encoding_rs::UTF_8))?;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn every_shape_gets_double_quotes_and_no_more_than_it_needs() {
        let absent = || Shape::Absent("class".into());
        for (original, shape, expected) in [
            ("a", Shape::DoubleQuoted, "n"),
            ("'a'", Shape::SingleQuoted, "\"n\""),
            ("a", Shape::Unquoted, "\"n\""),
            ("", Shape::WithoutValue, "=\"n\""),
            ("", absent(), " class=\"n\""),
        ] {
            assert_eq!(composed(original, shape, Some("n"), &[]).as_deref(), Some(expected));
        }
        let add = [Change::Add("c")];
        assert_eq!(composed("'a\"b'", Shape::SingleQuoted, None, &add).unwrap(), "\"a&quot;b c\"");
        assert_eq!(composed("a", Shape::DoubleQuoted, Some("n"), &add).unwrap(), "n c");
        assert_eq!(composed("", absent(), None, &[Change::Remove("c")]), None);
        assert_eq!(composed("'c'", Shape::SingleQuoted, None, &add), None);
    }
}
