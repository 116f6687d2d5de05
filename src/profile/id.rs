//! Whose profile it is.
//!
//! In: the id of a visitor's cookie, or what the site calls a customer. Out: a [`ProfileId`]. It must not know how either is
//! proved.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::PROFILE_ID_BYTES;

/// Why a text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an id has 1 to {PROFILE_ID_BYTES} bytes, without control characters and without spaces at its ends")]
pub struct IdError;

/// The key of a profile. The two kinds never meet: what a site calls a customer can't be the id of a cookie. As text
/// `visitor:ID` or `customer:ID`; a text with neither beginning names a customer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(Arc<str>);

/// What a profile's id is the id of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// A browser with our cookie.
    Visitor,
    /// Somebody whom the site knows.
    Customer,
}

impl Whose {
    fn prefix(self) -> &'static str {
        match self {
            Self::Visitor => "visitor:",
            Self::Customer => "customer:",
        }
    }
}

impl ProfileId {
    /// The profile of an anonymous visitor, by the id in its cookie.
    ///
    /// # Errors
    /// [`IdError`]; never for an id that we made.
    pub fn visitor(id: &str) -> Result<Self, IdError> {
        Self::of(Whose::Visitor, id)
    }

    /// The profile of a customer, by what the site calls them.
    ///
    /// # Errors
    /// [`IdError`].
    pub fn customer(id: &str) -> Result<Self, IdError> {
        Self::of(Whose::Customer, id)
    }

    /// Reads an id as people write it: `visitor:ID`, `customer:ID`, or a customer's id alone.
    ///
    /// # Errors
    /// [`IdError`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let kinds = [Whose::Visitor, Whose::Customer];
        let named = kinds.iter().find_map(|kind| Some((*kind, text.strip_prefix(kind.prefix())?)));
        let (whose, id) = named.unwrap_or((Whose::Customer, text));
        Self::of(whose, id)
    }

    fn of(whose: Whose, id: &str) -> Result<Self, IdError> {
        let fits = (1..=PROFILE_ID_BYTES).contains(&id.len()) && id.trim() == id && !id.contains(char::is_control);
        if !fits {
            return Err(IdError);
        }
        Ok(Self(format!("{}{id}", whose.prefix()).into()))
    }

    /// What it is the id of.
    pub fn whose(&self) -> Whose {
        if self.0.starts_with(Whose::Visitor.prefix()) { Whose::Visitor } else { Whose::Customer }
    }

    /// The id without its kind.
    pub fn bare(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(_, id)| id)
    }

    /// The id with its kind, as [`parse`](ProfileId::parse) reads it.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whole ids stay out of logs: a customer's is often an address.
impl fmt::Debug for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.bare().chars().take(4).collect();
        write!(f, "{}{shown}…", self.whose().prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_and_visitors_never_meet() {
        let customer = ProfileId::customer("visitor:abc").expect("an id");
        assert_ne!(customer, ProfileId::visitor("abc").expect("an id"));
        assert_eq!(customer.whose(), Whose::Customer);
        assert_eq!(customer.bare(), "visitor:abc");
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for (text, is) in [
            ("42", "customer:42"),
            ("customer:42", "customer:42"),
            ("visitor:x", "visitor:x"),
            ("crm:7", "customer:crm:7"),
        ] {
            let id = ProfileId::parse(text).expect(text);
            assert_eq!(id.text(), is);
            assert_eq!(ProfileId::parse(id.text()), Ok(id));
        }
        for bad in ["", "visitor:", " 42", "4\n2", &"x".repeat(PROFILE_ID_BYTES + 1)] {
            assert_eq!(ProfileId::parse(bad), Err(IdError), "{bad:?}");
        }
    }
}
