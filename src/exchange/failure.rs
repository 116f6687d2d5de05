//! What a failure costs: the one table.
//!
//! | what fails | what it costs |
//! |---|---|
//! | the request names no site, or is none we may pass on | the request: an answer of ours |
//! | one client has asked too often (`rate_limits`) | the request: 429, with `Retry-After` |
//! | deciding rules (a panic) | the personalisation of this page |
//! | one condition | its rule, or its injection |
//! | one content | its fallbacks, then the origin's content in that place |
//! | the charset or the coding is none that can be rewritten | the personalisation of this page |
//! | the rewriter's memory or its understanding of the page | the slots after that point |
//! | the origin, before its head | the request: 502 or 504, with `Proxy-Status` |
//! | the origin, in mid-body | the rest of the body: the connection or stream ends broken |
//!
//! In: what failed. Out: the answer that the client gets. It must not decide what counts as a failure.

use std::sync::Arc;

use http::{Response, StatusCode, header};

use crate::http::Body;
use crate::http::annotations::append_proxy_status;
use crate::http::problem::problem;
use crate::limits::OWN_NAME;
use crate::origin::OriginError;
use crate::throttle::Limited;

/// What ends an exchange without the origin's answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No site of the deployment has this host.
    #[error("no site is configured for the host `{0}`")]
    UnknownHost(String),
    /// A path below `/_inlay/` that this version does not have.
    #[error("there is no `{0}` here: paths below `/_inlay/` are Inlay's own")]
    UnknownEndpoint(String),
    /// The client, or whoever is counted with it, asks too often.
    #[error("too many requests; the next one may come in {} s", .0.retry_after())]
    RateLimited(Limited),
    /// The origin gave no answer.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Failure::UnknownHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Failure::UnknownEndpoint(_) => StatusCode::NOT_FOUND,
            Failure::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Failure::Origin(error) => error.status(),
        }
    }

    /// The answer, without any detail of the inside.
    pub fn response(&self) -> Response<Body> {
        let status = self.status();
        let detail = match self {
            Failure::Origin(_) => "The website behind this proxy gave no usable answer.".to_owned(),
            own => own.to_string(),
        };
        let mut response = problem(status, &detail);
        if let Failure::Origin(error) = self {
            append_proxy_status(response.headers_mut(), OWN_NAME, error.proxy_error(), None);
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// Seconds after which the client may come again, where we turned it away.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Failure::RateLimited(limited) => Some(limited.retry_after()),
            Failure::Origin(error) => error.retry_after().map(u64::from),
            Failure::UnknownHost(_) | Failure::UnknownEndpoint(_) => None,
        }
    }

    /// The rate limit that was met.
    pub fn limit(&self) -> Option<&Arc<str>> {
        match self {
            Failure::RateLimited(limited) => Some(&limited.limit),
            _ => None,
        }
    }
}
