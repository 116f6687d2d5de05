//! Text patterns, in which `*` stands for any text: for hosts, and for values of headers, cookies and the query.
//!
//! In: the author's pattern, and a text. Out: whether it fits, and how closely the pattern says what it wants. It must not know
//! paths.

use super::fitting::{Captures, Part, fits};

/// A text pattern in which `*` stands for any text; for hosts and for values of headers, cookies and the query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Vec<Part>);

impl Glob {
    /// Every text is a pattern; `**` means no more than `*`.
    pub fn new(source: &str) -> Self {
        let mut parts = Vec::new();
        for (index, literal) in source.split('*').enumerate() {
            if index > 0 && parts.last() != Some(&Part::Any) {
                parts.push(Part::Any);
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
        }
        Self(parts)
    }

    /// Whether all of `text` fits, letter for letter.
    pub fn matches(&self, text: &str) -> bool {
        fits(&self.0, text, &mut Captures::new())
    }

    /// Whether any letter stands in it; one without fits whatever comes.
    pub fn says_something(&self) -> bool {
        self.closeness().letters > 0
    }

    /// How closely it says what it wants, to choose among patterns that all match: one without `*` says more than any
    /// with one, and of those the one with more letters.
    pub fn closeness(&self) -> Closeness {
        let letters = |part: &Part| if let Part::Literal(text) = part { text.len() } else { 0 };
        Closeness { exact: !self.0.contains(&Part::Any), letters: self.0.iter().map(letters).sum() }
    }
}

/// How closely a [`Glob`] says what it wants; the greater, the closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closeness {
    exact: bool,
    letters: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_fit_all_of_a_text() {
        let table = [
            ("*.brand-a.be", "www.brand-a.be", true),
            ("*.brand-a.be", "brand-a.be", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }
}
