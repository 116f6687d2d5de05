//! The terms on which clients are served: the same for all connections of a server.
//!
//! In: the deployment's bounds, whom it trusts, where to count. Out: one record that every connection holds. It must not
//! enforce anything.

use std::net::IpAddr;
use std::sync::Arc;

use super::refusal::Refusal;
use crate::http::bounds::Bounds;
use crate::http::peer::TrustedProxies;
use crate::telemetry::{Metrics, Reason};

/// What one server goes by.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub bounds: Bounds,
    /// Whose connections are not counted per client: many clients come over them.
    pub trusted: TrustedProxies,
    pub metrics: Arc<Metrics>,
}

impl Terms {
    /// Counts a request, or what was to become one.
    pub fn count_refusal(&self, refusal: Refusal) {
        self.count_reason(refusal.reason());
    }

    /// The same for what has its reason from elsewhere.
    pub fn count_reason(&self, reason: &'static str) {
        self.metrics.refused_requests.get_or_create(&Reason { reason }).inc();
    }

    /// Whether `address` counts as one client.
    pub fn is_client(&self, address: IpAddr) -> bool {
        !self.trusted.contains(address)
    }
}
