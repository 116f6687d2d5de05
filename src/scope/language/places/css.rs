//! Where a text of CSS ends: in a value, a string, a `url(` …
//!
//! In: a state and more text. Out: the next state. It knows as many tokens as that takes.

/// Where the text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Css {
    Plain,
    Single,
    Double,
    Comment,
    /// In `url(`, with the quote that the URL stands in, if any.
    Url(Option<char>),
}

impl Css {
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

    fn step(self, c: char, rest: &str) -> (Self, usize) {
        let escaped = || 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        match (self, c) {
            (Self::Comment, '*') if rest.starts_with("*/") => (Self::Plain, 2),
            (Self::Comment, c) => (self, c.len_utf8()),
            (_, '\\') => (self, escaped()),
            (Self::Plain, '\'') => (Self::Single, 1),
            (Self::Plain, '"') => (Self::Double, 1),
            (Self::Plain, '/') if rest.starts_with("/*") => (Self::Comment, 2),
            (Self::Plain, 'u' | 'U') => match url_open(rest) {
                Some((quote, length)) => (Self::Url(quote), length),
                None => (self, 1),
            },
            (Self::Single, '\'') | (Self::Double, '"') | (Self::Url(None), ')') => (Self::Plain, 1),
            (Self::Single | Self::Double, '\n') => (Self::Plain, 1),
            (Self::Url(Some(quote)), c) if c == quote => (Self::Plain, c.len_utf8()),
            (_, c) => (self, c.len_utf8()),
        }
    }
}

/// The length of `url(`, with white space and an opening quote behind it, and that quote.
fn url_open(text: &str) -> Option<(Option<char>, usize)> {
    let begins = text.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("url("));
    let inside = text[4.min(text.len())..].trim_start();
    let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
    begins.then(|| (quote, text.len() - inside.len() + quote.map_or(0, char::len_utf8)))
}

#[cfg(test)]
mod tests {
    use super::Css::*;

    #[test]
    fn the_state_is_that_of_a_browser() {
        for (text, state) in [
            ("color: ", Plain),
            ("a::before { content: '", Single),
            ("content: \"it\\\"s", Double),
            ("background: url(", Url(None)),
            ("background: URL( '", Url(Some('\''))),
            ("background: url('a') url(b) ", Plain),
            ("/* ' */ ", Plain),
            ("/* ", Comment),
        ] {
            assert_eq!(Plain.after(text), state, "{text}");
        }
    }
}
