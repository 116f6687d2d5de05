//! Classes added to and removed from the value of a `class` attribute, touching as few of its bytes as can be.
//!
//! In: the value as it is written in the page, and the changes. Out: the new value as it is to be written between double
//! quotes, or nothing if it already is as asked. It must not touch the tag around it.

use super::Context;
use super::charset::{Beyond, Charset};
use super::escape::escape;

/// A class that must, or must not, be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    Add(&'a str),
    Remove(&'a str),
}

impl<'a> Change<'a> {
    fn class(self) -> &'a str {
        match self {
            Self::Add(class) | Self::Remove(class) => class,
        }
    }
}

/// `value` after `changes`, of which an earlier one takes precedence over a later one about the same class. `None` if it
/// stays as it is. Order and spelling of the classes that stay are the page's.
pub(super) fn change(value: &[u8], charset: Charset, changes: &[Change<'_>]) -> Option<Vec<u8>> {
    let mut decided: Vec<Change<'_>> = Vec::with_capacity(changes.len());
    for change in changes {
        if decided.iter().all(|known| known.class() != change.class()) {
            decided.push(*change);
        }
    }
    let mut changed = Changed::default();
    for token in tokens(value) {
        changed.take_over(token, charset, &decided);
    }
    for change in decided {
        if let Change::Add(class) = change {
            changed.add(class, charset);
        }
    }
    changed.differs.then_some(changed.value)
}

#[derive(Default)]
struct Changed {
    value: Vec<u8>,
    classes: Vec<String>,
    differs: bool,
}

impl Changed {
    /// A token of the page, with the white space before it, unless it is to go. White space at the end is a token without
    /// text. A token may hold more than one class, where white space is written as an entity.
    fn take_over(&mut self, token: &[u8], charset: Charset, changes: &[Change<'_>]) {
        let text = htmlize::unescape_attribute(charset.decode(token));
        let goes = |class: &&str| changes.contains(&Change::Remove(class));
        let (gone, stay): (Vec<&str>, Vec<&str>) = text.split_ascii_whitespace().partition(goes);
        self.classes.extend(stay.iter().map(|class| (*class).to_owned()));
        if gone.is_empty() {
            let space = token.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let follows_removed_first = self.value.is_empty() && self.differs;
            self.value.extend_from_slice(&token[if follows_removed_first { space } else { 0 }..]);
            return;
        }
        self.differs = true;
        for class in stay {
            self.write(class, charset);
        }
    }

    fn add(&mut self, class: &str, charset: Charset) {
        if !self.classes.iter().any(|known| known == class) {
            self.differs = true;
            self.classes.push(class.to_owned());
            self.write(class, charset);
        }
    }

    fn write(&mut self, class: &str, charset: Charset) {
        if self.value.last().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            self.value.push(b' ');
        }
        let escaped = escape(class, Context::Attribute);
        match charset.encode(&escaped, Beyond::Reference) {
            Ok(Some(encoded)) => self.value.extend_from_slice(&encoded),
            _ => self.value.extend_from_slice(escaped.as_bytes()),
        }
    }
}

/// The value cut so that each part is white space followed by one token; the last may be white space alone. Bytes of
/// white space stand for themselves in every ASCII-compatible encoding.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let token = rest[space..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let (first, after) = rest.split_at(space + token);
        rest = after;
        (!first.is_empty()).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::Change::{Add, Remove};
    use super::*;

    fn changed(value: &str, changes: &[Change<'_>]) -> Option<String> {
        let charset = Charset::Known(encoding_rs::UTF_8);
        change(value.as_bytes(), charset, changes).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_what_was_asked_changes() {
        for (value, changes, expected) in [
            ("a  b", &[Add("c")][..], Some("a  b c")),
            ("a  b ", &[Add("c")], Some("a  b c")),
            ("", &[Add("c"), Add("d")], Some("c d")),
            (" ", &[Add("c")], Some(" c")),
            ("a  b", &[Add("b")], None),
            (" a\tb\n", &[Remove("x")], None),
            ("a b c", &[Remove("b")], Some("a c")),
            ("a b c", &[Remove("a")], Some("b c")),
            ("a b c", &[Remove("c"), Add("d")], Some("a b d")),
            ("a a", &[Remove("a")], Some("")),
            ("a", &[Add("b"), Remove("b")], Some("a b")),
            ("a", &[Remove("b"), Add("b")], None),
            ("&quot;x b", &[Remove("\"x"), Add("&")], Some("b &amp;")),
            ("a&#32;b c", &[Remove("a")], Some("b c")),
            ("a&#32;b c", &[Add("b")], None),
        ] {
            assert_eq!(changed(value, changes).as_deref(), expected, "{value:?} {changes:?}");
        }
    }

    #[test]
    fn in_the_encoding_of_the_page() {
        let latin = Charset::Known(encoding_rs::WINDOWS_1252);
        assert_eq!(change(b"gr\xFC\xDF a", latin, &[Remove("grüß"), Add("☃é")]).unwrap(), b"a &#x2603;\xE9");
    }

    proptest::proptest! {
        #[test]
        fn the_set_is_as_asked(value in "[ab\t ]{0,10}", add in "[abc]", remove in "[abc]") {
            let result = changed(&value, &[Add(&add), Remove(&remove)]).unwrap_or(value.clone());
            let mut expected: std::collections::BTreeSet<&str> = value.split_ascii_whitespace().collect();
            expected.remove(remove.as_str());
            expected.insert(&add);
            proptest::prop_assert_eq!(result.split_ascii_whitespace().collect::<std::collections::BTreeSet<_>>(), expected);
        }
    }
}
