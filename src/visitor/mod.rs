//! The visitor, from the head of the request: who it is, what was consented, what else the head tells.
//!
//! In: the request's head and the deployment's settings. Out: facts. It must not read a store.

pub mod consent;
pub mod facts;
pub mod identity;
mod policy;

use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;
use smallvec::SmallVec;

pub use consent::{Consent, ConsentPolicy, Purpose};
pub use identity::{Identity, IdentityKeys, VisitorId};
pub use policy::VisitorPolicy;

use crate::http::cookies::Transport;
use crate::scope::{Answer, Facts, Key};

/// The visitor of one exchange.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub identity: Identity,
    pub consent: Consent,
}

impl Visitor {
    /// Recognises the visitor. Without consent nobody is recognised and nobody gets a new identity.
    pub fn recognise(keys: &IdentityKeys, cookie: Option<&str>, consent: Consent, now: Timestamp) -> Self {
        let identity = match consent.allows(Purpose::Store) {
            true => keys.identify(cookie, now),
            false => keys.withdrawn(cookie),
        };
        Self { identity, consent }
    }

    /// The visitor's id, if there is one.
    pub fn id(&self) -> Option<&VisitorId> {
        self.identity.id()
    }

    /// Whether consent was withdrawn: the cookie is to expire, and what is remembered to be erased.
    pub fn has_withdrawn(&self) -> bool {
        matches!(self.identity, Identity::Withdrawn(_))
    }

    /// The value of `Set-Cookie` that this exchange owes the visitor, if the response may carry one.
    pub fn set_cookie(&self, keys: &IdentityKeys, transport: Transport, now: Timestamp) -> Option<HeaderValue> {
        if self.has_withdrawn() {
            return keys.expire_cookie(transport);
        }
        let id = self.identity.owes_cookie()?;
        keys.set_cookie(id, transport, now)
    }
}

/// What code sees as `visitor`.
#[derive(Debug)]
pub struct VisitorFacts(pub Arc<Visitor>);

impl Facts for VisitorFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let visitor = &self.0;
        let names: SmallVec<[&str; 4]> = path.iter().map(|key| &**key).collect();
        let answer = match names.as_slice() {
            [] | ["consent"] => Answer::map(),
            ["id"] => Answer::optional(visitor.id().map(|id| id.text())),
            ["returning"] => Answer::scalar(visitor.identity.returning()),
            ["identified"] => Answer::scalar(false),
            ["consent", "store"] => Answer::scalar(visitor.consent.allows(Purpose::Store)),
            ["consent", "personalise"] => Answer::scalar(visitor.consent.allows(Purpose::Personalise)),
            ["consent", "measure"] => Answer::scalar(visitor.consent.allows(Purpose::Measure)),
            _ => Answer::absent(),
        };
        answer.private()
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::keys(["id", "returning", "identified", "consent"]),
            [consent] if &**consent == "consent" => Answer::keys(["store", "personalise", "measure"]),
            _ => Answer::absent(),
        };
        answer.private()
    }
}
