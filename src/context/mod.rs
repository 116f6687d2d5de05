//! What one exchange carries from its first step to its last.
//!
//! In: what was taken once at the start: the revision, the site, the request's head, the visitor and how it was recognised,
//! the time. Out: the scope that code sees. It must not change after the start.

mod happened;
mod remembered;
mod session;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::content::source::SourceFacts;
/// Where what one exchange asks of sources is told.
pub use crate::content::source::Witness;
use crate::decide::audience::AudienceFacts;
use crate::decide::lists::LISTS;
use crate::decide::supposed::Supposed;
use crate::revision::{Revision, Site};
use crate::rule::Asking;
use crate::scope::Scope;
use crate::scope::now::Now;
use crate::scope::values::Random;
use crate::store::items::{ItemFacts, Items};
use crate::telemetry::Census;
use crate::visitor::facts::RequestFacts;
use crate::visitor::geo::GeoFacts;
use crate::visitor::session::SessionFacts;
use crate::visitor::{Visitor, VisitorFacts, VisitorPolicy};
use happened::EventFacts;
use remembered::{MemberFacts, ProfileFacts};
pub use remembered::{Remembered, whose};
use session::RememberedSession;

/// One request's world.
#[derive(Clone, Debug)]
pub struct Context {
    /// Taken once: a reload in mid-exchange does not touch it.
    pub revision: Arc<Revision>,
    pub site: Arc<Site>,
    pub request: Arc<RequestFacts>,
    pub visitor: Arc<Visitor>,
    /// What is remembered of the visitor, once somebody asks.
    pub remembered: Remembered,
    /// How the visitor was recognised; a cookie that is owed is made with the same keys.
    pub policy: Arc<VisitorPolicy>,
    /// What is known of what the site sells or publishes.
    pub items: Items,
    /// What somebody wants to see supposed; nothing, for a visitor. What is made under it is for nobody else.
    pub supposed: Supposed,
    /// The wall clock when the request arrived, or the moment that is supposed; nothing in the exchange asks again.
    pub now: Timestamp,
    /// For deadlines and timings.
    pub started: Instant,
    /// Where somebody wants to know what sources are asked.
    pub witness: Option<Witness>,
    /// Where it is counted in which audiences the visitor is; `None` for who is not to be counted.
    pub census: Option<Census>,
}

impl Context {
    /// What code sees, but for what a rule (`params`), a page (`csp`) and an element (`element`, `each`) add.
    pub fn scope(&self) -> Scope {
        let empty = if self.supposed.is_nothing() { Scope::new() } else { Scope::fleeting() };
        let plain = empty
            .with("request", self.request.clone())
            .with("site", self.site.facts.clone())
            .with("visitor", Arc::new(VisitorFacts(self.visitor.clone())))
            .with("now", Arc::new(Now::new(self.now.to_zoned_datetime(self.site.zone.clone()))))
            .with("random", Arc::new(Random::new()))
            .with("items", Arc::new(ItemFacts::new(self.items.clone(), self.now)));
        let plain = match self.revision.recalls {
            true => plain
                .with("profile", Arc::new(ProfileFacts(self.remembered.clone())))
                .with("events", Arc::new(EventFacts::new(self.remembered.clone())))
                .with("session", Arc::new(RememberedSession::new(self.request.clone(), self.remembered.clone())))
                .with(LISTS, Arc::new(MemberFacts(self.remembered.clone()))),
            false => plain.with("session", Arc::new(SessionFacts::new(self.request.clone(), None))),
        };
        let plain = match self.policy.geo.is_some() {
            true => plain.with("geo", Arc::new(GeoFacts::new(self.policy.geo.clone(), self.request.clone()))),
            false => plain,
        };
        let plain = match self.revision.sources.is_empty() {
            true => plain,
            false => {
                let sources = SourceFacts::new(self.revision.sources.clone(), self.request.clone());
                plain.with("sources", Arc::new(sources.seen_by(self.witness.clone())))
            }
        };
        let (language, audiences) = (self.revision.language.clone(), self.revision.audiences.clone());
        let audiences = AudienceFacts::new(language, audiences, plain.clone(), self.census.clone());
        audiences.suppose(&self.supposed.audiences);
        plain.with("audiences", audiences)
    }

    /// What rules decide by.
    pub fn asking(&self) -> Asking<'_> {
        Asking {
            site: &self.site.name,
            request: &self.request,
            visitor: self.visitor.id(),
            now: self.now,
            zone: &self.site.zone,
            supposed: &self.supposed,
        }
    }
}
