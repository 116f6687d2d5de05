//! Characters, which the YAML parser counts, and bytes, which we count.
//!
//! In: a text and a count of characters. Out: the byte offset. It must not know YAML.

/// From character to byte offsets.
pub struct Offsets(Option<Vec<usize>>, usize);

impl Offsets {
    /// The table of a text.
    pub fn new(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self(table, text.len())
    }

    /// The byte at which a character begins; past the last it is the end.
    pub fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character.min(self.1),
            Some(table) => table.get(character).copied().unwrap_or(self.1),
        }
    }
}
