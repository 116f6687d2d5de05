//! Conditions that hang on chance: `random` in a `when`, or an audience by chance that a `when` asks for.
//!
//! In: the language. Out: what a condition says that chance decides. It must not note problems.

use std::collections::{BTreeMap, BTreeSet};

use super::cycles::named_audiences;
use super::world::World;
use crate::scope::language::{Language, Mentions, Unit};

/// The audiences that chance decides, by themselves or through others.
#[derive(Debug, Default)]
pub struct Chance<'a>(BTreeSet<&'a str>);

impl<'a> Chance<'a> {
    /// Follows `random` from the audiences that name it to those that are made of them.
    pub fn new(language: &Language, world: &'a World<'_>) -> Self {
        let mut made_of: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
        let mut open: Vec<&'a str> = Vec::new();
        for name in world.audiences.keys() {
            let unit = Unit::Condition(format!("audiences.{name}").into());
            let Some(mentions) = language.mentions(&unit) else { continue };
            named_audiences(mentions).for_each(|part| made_of.entry(part).or_default().push(name));
            open.extend(mentions.mentions("random").then_some(name.as_str()));
        }
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(made_of.get(name).into_iter().flatten());
            }
        }
        Self(found)
    }

    /// What of these mentions chance decides: `random`, or `audiences.lucky`.
    pub fn in_what(&self, mentions: &Mentions) -> Option<String> {
        if mentions.mentions("random") {
            return Some("random".to_owned());
        }
        named_audiences(mentions).find(|name| self.0.contains(name)).map(|name| format!("audiences.{name}"))
    }
}
