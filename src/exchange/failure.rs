//! What a failure costs: the one table.
//!
//! | what fails | what it costs |
//! |---|---|
//! | the request names no site, or is none we may pass on | the request: an answer of ours |
//! | one client has asked too often (`rate_limits`) | the request: 429, with `Retry-After` |
//! | a preview link is forged, over, or for another page | the request: 403, with the reason |
//! | deciding rules (a panic) | the personalisation of this page |
//! | one condition | its rule, or its injection |
//! | one content | its fallbacks, then the origin's content in that place |
//! | the charset or the coding is none that can be rewritten | the personalisation of this page |
//! | the rewriter's memory or its understanding of the page | the slots after that point |
//! | the origin, before its head | the request: 502 or 504, with `Proxy-Status` |
//! | the origin, in mid-body | the rest of the body: the connection or stream ends broken |
//!
//! Answers of ours are pages for whoever would rather have HTML (`error_page`), and problem documents for all others.
//!
//! In: what failed, and who is told. Out: the answer that the client gets. It must not decide what counts as a failure.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};

use super::link::Unusable;
use crate::content::error_page::{Apology, Asked, ErrorPage};
use crate::context::Context;
use crate::http::Body;
use crate::http::accept::Form;
use crate::http::annotations::append_proxy_status;
use crate::limits::OWN_NAME;
use crate::origin::OriginError;
use crate::revision::Sites;
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
    /// It shows a preview link that is worth nothing.
    #[error(transparent)]
    Preview(Unusable),
    /// The origin gave no answer.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

impl Failure {
    /// The status with which it is told.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::UnknownHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Failure::UnknownEndpoint(_) => StatusCode::NOT_FOUND,
            Failure::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Failure::Preview(_) => StatusCode::FORBIDDEN,
            Failure::Origin(error) => error.status(),
        }
    }

    /// What people are told, without any detail of the inside.
    fn detail(&self) -> String {
        let origins = match self {
            Failure::Origin(error) => error.status(),
            own => return own.to_string(),
        };
        let detail = match origins {
            StatusCode::GATEWAY_TIMEOUT => "The website behind this proxy took too long to answer.",
            StatusCode::SERVICE_UNAVAILABLE => "The website is busy. Please try again in a moment.",
            StatusCode::BAD_GATEWAY | StatusCode::LOOP_DETECTED => {
                "The website behind this proxy gave no usable answer."
            }
            StatusCode::PAYLOAD_TOO_LARGE => "What was sent is larger than it may be.",
            StatusCode::REQUEST_TIMEOUT => "What was sent came too slowly.",
            _ => "The website can't be asked that.",
        };
        detail.to_owned()
    }

    /// The answer in words for whoever asked.
    pub fn response(&self, told: &Told<'_>) -> Response<Body> {
        let apology = Apology { status: self.status(), detail: &self.detail(), site: told.site };
        let asked = Asked { method: told.method, form: Form::preferred(told.headers) };
        let mut response = told.page.answer(&apology, asked);
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
            Failure::UnknownHost(_) | Failure::UnknownEndpoint(_) | Failure::Preview(_) => None,
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

/// Who is told of a failure, and on which page.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    page: &'a ErrorPage,
    /// The site's name; empty where it is not known.
    site: &'a str,
}

impl<'a> Told<'a> {
    /// Who asked a site for something.
    pub fn visitor(context: &'a Context) -> Self {
        let (head, site) = (&context.request.head, &context.site);
        Self { method: &head.method, headers: &head.headers, page: &site.error_page, site: &site.name }
    }

    /// Whose request is no site's.
    pub fn stranger(request: &'a Request<Body>, sites: &'a Sites) -> Self {
        Self { method: request.method(), headers: request.headers(), page: &sites.error_page, site: "" }
    }
}
