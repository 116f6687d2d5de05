//! What can go wrong with an origin, by whose fault it is.
//!
//! In: errors of the client. Out: the status and the error type with which they are reported. It must not report them.

use std::sync::Arc;

use http::StatusCode;

use crate::http::client::{SendError, TrustError};
use crate::limits;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// See [`SendError`] for whose fault it is.
    #[error("origin {origin} at {server}")]
    Send {
        origin: Arc<str>,
        server: Arc<str>,
        #[source]
        source: SendError,
    },
    /// The request has been here before: the origin, or something behind it, is this process.
    #[error("origin {0} leads back to this proxy")]
    Loop(Arc<str>),
    /// The request's target is no URL below the origin's.
    #[error("the request's target can't be asked of origin {0}")]
    Target(Arc<str>),
    /// `CONNECT` is for forward proxies.
    #[error("CONNECT is not for origins")]
    Connect,
    /// 101 without having been asked, or to another protocol.
    #[error("origin {0} switched protocols unasked")]
    UnaskedSwitch(Arc<str>),
}

impl OriginError {
    /// The status with which it is reported to the client.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Send { source, .. } => source.status(),
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::Target(_) => StatusCode::BAD_REQUEST,
            Self::Connect => StatusCode::NOT_IMPLEMENTED,
            Self::UnaskedSwitch(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// Seconds after which the client may come again, where we turned it away.
    pub fn retry_after(&self) -> Option<u32> {
        matches!(self, Self::Send { source: SendError::Full(_), .. }).then_some(limits::ORIGIN_RETRY_AFTER)
    }

    /// The error type for `Proxy-Status` (RFC 9209 section 2.3).
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Send { source, .. } => source.proxy_error(),
            Self::Loop(_) => "proxy_loop_detected",
            Self::Target(_) | Self::Connect => "http_request_denied",
            Self::UnaskedSwitch(_) => "http_upgrade_failed",
        }
    }
}

/// Why origins can't be built from their settings.
#[derive(Debug, thiserror::Error)]
pub enum OriginsError {
    #[error("origin {name}: TLS")]
    Trust {
        name: Arc<str>,
        /// Boxed, because it is large and rare.
        #[source]
        source: Box<TrustError>,
    },
    #[error("origin {0} has no URL")]
    NoUrl(Arc<str>),
    #[error("origin {name}: {url} is not an absolute http or https URL")]
    Url { name: Arc<str>, url: String },
}
