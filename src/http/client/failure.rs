//! Why a request got no response: by whose fault, and how a gateway tells it.
//!
//! In: the errors of what lies below. Out: one of ours, with its status and its name (RFC 9209). It must not decide what to do.

use std::time::Duration;

use http::{Request, StatusCode};

use crate::http::dial::{DialError, find};
use crate::http::framing::FramingError;
use crate::http::pool::LeaseError;
use crate::http::reach::Inward;
use crate::http::{Body, BodyError};

/// Why there is no response, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody answers there.
    #[error("the server can't be reached")]
    Unreachable(#[source] DialError),
    /// TLS could not be agreed on, or the certificate is not trusted.
    #[error("TLS with the server failed")]
    Tls(#[source] DialError),
    /// No connection within [`Timeouts::connect`].
    #[error("connecting to the server took too long")]
    ConnectTimeout(#[source] DialError),
    /// [`Bounds`] are reached.
    #[error("the server is asked as much as it may be")]
    Full(#[source] LeaseError),
    /// Connected, but no head of a response in time.
    #[error("the server did not answer within {} ms", .0.as_millis())]
    ResponseTimeout(Duration),
    /// What came is not HTTP as it should be.
    #[error("the server broke the protocol")]
    Protocol(#[source] hyper::Error),
    /// Where the response begins or ends is not certain.
    #[error("the server's response is not framed as it must be")]
    Framing(#[source] FramingError),
    /// The connection ended before the response's head.
    #[error("the server closed the connection without answering")]
    Aborted(#[source] hyper::Error),
    /// The request's own body failed: the fault of whoever sent it.
    #[error("the request's body ended too early")]
    RequestBody(#[source] hyper::Error),
}

impl SendError {
    /// The status with which a gateway reports it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::RequestBody(error) => request_body_status(error),
            Self::Unreachable(_) | Self::Tls(_) | Self::Protocol(_) | Self::Framing(_) | Self::Aborted(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// The error type of RFC 9209 section 2.3.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Unreachable(error) if is_refused(error) => "connection_refused",
            Self::Unreachable(_) => "destination_unavailable",
            Self::Tls(_) => "tls_protocol_error",
            Self::ConnectTimeout(_) => "connection_timeout",
            Self::Full(_) => "connection_limit_reached",
            Self::ResponseTimeout(_) => "http_response_timeout",
            Self::Protocol(_) | Self::Framing(_) => "http_protocol_error",
            Self::Aborted(_) => "http_response_incomplete",
            Self::RequestBody(_) => "http_request_error",
        }
    }

    /// The address that may not be reached, if that is why.
    pub fn inward(&self) -> Option<&Inward> {
        find(self)
    }

    pub(super) fn of(error: hyper::Error) -> Self {
        if find::<BodyError>(&error).is_some() {
            return Self::RequestBody(error);
        }
        let closed = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
        if closed || find::<std::io::Error>(&error).is_some() { Self::Aborted(error) } else { Self::Protocol(error) }
    }
}

impl From<LeaseError> for SendError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Dial(error @ DialError::Unreachable(_)) => Self::Unreachable(error),
            LeaseError::Dial(error @ DialError::Tls(_)) => Self::Tls(error),
            LeaseError::Dial(error @ DialError::TooSlow(_)) => Self::ConnectTimeout(error),
            LeaseError::Handshake(error) => Self::Aborted(error),
            LeaseError::Full => Self::Full(error),
        }
    }
}

/// A request that got no response.
#[derive(Debug)]
pub struct Unanswered {
    pub error: SendError,
    /// The request, where nothing of it has left.
    pub unsent: Option<Box<Request<Body>>>,
}

impl Unanswered {
    pub(super) fn sent(error: SendError) -> Self {
        Self { error, unsent: None }
    }
}

/// A body that is longer or slower than it may be has a status of its own.
fn request_body_status(error: &hyper::Error) -> StatusCode {
    match find::<BodyError>(error) {
        Some(BodyError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
        Some(BodyError::TooSlow | BodyError::Stalled(_)) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn is_refused(error: &DialError) -> bool {
    find::<std::io::Error>(error).is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}
