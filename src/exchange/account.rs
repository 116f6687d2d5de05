//! The account of a request: its metrics when the head is known, its line in the access log when the body has left.
//!
//! In: what happened. Out: counts and one line of log per request. It must not change the body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::context::Context;
use crate::http::{Body, BodyError};
use crate::telemetry::Treatment;

/// What the access log says of a request, but for what only its end tells.
#[derive(Debug)]
pub struct Line {
    pub method: Method,
    /// Its query is not told: it may hold what is nobody's business.
    pub uri: Uri,
    /// `None` if the request was refused before it was known whose it is.
    pub context: Option<Arc<Context>>,
    pub status: u16,
    pub treatment: Treatment,
    /// The names of the rules that applied.
    pub rules: Vec<Arc<str>>,
    pub started: Instant,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client went away first.
    Aborted,
    Whole,
    /// The origin's body broke.
    Broken,
}

/// A body whose end is written down.
pub struct AccountedBody {
    inner: Body,
    line: Line,
    bytes: u64,
    end: End,
}

impl AccountedBody {
    /// The same body; when it is dropped its line is written.
    pub fn wrap(inner: Body, line: Line) -> Body {
        // Nobody reads the body of an answer to HEAD.
        let nothing_to_come = inner.is_end_stream() || line.method == http::Method::HEAD;
        let end = if nothing_to_come { End::Whole } else { End::Aborted };
        Body::wrap(Self { inner, line, bytes: 0, end })
    }
}

impl HttpBody for AccountedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => self.end = End::Broken,
            None => self.end = End::Whole,
        }
        if self.end == End::Aborted && self.inner.is_end_stream() {
            self.end = End::Whole;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for AccountedBody {
    fn drop(&mut self) {
        let Line { method, uri, context, status, treatment, rules, started } = &self.line;
        // Nothing of this is made where nobody reads the log.
        tracing::info!(
            target: "inlay::access",
            %method,
            host = context.as_ref().map_or("", |context| context.request.host()),
            path = uri.path(),
            status,
            ?treatment,
            rules = rules.join(" "),
            revision = context.as_ref().map_or("", |context| &context.revision.id),
            bytes = self.bytes,
            milliseconds = started.elapsed().as_micros() as f64 / 1000.0,
            end = ?self.end,
        );
    }
}
