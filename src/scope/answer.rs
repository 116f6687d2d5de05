//! Short ways to make answers, for whoever offers facts.
//!
//! In: data. Out: [`Answer`]s. It must not know which facts they are.

use minijinja::Value;

use super::{Answer, Key, Seen};

impl Answer {
    /// Nothing stands there.
    pub fn absent() -> Self {
        Self::fixed(Seen::Absent)
    }

    /// A value without parts.
    pub fn scalar(value: impl Into<Value>) -> Self {
        Self::fixed(Seen::Scalar(value.into()))
    }

    /// A text, or nothing.
    pub fn optional(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::absent, |text| Self::scalar(text.as_ref()))
    }

    /// A map.
    pub fn map() -> Self {
        Self::fixed(Seen::Map)
    }

    /// The ordered keys of a map, or the indices of a list.
    pub fn keys(keys: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        Self::fixed(Seen::Keys(keys.into_iter().map(Into::into).collect()))
    }

    /// The same answer, which depends on who asks.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.of_visitor = true;
        self
    }
}
