//! `POST /_inlay/events`: what a page's scripts say happened.
//!
//! In: one event or a list of them as JSON, from a page of the same site. Out: 202 with how many were taken, after the store has
//! them; or a problem document that names the event and the remedy. It must not believe what only the site's servers may say.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use url::Url;

use crate::context::{Context, whose};
use crate::event::{Direction, Event};
use crate::http::problem::problem;
use crate::http::{Body, BodyError};
use crate::limits::{BROWSER_EVENTS, BROWSER_EVENTS_BYTES, BROWSER_EVENTS_WAIT, EVENTS_WRITE_WAIT};
use crate::profile::Change;
use crate::store::{Profiles, StoreError};
use crate::visitor::Purpose;

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("Events are sent by POST.")]
    Method,
    #[error("Events are taken from pages of this site only; this came from another one.")]
    Foreign,
    #[error("Send events as `application/json`, or as `text/plain` from `navigator.sendBeacon`.")]
    MediaType,
    #[error("{0}")]
    TooLong(BodyError),
    #[error("The body broke off: {0}")]
    Broken(BodyError),
    #[error("The body took too long to come.")]
    TooSlow,
    #[error("The body is no JSON: {0}.")]
    NoJson(#[from] serde_json::Error),
    #[error("{0}.")]
    NoEvents(#[from] crate::profile::document::NoEvents),
    #[error(
        "Event {place}: `{kind}` is not believed of a browser; send it from a server, or name it in `collect.from_browser`."
    )]
    Unbelieved { place: usize, kind: String },
    #[error("The events can't be kept now.")]
    Store(#[from] StoreError),
    #[error("The events are not safe yet; send them again with the same ids, and they count once.")]
    Late,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Foreign | Self::Unbelieved { .. } => StatusCode::FORBIDDEN,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) | Self::NoJson(_) => StatusCode::BAD_REQUEST,
            Self::NoEvents(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Store(_) | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The refusal in words.
    pub fn response(&self) -> Response<Body> {
        let mut response = problem(self.status(), &self.to_string());
        let headers = response.headers_mut();
        match self {
            Self::Method => headers.insert(header::ALLOW, HeaderValue::from_static("POST")),
            Self::Store(_) | Self::Late => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")),
            _ => None,
        };
        response
    }
}

/// Takes what was sent; how many events that were.
///
/// # Errors
/// [`Refused`]; nothing was taken then, but for [`Refused::Late`].
pub async fn take(request: Request<Body>, context: &Context, profiles: &Profiles) -> Result<usize, Refused> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Refused::Method);
    }
    check_origin(&head.headers, context)?;
    check_type(&head.headers)?;
    let sent = read(body).await?;
    let events = Event::read_some(sent, BROWSER_EVENTS, Direction::Browser, context.now)?;
    let believed = &context.revision.sites.noting.believed;
    if let Some((place, event)) = (1..).zip(&events).find(|(_, event)| !believed.believes(&event.kind)) {
        return Err(Refused::Unbelieved { place, kind: event.kind.text().to_owned() });
    }
    let Some(id) = whose(&context.visitor).filter(|_| context.visitor.consent.allows(Purpose::Store)) else {
        return Ok(0);
    };
    let counted = events.into_iter().filter(|event| counts(event, context));
    let changes: Vec<Change> = counted.map(|event| Change::append(event, context.now)).collect();
    let count = changes.len();
    if count > 0 {
        let written = timeout(EVENTS_WRITE_WAIT, profiles.change(&id, changes).durably()).await;
        written.map_err(|_| Refused::Late)??;
    }
    Ok(count)
}

/// The answer to who sent `count` events that are safe now.
pub fn taken(count: usize) -> Response<Body> {
    let mut response = Response::new(Body::full(json!({ "accepted": count }).to_string()));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A robot views nothing, nor does who fetches ahead of a visit.
fn counts(event: &Event, context: &Context) -> bool {
    let is_view = event.kind.text().ends_with(".view") || event.kind.text() == "fragment.shown";
    !is_view || !context.request.is_unseen()
}

/// Browsers say where a request comes from; others are not led to send one with somebody's cookie.
fn check_origin(headers: &HeaderMap, context: &Context) -> Result<(), Refused> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_near = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "same-site" | "none"));
    let is_ours = text("origin").is_none_or(|origin| {
        let url = Url::parse(origin).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_ascii_lowercase();
        host == context.request.host()
            || context.site.hosts.iter().any(|glob| glob.says_something() && glob.matches(&host))
    });
    if is_near && is_ours { Ok(()) } else { Err(Refused::Foreign) }
}

fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(written) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media_type = written.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = ["application/json", "text/plain"].iter().any(|known| media_type.eq_ignore_ascii_case(known));
    if is_json { Ok(()) } else { Err(Refused::MediaType) }
}

async fn read(body: Body) -> Result<Json, Refused> {
    let body = timeout(BROWSER_EVENTS_WAIT, body.collect_at_most(BROWSER_EVENTS_BYTES)).await;
    let body = body.map_err(|_| Refused::TooSlow)?.map_err(|error| match error {
        BodyError::TooLong(_) => Refused::TooLong(error),
        other => Refused::Broken(other),
    })?;
    Ok(serde_json::from_slice(&body)?)
}
