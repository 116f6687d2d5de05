//! Messages: what a site says in several languages, in Fluent files, and how it is said to somebody.
//!
//! In: files by language. Out: [`Messages`], or all that is wrong with them; then texts. The syntax is read by Fluent's own parser. What is
//! said is put together here, because numbers, dates and plural forms must be those of the language's filters, and what a message reads
//! must be recorded as everything else. It must not know where files lie, nor who asks.

mod call;
mod fault;
mod options;
mod pattern;
mod read;
mod settle;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(super) use call::{Translation, install, translation};
pub use fault::Fault;
pub(super) use fault::nearest;

use self::pattern::Pattern;
use super::library::locales::Locale;
use crate::scope::ledger::Fingerprint;

/// What saying a message may read.
pub(super) const READS: [&str; 3] = ["request.language", "site.languages", "now.zone"];

/// One file of messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageFile<'a> {
    /// The language's tag, known to be one: `nl`, `nl-BE`.
    pub language: &'a str,
    pub text: &'a str,
}

/// What is said in all languages. Immutable.
#[derive(Debug, Default)]
pub struct Messages {
    /// By tag, in lower case.
    languages: BTreeMap<String, Spoken>,
    identity: Option<Fingerprint>,
}

/// What is said in one language.
#[derive(Debug)]
struct Spoken {
    locale: Locale,
    /// By key: `hello`, `hello.title`, `-brand`.
    said: HashMap<Arc<str>, Message>,
}

/// One message, attribute or term in one language.
#[derive(Debug)]
struct Message {
    pattern: Pattern,
    /// The values that it takes, with those that messages take which it leads to.
    values: BTreeSet<Arc<str>>,
}

impl Messages {
    /// Reads the files of all languages. Those that are sound are there even where others have faults.
    pub fn read(files: &[MessageFile<'_>]) -> (Self, Vec<Fault>) {
        settle::settle(files)
    }

    /// Whether nothing is said in any language.
    pub fn is_empty(&self) -> bool {
        self.languages.is_empty()
    }

    /// The tags of the languages, in lower case.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// Tells what is said from what was said before it was changed.
    pub(super) fn identity(&self) -> Option<Fingerprint> {
        self.identity
    }

    /// Whether some language says this.
    pub(super) fn has(&self, key: &str) -> bool {
        !key.starts_with('-') && self.languages.values().any(|spoken| spoken.said.contains_key(key))
    }

    /// What can be said in some language.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        let all = self.languages.values().flat_map(|spoken| spoken.said.keys());
        all.map(|key| &**key).filter(|key| !key.starts_with('-')).collect()
    }

    /// The values that this message takes in some language.
    pub(super) fn values(&self, key: &str) -> BTreeSet<&str> {
        let messages = self.languages.values().filter_map(|spoken| spoken.said.get(key));
        messages.flat_map(|message| message.values.iter().map(|name| &**name)).collect()
    }

    /// What somebody who wants this language is spoken to in: the language itself, or with fewer subtags, or another of its kind.
    fn spoken(&self, wanted: &str) -> Option<&Spoken> {
        let wanted = wanted.to_ascii_lowercase().replace('_', "-");
        let shorter = std::iter::successors(Some(&*wanted), |tag| tag.rsplit_once('-').map(|(shorter, _)| shorter));
        let found = shorter.into_iter().find_map(|tag| self.languages.get(tag));
        let primary = wanted.split('-').next().unwrap_or_default();
        let kin = || self.languages.iter().find(|(tag, _)| tag.split('-').next() == Some(primary));
        found.or_else(|| kin().map(|(_, spoken)| spoken))
    }

    /// What everybody is spoken to in whom no language fits: English, or else the first by name.
    fn last_resort(&self) -> Option<&Spoken> {
        self.languages.get("en").or_else(|| self.languages.values().next())
    }
}
