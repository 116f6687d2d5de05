//! Where a text of HTML ends: between tags, in an attribute's value, in a script …
//!
//! In: a state and more text. Out: the next state. The steps are those of the WHATWG tokenizer, as far as they tell where a
//! value stands.

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
    markup: bool,
    /// In the value of `type`.
    typed: bool,
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

    fn after(self, text: &str) -> Self {
        let text = htmlize::unescape_attribute(text);
        match self {
            Self::Url(part) => Self::Url(part.after(&text)),
            Self::Style(css) => Self::Style(css.after(&text)),
            Self::Script(script) => Self::Script(script.after(&text)),
            other => other,
        }
    }
}

impl State {
    /// The state after `text`.
    pub fn after(mut self, mut text: &str) -> Self {
        while !text.is_empty() {
            let length;
            (self, length) = self.step(text);
            text = &text[length..];
        }
        self
    }

    /// The next state, and how many bytes (at least one) lead there.
    fn step(self, text: &str) -> (Self, usize) {
        match self {
            Self::Text => between_tags(text),
            Self::Comment => match text.find("-->") {
                Some(end) => (Self::Text, end + 3),
                None => (Self::Comment, text.len()),
            },
            Self::TagName(name) => {
                let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(text.len());
                let name = name + &text[..end].to_ascii_lowercase();
                if end == text.len() {
                    return (Self::TagName(name), end);
                }
                (Self::Tag(Tag { name, ..Tag::default() }), end).at_least_one(text)
            }
            Self::Tag(tag) => in_tag(tag, text),
            Self::AttributeName(tag, name, over) => attribute_name(tag, name, over, text),
            Self::BeforeValue(tag, kind) => before_value(tag, kind, text),
            Self::Value(tag, quote, inner) => value(tag, quote, inner, text),
            Self::Escapable(name) => raw_text(&name, text, |_| Self::Escapable(name.clone())),
            Self::Script(script) => raw_text("script", text, |text| Self::Script(script.after(text))),
            Self::Style(css) => raw_text("style", text, |text| Self::Style(css.after(text))),
        }
    }
}

/// A step must consume something.
trait AtLeastOne {
    fn at_least_one(self, text: &str) -> Self;
}

impl AtLeastOne for (State, usize) {
    /// A tag's name ended: what ended it is looked at as part of the tag.
    fn at_least_one(self, text: &str) -> Self {
        match self {
            (State::Tag(tag), length) => {
                let (state, more) = in_tag(tag, &text[length..]);
                (state, length + more)
            }
            other => other,
        }
    }
}

fn between_tags(text: &str) -> (State, usize) {
    let Some(open) = text.find('<') else { return (State::Text, text.len()) };
    let after = &text[open + 1..];
    let slash = usize::from(after.starts_with('/'));
    if after.starts_with("!--") {
        // `<!-->` is a comment that is over.
        let over = ["!-->", "!--->"].into_iter().find(|short| after.starts_with(short));
        return over.map_or((State::Comment, open + 4), |short| (State::Text, open + 1 + short.len()));
    }
    match after[slash..].chars().next() {
        Some(c) if c.is_ascii_alphabetic() => (State::TagName("/"[..slash].to_owned()), open + 1 + slash),
        Some('!' | '?') if slash == 0 => (State::Text, after.find('>').map_or(text.len(), |end| open + end + 2)),
        _ => (State::Text, open + 1),
    }
}

fn in_tag(tag: Tag, text: &str) -> (State, usize) {
    let c = text.chars().next().unwrap_or(' ');
    match c {
        '>' => (opened(&tag), 1),
        c if c.is_ascii_whitespace() || c == '/' => (State::Tag(tag), 1),
        c => (State::AttributeName(tag, c.to_lowercase().collect(), false), c.len_utf8()),
    }
}

/// The state after the `>` of a tag.
fn opened(tag: &Tag) -> State {
    match tag.name.as_str() {
        "script" if !tag.markup => State::Script(Script::START),
        "style" => State::Style(Css::Plain),
        "script" | "title" | "textarea" | "iframe" | "noembed" | "noframes" | "xmp" => {
            State::Escapable(tag.name.clone())
        }
        _ => State::Text,
    }
}

fn attribute_name(mut tag: Tag, name: String, over: bool, text: &str) -> (State, usize) {
    let c = text.chars().next().unwrap_or(' ');
    match c {
        '=' => {
            tag.typed = tag.name == "script" && name == "type";
            (State::BeforeValue(tag, AttributeKind::of(&name)), 1)
        }
        '>' | '/' => in_tag(tag, text),
        c if c.is_ascii_whitespace() => (State::AttributeName(tag, name, true), 1),
        // A name that was over begins the next attribute.
        c if over => in_tag(tag, &text[..c.len_utf8()]),
        c => (State::AttributeName(tag, name + &c.to_lowercase().to_string(), false), c.len_utf8()),
    }
}

fn before_value(tag: Tag, kind: AttributeKind, text: &str) -> (State, usize) {
    let inner = Inner::of(kind);
    match text.chars().next().unwrap_or(' ') {
        c if c.is_ascii_whitespace() => (State::BeforeValue(tag, kind), 1),
        '"' => (State::Value(tag, Quote::Double, inner), 1),
        '\'' => (State::Value(tag, Quote::Single, inner), 1),
        '>' => (opened(&tag), 1),
        _ => value(tag, Quote::Unquoted, inner, text),
    }
}

fn value(mut tag: Tag, quote: Quote, inner: Inner, text: &str) -> (State, usize) {
    let end = match quote {
        Quote::Double => text.find('"'),
        Quote::Single => text.find('\''),
        Quote::Unquoted => text.find(|c: char| c.is_ascii_whitespace() || c == '>'),
        Quote::Whole => None,
    };
    let said = &text[..end.unwrap_or(text.len())];
    if tag.typed {
        let kind = said.trim().to_ascii_lowercase();
        tag.markup = !(kind.is_empty()
            || kind == "module"
            || kind.contains("script")
            || kind.contains("json")
            || kind.contains("rules")
            || kind.contains("importmap"));
    }
    match end {
        None => (State::Value(tag, quote, inner.after(said)), text.len()),
        Some(end) => {
            tag.typed = false;
            // The quote is part of the value; what ends an unquoted one is part of the tag.
            if quote == Quote::Unquoted && text[end..].starts_with('>') {
                return (opened(&tag), end + 1);
            }
            (State::Tag(tag), end + 1)
        }
    }
}

/// In an element whose text only its own end tag ends.
fn raw_text(element: &str, text: &str, inside: impl Fn(&str) -> State) -> (State, usize) {
    let ends = |at: &usize| {
        let after = &text[at + 2..];
        let named = after.get(..element.len()).is_some_and(|name| name.eq_ignore_ascii_case(element));
        let next = after.get(element.len()..).and_then(|rest| rest.chars().next());
        named && next.is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '>' | '/'))
    };
    match text.match_indices("</").map(|(at, _)| at).find(ends) {
        Some(at) => (State::Tag(Tag { name: format!("/{element}"), ..Tag::default() }), at + 2 + element.len()),
        None => (inside(text), text.len()),
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
