//! What is taken for granted instead of being found out: by previews, explanations and tests.
//!
//! In: somebody's wish to see a page as it would be. Out: data that deciding asks before it looks. It must not decide anything,
//! nor say who may suppose.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is supposed of one exchange; by default nothing, and everything is found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supposed {
    /// When it is, to the second.
    #[serde(with = "seconds", skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Audiences whose condition is not asked: the visitor is in, or out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audiences: BTreeMap<String, bool>,
    /// Rules that apply wherever their `match` fits, whatever their state, schedule, campaigns, share and condition say.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub rules: BTreeSet<String>,
    /// By rule: whether the visitor is within its share.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, bool>,
    /// Whether rules and campaigns in state `preview` count as live.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub previews: bool,
}

impl Supposed {
    /// Whether nothing is supposed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What is supposed, each in a few words: `the audience gold: in`.
    pub fn in_words(&self) -> Vec<String> {
        let side = |inside: &bool| if *inside { "in" } else { "out" };
        let at = self.at.map(|at| format!("the time: {at}"));
        let audiences = self.audiences.iter().map(|(name, inside)| format!("the audience `{name}`: {}", side(inside)));
        let shares = self.shares.iter().map(|(name, inside)| format!("the share of `{name}`: {}", side(inside)));
        let rules = self.rules.iter().map(|name| format!("the rule `{name}` applies"));
        let previews = self.previews.then(|| "rules in state `preview` are shown".to_owned());
        at.into_iter().chain(audiences).chain(shares).chain(rules).chain(previews).collect()
    }
}

/// A moment as seconds since 1970.
mod seconds {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_second).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let seconds = Option::<i64>::deserialize(deserializer)?;
        seconds.map(Timestamp::from_second).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_written() {
        let supposed = Supposed {
            at: Some("2026-12-20T09:00:00Z".parse().expect("a time")),
            audiences: [("gold".to_owned(), true)].into(),
            rules: ["xmas".to_owned()].into(),
            shares: BTreeMap::new(),
            previews: true,
        };
        let text = serde_json::to_string(&supposed).expect("JSON");
        assert_eq!(serde_json::from_str::<Supposed>(&text).expect("what was written"), supposed);
        assert_eq!(serde_json::to_string(&Supposed::default()).expect("JSON"), "{}");
        assert!(Supposed::default().is_nothing() && !supposed.is_nothing());
    }
}
