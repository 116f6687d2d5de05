//! Whether the site's rate limits let a request pass.
//!
//! In: the context. Out: nothing, or the failure that is told to the client, counted. It must not decide what counts.

use super::Exchange;
use super::failure::Failure;
use crate::context::Context;
use crate::telemetry::{LimitLabels, Name};

impl Exchange {
    /// Counts the request where it is limited; also where pages are not personalised, because a limit protects the origin.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn limit(&self, context: &Context) -> Result<(), Failure> {
        let site = &context.site;
        let passed = site.rate_limits.iter().try_for_each(|limit| limit.pass(&site.name, &context.request));
        passed.map_err(|limited| {
            let labels = LimitLabels { site: Name(site.name.clone()), limit: Name(limited.limit.clone()) };
            self.metrics.rate_limited_requests.get_or_create(&labels).inc();
            Failure::RateLimited(limited)
        })
    }
}
