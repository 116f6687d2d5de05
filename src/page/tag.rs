//! One start tag: its name, what code may read of it, and where exactly the value of an attribute stands.
//!
//! In: the tag's bytes and the offsets that the scanner noted. Out: an [`Element`], or the bytes to exchange for an
//! attribute. It must not know markers or slots.

use std::ops::Range;

use bytes::Bytes;

use super::Element;
use super::attribute::Shape;
use super::charset::Charset;
use super::scan::AttributeAt;
use crate::limits;

/// A start tag in the page.
pub(super) struct Tag<'a> {
    /// From `<` to `>`.
    pub bytes: Bytes,
    /// Offset of the `<`.
    pub start: u64,
    /// In source order; empty if nobody asked for them.
    pub attributes: &'a [AttributeAt],
}

impl Tag<'_> {
    /// The name as it is written, in the page's encoding.
    pub fn name(&self) -> &[u8] {
        &self.bytes[1..self.name_end()]
    }

    /// The element as code reads it: names in lower case, values decoded, of a repeated name the first.
    pub fn element(&self, charset: Charset) -> Element {
        let mut element = Element {
            tag: charset.decode(self.name()).to_ascii_lowercase(),
            attributes: Vec::with_capacity(self.attributes.len().min(limits::ELEMENT_ATTRIBUTES)),
        };
        for at in self.attributes.iter().take(limits::ELEMENT_ATTRIBUTES) {
            let name = charset.decode(self.slice(&at.name)).to_ascii_lowercase();
            if element.attributes.iter().all(|(known, _)| *known != name) {
                let value = at.value.as_ref().map(|value| charset.decode(self.slice(value)));
                let value = htmlize::unescape_attribute(value.unwrap_or_default()).into_owned();
                element.attributes.push((name, value));
            }
        }
        element
    }

    /// The bytes that must be exchanged to change the attribute `name`, and how it is written.
    pub fn locate(&self, name: &str) -> (Range<u64>, Shape) {
        let Some(at) = self.attribute(name) else {
            let behind_name = self.start + self.name_end() as u64;
            return (behind_name..behind_name, Shape::Absent(name.into()));
        };
        let Some(value) = at.value.clone() else {
            return (at.name.end..self.behind_equals_sign(at.name.end), Shape::WithoutValue);
        };
        let quote = self.bytes.get((value.end - self.start) as usize);
        let before = self.bytes.get((value.start - self.start) as usize - 1);
        match before.filter(|before| Some(*before) == quote) {
            Some(b'"') => (value, Shape::DoubleQuoted),
            Some(b'\'') => (value.start - 1..value.end + 1, Shape::SingleQuoted),
            _ => (value, Shape::Unquoted),
        }
    }

    /// The bytes of the value of the attribute `name`, without quotes.
    pub fn value(&self, name: &str) -> Option<Range<u64>> {
        self.attribute(name)?.value.clone()
    }

    /// Bytes of the tag by their offsets in the page.
    pub fn slice(&self, range: &Range<u64>) -> &[u8] {
        &self.bytes[(range.start - self.start) as usize..(range.end - self.start) as usize]
    }

    /// Of a repeated name the first counts, as in browsers.
    fn attribute(&self, name: &str) -> Option<&AttributeAt> {
        self.attributes.iter().find(|at| self.slice(&at.name).eq_ignore_ascii_case(name.as_bytes()))
    }

    fn name_end(&self) -> usize {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        self.bytes.iter().position(ends).unwrap_or(self.bytes.len())
    }

    /// `a=` may stand without any value before the end of the tag; then its sign goes too.
    fn behind_equals_sign(&self, name_end: u64) -> u64 {
        let rest = &self.bytes[(name_end - self.start) as usize..];
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match rest.get(space) {
            Some(b'=') => name_end + space as u64 + 1,
            _ => name_end,
        }
    }
}
