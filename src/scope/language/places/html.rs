//! Where a text of HTML ends: between tags, in an attribute's value, in a script … and what that means for a value there.
//!
//! In: a state. Out: the place of a value that is printed in it, and the state where two ways meet. How text leads from one state to
//! the next is the tokenizer's.

use super::css::Css;
use super::script::Script;
use super::url::UrlPart;
use super::{AttributeKind, Place, Within};

/// Where the text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Text,
    Comment,
    /// In the name of a tag, so far.
    TagName(String),
    /// Between the attributes of a tag.
    Tag(Tag),
    /// In or after the name of an attribute.
    AttributeName(Tag, String, bool),
    /// After an attribute's `=`.
    BeforeValue(Tag, AttributeKind),
    Value(Tag, Quote, Inner),
    /// In `title` or `textarea`, until the end tag of this name.
    Escapable(String),
    Script(Script),
    Style(Css),
}

/// The tag that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// In lower case; of an end tag it begins with a slash.
    pub name: String,
    /// A `script` whose `type` says that it is markup for later.
    pub(super) markup: bool,
    /// In the value of `type`.
    pub(super) typed: bool,
}

/// What ends a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    Double,
    Single,
    Unquoted,
    /// Nothing: the template is the whole value.
    Whole,
}

/// Where in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    Plain,
    Url(UrlPart),
    UrlList,
    Style(Css),
    Script(Script),
    Document,
}

impl Inner {
    pub fn of(kind: AttributeKind) -> Self {
        match kind {
            AttributeKind::Plain => Self::Plain,
            AttributeKind::Url => Self::Url(UrlPart::Start),
            AttributeKind::UrlList => Self::UrlList,
            AttributeKind::Style => Self::Style(Css::Plain),
            AttributeKind::Script => Self::Script(Script::START),
            AttributeKind::Document => Self::Document,
        }
    }

    pub(super) fn after(self, text: &str) -> Self {
        let text = htmlize::unescape_attribute(text);
        match self {
            Self::Url(part) => Self::Url(part.after(&text)),
            Self::Style(css) => Self::Style(css.after(&text)),
            Self::Script(script) => Self::Script(script.after(&text)),
            other => other,
        }
    }
}

/// Why a value can't be printed, and what to do instead.
pub struct Unprintable(pub &'static str, pub &'static str);

impl State {
    /// The place of a value that is printed here.
    pub fn place(&self) -> Result<Place, Unprintable> {
        Ok(match self {
            Self::Text => Place::Text,
            Self::Comment => Place::Comment,
            Self::Escapable(_) => Place::Escapable,
            Self::Tag(_) => Place::Tag,
            Self::TagName(_) => {
                return Err(Unprintable(
                    "the name of a tag can't be printed",
                    "choose between whole tags with `{% if %}`",
                ));
            }
            Self::AttributeName(..) => {
                return Err(Unprintable(
                    "a part of an attribute's name can't be printed",
                    "put a space before it, or choose between whole attributes with `{% if %}`",
                ));
            }
            Self::BeforeValue(..) | Self::Value(_, Quote::Unquoted, _) => {
                return Err(Unprintable(
                    "this attribute's value has no quotes, so a space in it would begin another attribute",
                    "put it into quotes: `name=\"{{ value }}\"`",
                ));
            }
            Self::Value(_, _, inner) => return inner.place(),
            Self::Script(script) => script_place(*script, Within::RawText)?,
            Self::Style(css) => css_place(*css, Within::RawText)?,
        })
    }

    /// The state after a value was printed here.
    pub fn after_value(self) -> Self {
        match self {
            Self::Value(tag, quote, inner) => Self::Value(
                tag,
                quote,
                match inner {
                    Inner::Url(part) => Inner::Url(part.after_value()),
                    Inner::Script(script) => Inner::Script(script.after_value()),
                    inner => inner,
                },
            ),
            Self::Script(script) => Self::Script(script.after_value()),
            state => state,
        }
    }

    /// The state where two ways meet; `None` if a browser would be in different places.
    pub fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Self::Value(tag, quote, a), Self::Value(other, same, b)) if quote == same && tag == other => {
                Some(Self::Value(tag, quote, a.meet(b)?))
            }
            (Self::BeforeValue(..), value @ Self::Value(_, Quote::Unquoted, _)) => Some(value),
            (value @ Self::Value(_, Quote::Unquoted, _), Self::BeforeValue(..)) => Some(value),
            (Self::Script(Script::Code { .. }), Self::Script(Script::Code { .. })) => {
                Some(Self::Script(Script::Code { divides: true }))
            }
            (a, b) => {
                let (a, b) = (a.in_tag()?, b.in_tag()?);
                (a.name == b.name).then_some(Self::Tag(a))
            }
        }
    }

    /// The tag, if a space could stand here.
    fn in_tag(self) -> Option<Tag> {
        match self {
            Self::Tag(tag) | Self::AttributeName(tag, ..) => Some(tag),
            Self::TagName(name) => Some(Tag { name, ..Tag::default() }),
            _ => None,
        }
    }

    /// Whether text that was escaped for HTML fits here as it is.
    pub fn takes_text(&self) -> bool {
        let quoted = matches!(self, Self::Value(_, quote, Inner::Plain) if *quote != Quote::Unquoted);
        quoted || matches!(self, Self::Text | Self::Comment | Self::Escapable(_))
    }
}

impl Inner {
    fn place(self) -> Result<Place, Unprintable> {
        Ok(match self {
            Self::Plain => Place::Attribute,
            Self::Url(UrlPart::Start) => Place::UrlStart,
            Self::Url(UrlPart::Head) => Place::UrlHead,
            Self::Url(UrlPart::Path) => Place::UrlPath,
            Self::Url(UrlPart::Query) => Place::UrlQuery,
            Self::UrlList => Place::UrlList,
            Self::Document => Place::Document,
            Self::Style(css) => css_place(css, Within::Attribute)?,
            Self::Script(script) => script_place(script, Within::Attribute)?,
        })
    }

    fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Url(a), Self::Url(b)) => Some(Self::Url(a.min(b))),
            (Self::Script(Script::Code { .. }), Self::Script(Script::Code { .. })) => {
                Some(Self::Script(Script::Code { divides: true }))
            }
            (a, b) => (a == b).then_some(a),
        }
    }
}

fn script_place(script: Script, within: Within) -> Result<Place, Unprintable> {
    match script {
        Script::Code { .. } => Ok(Place::Script(within)),
        Script::Single | Script::Double => Ok(Place::ScriptString),
        Script::Template => Err(Unprintable(
            "a value can't be printed within a template literal, where `${` would run",
            "print it into a variable first: `const name = {{ value }};`",
        )),
        Script::LineComment | Script::BlockComment => Err(Unprintable(
            "a value can't be printed within a comment of a script",
            "leave it out, or comment it out with `{# #}`",
        )),
        Script::Regex { .. } => Err(Unprintable(
            "a value can't be printed within a regular expression",
            "print it into a variable first, and use `new RegExp(…)`",
        )),
    }
}

fn css_place(css: Css, within: Within) -> Result<Place, Unprintable> {
    match css {
        Css::Plain | Css::Single | Css::Double => Ok(Place::Css(within)),
        Css::Url(_) => Ok(Place::CssUrl(within)),
        Css::Comment => Err(Unprintable(
            "a value can't be printed within a comment of a style",
            "leave it out, or comment it out with `{# #}`",
        )),
    }
}
