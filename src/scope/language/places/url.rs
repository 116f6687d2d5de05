//! Where in a URL its text ends.
//!
//! In: a part and more text, decoded. Out: the next part.

/// The part of a URL that comes next. The order is that of strictness: where two ways lead to one place, the first holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UrlPart {
    /// Nothing stands there yet.
    Start,
    /// Something does, but a colon would still end a scheme.
    Head,
    Path,
    Query,
}

impl UrlPart {
    /// The part after `text`.
    pub fn after(self, text: &str) -> Self {
        let text = if self == Self::Start { text.trim_start_matches(|c: char| c <= ' ') } else { text };
        match (self, text) {
            (part, "") => part,
            (_, text) if text.contains(['?', '#']) => Self::Query,
            (Self::Query, _) => Self::Query,
            (_, text) if text.contains([':', '/', '\\']) => Self::Path,
            (Self::Start, _) => Self::Head,
            (part, _) => part,
        }
    }

    /// The part after a value was printed: of one that was looked at whole, a second may still say a scheme.
    pub fn after_value(self) -> Self {
        if self == Self::Start { Self::Head } else { self }
    }
}
