//! The steps of the WHATWG tokenizer, as far as they tell where a value stands.
//!
//! In: a state and more text. Out: the next state. It must not judge what may be printed there.

use super::AttributeKind;
use super::css::Css;
use super::html::{Inner, Quote, State, Tag};
use super::script::Script;

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
