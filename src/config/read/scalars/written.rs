//! What every kind of scalar can do: say what it is, and be read from text.
//!
//! In: the text of a scalar. Out: the value, or what to write instead. It must not know any one type.

/// A type written as one scalar.
pub trait Written: Sized {
    /// What it is, with an example: "a duration such as `30m`".
    const WHAT: &'static str;
    /// A regular expression that editors may hold values against; variables are let through besides.
    const PATTERN: Option<&'static str> = None;
    /// Reads it.
    ///
    /// # Errors
    /// What to write instead, or empty where [`Written::WHAT`] says it all.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// Splits a number with a unit: `1.5`, `MiB`.
pub fn number_and_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}
