//! The visitor, from the head of the request: who it is, what was consented, what else the head tells.
//!
//! In: the request's head and the deployment's settings. Out: facts. It must not read a store.

pub mod agent;
pub mod consent;
pub mod facts;
pub mod geo;
pub mod identity;
pub mod keys;
mod policy;
pub mod session;
mod signature;
pub mod token;

use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;
use smallvec::SmallVec;

pub use consent::{Consent, ConsentPolicy, Purpose};
pub use identity::{Identity, IdentityKeys, VisitorId};
pub use policy::VisitorPolicy;

use crate::http::cookies::Transport;
use crate::scope::values::Tree;
use crate::scope::{Answer, Facts, Key};
use facts::RequestFacts;
pub use token::Customer;
use token::Login;

/// The visitor of one exchange.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub identity: Identity,
    pub consent: Consent,
    /// The token of the site's own login; none without consent to be recognised, unless that is being withdrawn.
    login: Option<Arc<Login>>,
}

impl Visitor {
    /// Recognises the visitor. Without consent nobody is recognised and nobody gets a new identity.
    pub fn recognise(policy: &VisitorPolicy, request: &RequestFacts, consent: Consent, now: Timestamp) -> Self {
        let (keys, token) = (&policy.keys, policy.token.as_ref());
        let cookie = request.cookie(keys.cookie_name());
        let identity = match consent.allows(Purpose::Store) {
            true => keys.identify(cookie, now),
            false => keys.withdrawn(cookie),
        };
        let token = token.filter(|_| identity != Identity::Nobody);
        let login = token.and_then(|token| Login::of(token, request, now)).map(Arc::new);
        Self { identity, consent, login }
    }

    /// The visitor's id, if there is one.
    pub fn id(&self) -> Option<&VisitorId> {
        self.identity.id()
    }

    /// Who is logged in, by a token that was verified; nobody who withdrew consent.
    pub fn customer(&self) -> Option<&Customer> {
        self.login.as_ref().filter(|_| !self.has_withdrawn())?.customer()
    }

    /// Who is logged in and withdrew consent.
    pub fn who_withdraws(&self) -> Option<&Customer> {
        self.login.as_ref().filter(|_| self.has_withdrawn())?.customer()
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

impl VisitorFacts {
    /// What the login's token tells.
    fn traits(&self) -> Option<Tree> {
        self.0.customer().map(|customer| Tree::of_visitor(customer.traits.clone()))
    }
}

impl Facts for VisitorFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let visitor = &self.0;
        let names: SmallVec<[&str; 4]> = path.iter().map(|key| &**key).collect();
        let answer = match names.as_slice() {
            [] | ["consent"] => Answer::map(),
            ["id"] => Answer::optional(visitor.id().map(|id| id.text())),
            ["returning"] => Answer::scalar(visitor.identity.returning()),
            ["identified"] => Answer::scalar(visitor.customer().is_some()),
            ["customer"] => Answer::optional(visitor.customer().map(|customer| &customer.id)),
            ["traits", ..] => {
                return self.traits().map_or_else(Answer::absent, |traits| traits.get(&path[1..])).private();
            }
            ["consent", "store"] => Answer::scalar(visitor.consent.allows(Purpose::Store)),
            ["consent", "personalise"] => Answer::scalar(visitor.consent.allows(Purpose::Personalise)),
            ["consent", "measure"] => Answer::scalar(visitor.consent.allows(Purpose::Measure)),
            _ => Answer::absent(),
        };
        answer.private()
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::keys(["id", "returning", "identified", "customer", "traits", "consent"]),
            [consent] if &**consent == "consent" => Answer::keys(["store", "personalise", "measure"]),
            [traits, below @ ..] if &**traits == "traits" => {
                self.traits().map_or_else(Answer::absent, |traits| traits.keys(below))
            }
            _ => Answer::absent(),
        };
        answer.private()
    }
}
