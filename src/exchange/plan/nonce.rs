//! `csp` in code: the page's own nonce, known when the origin's head is.
//!
//! In: the nonce of the page's Content-Security-Policy. Out: facts. It must not make a nonce.

use std::sync::{Arc, OnceLock};

use super::element::Exchanged;
use crate::scope::{Answer, Facts, Key};

/// `csp.nonce`: the nonce that the page carries, or nothing.
#[derive(Debug, Default)]
pub struct NonceFacts {
    shown: OnceLock<Option<Arc<str>>>,
    exchanged: OnceLock<Option<Exchanged>>,
}

impl NonceFacts {
    /// Settles the nonce, and what the page's elements carry in its place; the first word counts.
    pub fn settle(&self, nonce: Option<&str>, own: Option<&str>) {
        let exchanged = nonce.zip(own).map(|(new, own)| Exchanged { own: own.into(), new: new.into() });
        self.exchanged.get_or_init(|| exchanged);
        self.shown.get_or_init(|| nonce.map(Arc::from));
    }

    /// The nonce, once it is settled.
    pub fn text(&self) -> Option<&Arc<str>> {
        self.shown.get().and_then(Option::as_ref)
    }

    /// What of elements is to be read as another nonce.
    pub fn exchanged(&self) -> Option<Exchanged> {
        self.exchanged.get().cloned().flatten()
    }
}

impl Facts for NonceFacts {
    fn get(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::map(),
            // A nonce is good for one response: what was made by looking at it is not kept.
            [key] if &**key == "nonce" => Answer { storable: false, ..Answer::optional(self.text()) },
            _ => Answer::absent(),
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::keys(self.text().map(|_| "nonce")),
            _ => Answer::absent(),
        }
    }
}
