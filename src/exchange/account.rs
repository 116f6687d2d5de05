//! The account of a request: its metrics when the head is known, its line in the access log when the body has left.
//!
//! In: what happened. Out: counts and one line of log per request. It must not change the body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::failure::{Failure, Told};
use super::fetch::Came;
use super::noting::Noted;
use super::open::Arrival;
use crate::context::Context;
use crate::http::annotations::{Timing, append_cache_status, append_server_timing};
use crate::http::{Body, BodyError};
use crate::limits::OWN_NAME;
use crate::origin::for_us;
use crate::telemetry::{Causes, Kind, Metrics, Name, RequestLabels, Treatment};

/// An answer, with what the account of the request says of it.
pub struct Answered {
    pub response: Response<Body>,
    pub treatment: Treatment,
    /// How the origin's answer came; `None` if there is none.
    pub came: Option<Came>,
    /// The names of the rules that applied.
    rules: Arc<[Arc<str>]>,
    /// The rate limit that it met.
    limit: Option<Arc<str>>,
    /// What is to be remembered of the visitor once it has left.
    pub noted: Option<Noted>,
}

impl Answered {
    /// The origin's answer, untouched.
    pub fn passed(response: Response<Body>, came: Came) -> Self {
        Self {
            response,
            treatment: Treatment::Passed,
            came: Some(came),
            rules: Arc::default(),
            limit: None,
            noted: None,
        }
    }

    /// The origin's page, as these rules would have it.
    pub fn personalised(response: Response<Body>, came: Came, rules: Arc<[Arc<str>]>) -> Self {
        Self { response, treatment: Treatment::Personalised, came: Some(came), rules, limit: None, noted: None }
    }

    /// Sent elsewhere by these rules.
    pub fn redirected(response: Response<Body>, rules: Arc<[Arc<str>]>) -> Self {
        Self { response, treatment: Treatment::Own, came: None, rules, limit: None, noted: None }
    }

    /// An answer of ours.
    pub fn own(response: Response<Body>) -> Self {
        Self::redirected(response, Arc::default())
    }

    /// An answer of ours, because there is none of the origin.
    pub fn failed(failure: &Failure, told: &Told<'_>, metrics: &Metrics) -> Self {
        let treatment = match failure {
            Failure::Origin(error) => {
                tracing::warn!(error = %Causes(error), "the origin gave no answer");
                metrics.origin_errors.get_or_create(&Kind { kind: error.proxy_error() }).inc();
                Treatment::Failed
            }
            Failure::UnknownHost(_) | Failure::UnknownEndpoint(_) | Failure::RateLimited(_) | Failure::Preview(_) => {
                Treatment::Own
            }
        };
        let (response, limit) = (failure.response(told), failure.limit().cloned());
        Self { response, treatment, came: None, rules: Arc::default(), limit, noted: None }
    }
}

/// What is remembered of a request until it is answered.
#[derive(Debug)]
pub struct Account {
    method: Method,
    /// Its query is not told: it may hold what is nobody's business.
    uri: Uri,
    started: Instant,
}

impl Account {
    /// Opened when a request arrives.
    pub fn open(arrival: &Arrival) -> Self {
        let request = &arrival.request;
        Self { method: request.method().clone(), uri: request.uri().clone(), started: arrival.started }
    }

    /// Counts the answer, says in its head how it came to be, and has its end logged. Without a context the request was
    /// refused before it was known whose it is.
    pub fn close(self, context: Option<Arc<Context>>, answered: Answered, metrics: &Metrics) -> Response<Body> {
        let Answered { mut response, treatment, came, rules, limit, noted } = answered;
        let shared = came.as_ref().is_some_and(|came| came.entry.is_some());
        if let Some(Came { took, cache, .. }) = came {
            append_cache_status(response.headers_mut(), OWN_NAME, &cache, None);
            let own = self.started.elapsed().saturating_sub(took);
            append_server_timing(response.headers_mut(), [timing("origin", took), timing(OWN_NAME, own)]);
        }
        let status = response.status().as_u16();
        let site = Name(context.as_ref().map(|context| context.site.name.clone()).unwrap_or_default());
        metrics.requests.get_or_create(&RequestLabels { site, treatment, status }).inc();
        metrics.head_seconds.observe(self.started.elapsed().as_secs_f64());
        let line = Line { account: self, context, status, treatment, rules, shared, limit };
        response.map(|body| AccountedBody::wrap(body, line, noted))
    }
}

fn timing(name: &'static str, took: Duration) -> Timing<&'static str> {
    Timing { name, duration: Some(took), description: None }
}

/// What the access log says of a request, but for what only its end tells.
#[derive(Debug)]
struct Line {
    account: Account,
    context: Option<Arc<Context>>,
    status: u16,
    treatment: Treatment,
    rules: Arc<[Arc<str>]>,
    /// The origin's answer is a stored one.
    shared: bool,
    limit: Option<Arc<str>>,
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

/// A body whose end is written down. In its trailers, too, nothing leaves that is for us.
struct AccountedBody {
    inner: Body,
    line: Line,
    bytes: u64,
    end: End,
    /// What is remembered before its last piece leaves.
    noted: Option<Noted>,
}

impl AccountedBody {
    /// The same body; when it is dropped its line is written.
    fn wrap(inner: Body, line: Line, noted: Option<Noted>) -> Body {
        // Nobody reads the body of an answer to HEAD.
        let nothing_to_come = inner.is_end_stream() || line.account.method == Method::HEAD;
        let end = if nothing_to_come { End::Whole } else { End::Aborted };
        let mut body = Self { inner, line, bytes: 0, end, noted };
        body.note();
        Body::wrap(body)
    }
}

impl AccountedBody {
    /// Who has the whole page asks for the next one, so what is remembered of this one is remembered by then.
    fn note(&mut self) {
        if self.end == End::Whole
            && let Some(noted) = self.noted.take()
        {
            noted.apply();
        }
    }
}

impl HttpBody for AccountedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
            for_us::take(trailers);
        }
        match &frame {
            Some(Ok(frame)) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => self.end = End::Broken,
            None => self.end = End::Whole,
        }
        if self.end == End::Aborted && self.inner.is_end_stream() {
            self.end = End::Whole;
        }
        self.note();
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
        let Line { account: Account { method, uri, started }, context, status, treatment, rules, shared, limit } =
            &self.line;
        // Nothing of this is made where nobody reads the log.
        tracing::info!(
            target: "inlay::access",
            %method,
            host = context.as_ref().map_or("", |context| context.request.host()),
            path = uri.path(),
            status,
            ?treatment,
            rules = rules.join(" "),
            shared,
            limit = limit.as_deref(),
            revision = context.as_ref().map_or("", |context| &context.revision.id),
            bytes = self.bytes,
            milliseconds = started.elapsed().as_micros() as f64 / 1000.0,
            end = ?self.end,
        );
    }
}
