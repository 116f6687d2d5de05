//! The lists that somebody is on, as facts: `lists.vip`.
//!
//! In: what is remembered of a visitor. Out: whether they are on a list. Code has no such name: audiences that are lists ask for
//! it. It must not know who put them there.

use std::sync::Arc;

use crate::profile::Profile;
use crate::scope::{Answer, Facts, Key};

/// The name in the scope.
pub const LISTS: &str = "lists";

/// The lists of one profile.
#[derive(Debug)]
pub struct ListFacts(pub Arc<Profile>);

impl Facts for ListFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::map(),
            [name] => Answer::scalar(self.0.lists().iter().any(|list| list.text() == &**name)),
            _ => Answer::absent(),
        };
        answer.private()
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::keys(self.0.lists().iter().map(|list| list.text())),
            _ => Answer::absent(),
        };
        answer.private()
    }
}
