//! Why a source gives nothing.
//!
//! In: what went wrong. Out: a word for metrics, a sentence for authors, and whether trying again may help. It must not hold
//! secrets: no URL with its arguments, no field of a head, no body.

use std::time::Duration;

use http::StatusCode;

use super::ask::AskError;
use crate::http::BodyError;
use crate::http::client::{SendError, TrustError};
use crate::scope::language::RenderError;

/// Why a source gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The call itself is wrong.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A part of the request can't be said.
    #[error("its request can't be made")]
    Request(#[from] RequestError),
    /// It is left alone, because it failed before.
    #[error("it is left alone for a while after its failures")]
    Open,
    /// More wait for it than may.
    #[error("too many wait for it")]
    Busy,
    #[error("it did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Its address, or that of a redirect, is inside.
    #[error("it leads to an address that is not public; `allow_private: true` would allow that")]
    Inward(#[source] SendError),
    #[error("it can't be reached")]
    Unanswered(#[source] SendError),
    #[error("its certificates or ours are of no use")]
    Trust(#[source] TrustError),
    #[error("its answer broke off or is too long")]
    Body(#[source] BodyError),
    #[error("it answered with status {}", .status.as_u16())]
    Status { status: StatusCode, after: Option<Duration> },
    #[error("it redirects, which is not allowed: {0}")]
    Redirect(&'static str),
    #[error("its answer is not as expected: {0}")]
    Unexpected(String),
    #[error("its answer can't be read as {0}")]
    Unreadable(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no token could be had for it")]
    Token(#[source] std::sync::Arc<SourceError>),
    /// A batch's answer that can't be taken apart.
    #[error("its answer to a batch is neither a map by value nor a list of objects with their key")]
    Batch,
    /// The task that called it is gone.
    #[error("the call broke off")]
    Broken,
    /// A test says that it fails so.
    #[error("{0}")]
    Faked(&'static str),
    /// A test does not say what it does.
    #[error("this test does not say what it answers")]
    Unfaked,
    /// Of whoever shared the call.
    #[error(transparent)]
    Shared(std::sync::Arc<SourceError>),
}

/// Why a request can't be made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Said(#[from] RenderError),
    #[error("its URL leads elsewhere than its definition says")]
    Elsewhere,
    #[error("its URL has `.` or `..` in its path")]
    Dots,
    #[error("its URL is too long")]
    TooLong,
    #[error("its URL can't be read")]
    Url,
    #[error("`{0}` is no value of a field: one line of text is")]
    Field(http::HeaderName),
}

impl SourceError {
    /// The reason in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ask(_) | Self::Request(_) => "request",
            Self::Open => "open",
            Self::Busy => "busy",
            Self::Timeout(_) => "timeout",
            Self::Inward(_) => "inward",
            Self::Unanswered(_) | Self::Trust(_) | Self::Broken | Self::Faked(_) | Self::Unfaked => "unreachable",
            Self::Body(_) => "body",
            Self::Status { .. } => "status",
            Self::Redirect(_) => "redirect",
            Self::Unexpected(_) | Self::Unreadable(..) | Self::Batch => "unexpected",
            Self::Token(_) => "token",
            Self::Shared(error) => error.word(),
        }
    }

    /// Whether the source is to blame, so that it is better left alone.
    pub fn is_its_fault(&self) -> bool {
        match self {
            Self::Timeout(_)
            | Self::Unanswered(_)
            | Self::Body(_)
            | Self::Unexpected(_)
            | Self::Unreadable(..)
            | Self::Batch => true,
            Self::Status { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Shared(error) | Self::Token(error) => error.is_its_fault(),
            _ => false,
        }
    }

    /// Whether another try may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unanswered(_) | Self::Body(_) => true,
            Self::Status { status, .. } => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// What an author is told, with the causes that are no secret; the same for the same failure.
    pub fn told(&self, source: &str) -> String {
        let mut told = match self {
            Self::Ask(error) => return error.to_string(),
            Self::Shared(error) => return error.told(source),
            error => format!("source `{source}`: {error}"),
        };
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            told.push_str(": ");
            told.push_str(&error.to_string());
            cause = error.source();
        }
        told
    }
}
