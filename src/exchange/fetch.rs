//! Asking the origin: what of the client's request reaches it.
//!
//! In: the client's request and the plan. Out: the origin's answer, or its failure. It must not look at the answer's body.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::plan::Plan;
use crate::context::Context;
use crate::http::coding::{Accepted, Coding, accepted_codings};
use crate::http::cookies::remove_cookie;
use crate::http::headers::{ContentType, remove_conditions};
use crate::http::peer::TrueClient;
use crate::http::Body;
use crate::origin::{Origin, OriginError};

/// A request as the origin will get it, and what may be needed to ask again.
pub struct Asked {
    request: Request<Body>,
    /// What the client accepts; the origin is told what we can undo.
    pub accepted: Accepted,
    /// A copy of the head, without ranges, for a page that came in part.
    whole: Option<Request<()>>,
}

impl Asked {
    /// Prepares the client's request. `own_cookie` is the name of our cookie, which never reaches the origin.
    pub fn new(mut request: Request<Body>, own_cookie: &str, plan: Option<&Plan>) -> Self {
        let headers = request.headers_mut();
        remove_cookie(headers, own_cookie);
        let accepted = accepted_codings(headers);
        if plan.is_some_and(Plan::applies) {
            accept_what_we_undo(headers, &accepted);
            if accepts_html(headers) {
                // A browser that asks for a page must not be told that the one it has is still good: it may be the one
                // that the origin made, from before there were rules.
                remove_conditions(headers);
            }
        }
        let ranged = plan.is_some_and(Plan::applies) && request.headers().contains_key(header::RANGE);
        let whole = (ranged && matches!(*request.method(), Method::GET | Method::HEAD)).then(|| without_body(&request));
        Self { request, accepted, whole }
    }

    /// Asks. A part of a page that is to be rewritten is asked for again, whole: the byte positions of a range mean
    /// nothing in a page that is laid out per visitor.
    ///
    /// # Errors
    /// Whatever kept the origin from answering.
    pub async fn send(self, origin: &Arc<Origin>, client: &TrueClient) -> Result<Response<Body>, OriginError> {
        let answer = origin.fetch(self.request, client).await?;
        let partial_page = answer.status() == StatusCode::PARTIAL_CONTENT
            && ContentType::of(answer.headers()).is_some_and(|content_type| content_type.is_html());
        match self.whole {
            Some(whole) if partial_page => origin.fetch(whole.map(|()| Body::empty()), client).await,
            _ => Ok(answer),
        }
    }
}

/// The origin may use any coding that we undo, whatever the client accepts, but nothing that we do not.
fn accept_what_we_undo(headers: &mut HeaderMap, accepted: &Accepted) {
    let ours: Vec<&str> = accepted.all().map(Coding::name).collect();
    let value = match ours.is_empty() {
        // A client that takes no coding gets none; asking for one would only cost both sides.
        true => HeaderValue::from_static("identity"),
        false => HeaderValue::try_from(ours.join(", ")).unwrap_or(HeaderValue::from_static("identity")),
    };
    headers.insert(header::ACCEPT_ENCODING, value);
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    lines.any(|line| line.contains("text/html"))
}

fn without_body(request: &Request<Body>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    remove_conditions(copy.headers_mut());
    copy
}

/// Which origin answers this exchange.
pub fn origin_of(context: &Context) -> &Arc<Origin> {
    context.site.origin_of(context.request.path())
}
