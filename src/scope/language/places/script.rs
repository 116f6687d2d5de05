//! Where a text of JavaScript ends: in code, in a string, in a comment …
//!
//! In: a state and more text. Out: the next state. It knows as many tokens as that takes and no grammar, so whether a slash
//! divides or begins a regular expression is told by what stands before it.

/// Where the text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Between tokens; whether a slash would divide.
    Code {
        divides: bool,
    },
    Single,
    Double,
    Template,
    LineComment,
    BlockComment,
    /// A regular expression; whether within square brackets.
    Regex {
        class: bool,
    },
}

/// Words after which a slash begins a regular expression.
const BEFORE_REGEX: [&str; 11] =
    ["return", "typeof", "case", "do", "else", "in", "instanceof", "new", "void", "delete", "throw"];

impl Script {
    /// The beginning of a script.
    pub const START: Self = Self::Code { divides: false };

    /// The state after `text`.
    pub fn after(self, text: &str) -> Self {
        let mut state = self;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (next, length) = state.step(c, rest);
            (state, rest) = (next, &rest[length.min(rest.len())..]);
        }
        state
    }

    /// The state after a value was printed.
    pub fn after_value(self) -> Self {
        if matches!(self, Self::Code { .. }) { Self::Code { divides: true } } else { self }
    }

    /// The next state, and how many bytes lead there.
    fn step(self, c: char, rest: &str) -> (Self, usize) {
        let escaped = || 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        let one = c.len_utf8();
        match (self, c) {
            (Self::Code { .. }, _) => return self.code(c, rest),
            (Self::Single | Self::Double | Self::Template | Self::Regex { .. }, '\\') => return (self, escaped()),
            (Self::Single, '\'') | (Self::Double, '"') | (Self::Template, '`') => {
                return (Self::Code { divides: true }, one);
            }
            // A line ends these, with an error or without.
            (Self::Single | Self::Double | Self::LineComment | Self::Regex { .. }, '\n' | '\r') => {
                return (Self::START, one);
            }
            (Self::LineComment, '\u{2028}' | '\u{2029}') => return (Self::START, one),
            (Self::BlockComment, '*') if rest.starts_with("*/") => return (Self::START, 2),
            (Self::Regex { .. }, '[') => return (Self::Regex { class: true }, one),
            (Self::Regex { .. }, ']') => return (Self::Regex { class: false }, one),
            (Self::Regex { class: false }, '/') => return (Self::Code { divides: true }, one),
            _ => {}
        }
        (self, one)
    }

    fn code(self, c: char, rest: &str) -> (Self, usize) {
        let divides = matches!(self, Self::Code { divides: true });
        match c {
            '\'' => (Self::Single, 1),
            '"' => (Self::Double, 1),
            '`' => (Self::Template, 1),
            '/' if rest.starts_with("//") => (Self::LineComment, 2),
            '/' if rest.starts_with("/*") => (Self::BlockComment, 2),
            '/' if divides => (Self::START, 1),
            '/' => (Self::Regex { class: false }, 1),
            '<' if rest.starts_with("<!--") => (Self::LineComment, 4),
            c if c.is_whitespace() => (self, c.len_utf8()),
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Self::Code { divides: !BEFORE_REGEX.contains(&&rest[..end]) }, end)
            }
            ')' | ']' | '}' => (Self::Code { divides: true }, 1),
            c => (Self::START, c.len_utf8()),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::Script::{self, *};

    #[test]
    fn the_state_is_that_of_a_browser() {
        for (text, state) in [
            ("var x = ", Script::START),
            ("f('it\\'s", Single),
            ("f('a', \"b", Double),
            ("a = b / c; '", Single),
            ("a = /['\"]/; \"", Double),
            ("return /'/.test(x) + '", Single),
            ("x = y\n/ 2 // it's", LineComment),
            ("x // it's\n'", Single),
            ("/* ' */ \"", Double),
            ("/* ", BlockComment),
            ("`a ${b} ", Template),
            ("/[/]", Regex { class: false }),
            ("a) / 'x' / '", Single),
            ("'abc\nd'", Single),
        ] {
            assert_eq!(Script::START.after(text), state, "{text}");
        }
    }
}
