//! How visitors are recognised.
//!
//! In: the keys and the consent policy of the deployment, the facts of a request. Out: the [`Visitor`]. It must not set
//! cookies, nor read the clock.

use jiff::Timestamp;

use super::facts::RequestFacts;
use super::{ConsentPolicy, IdentityKeys, Visitor};

/// `visitor:` of inlay.yaml, ready for use.
#[derive(Clone, Debug)]
pub struct VisitorPolicy {
    pub keys: IdentityKeys,
    pub consent: ConsentPolicy,
}

impl VisitorPolicy {
    /// The visitor who sent this request.
    pub fn recognise(&self, request: &RequestFacts, now: Timestamp) -> Visitor {
        let consent = self.consent.decide(request, now);
        Visitor::recognise(&self.keys, request.cookie(self.keys.cookie_name()), consent, now)
    }
}
