//! `csp` in code: the page's own nonce, known when the origin's head is.
//!
//! In: the nonce of the page's Content-Security-Policy. Out: facts. It must not make a nonce.

use std::sync::{Arc, OnceLock};

use crate::scope::{Answer, Facts, Key};

/// `csp.nonce`: the nonce that the page carries, or nothing.
#[derive(Debug, Default)]
pub struct NonceFacts(OnceLock<Option<Arc<str>>>);

impl NonceFacts {
    /// Settles the nonce; the first word counts.
    pub fn settle(&self, nonce: Option<&str>) {
        self.0.get_or_init(|| nonce.map(Arc::from));
    }

    /// The nonce, once it is settled.
    pub fn text(&self) -> Option<&Arc<str>> {
        self.0.get().and_then(Option::as_ref)
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
