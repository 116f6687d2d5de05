//! How visitors are recognised.
//!
//! In: the keys and the consent policy of the deployment, the facts of a request. Out: the [`Visitor`]. It must not set
//! cookies, nor read the clock.

use std::sync::Arc;

use jiff::Timestamp;

use super::facts::RequestFacts;
use super::geo::GeoPolicy;
use super::token::TokenPolicy;
use super::{ConsentPolicy, IdentityKeys, Visitor};

/// `visitor:` of inlay.yaml, ready for use.
#[derive(Clone, Debug)]
pub struct VisitorPolicy {
    pub keys: IdentityKeys,
    pub consent: ConsentPolicy,
    /// Where clients are.
    pub geo: GeoPolicy,
    /// By what a login is known.
    pub token: Option<Arc<TokenPolicy>>,
}

impl VisitorPolicy {
    /// The visitor who sent this request.
    pub fn recognise(&self, request: &RequestFacts, now: Timestamp) -> Visitor {
        let consent = self.consent.decide(request, now);
        Visitor::recognise(self, request, consent, now)
    }
}
