//! Previews: the page of a signed link, as it would be then and for them.
//!
//! In: a request that shows a link. Out: the page, which nobody keeps and nobody is remembered by, with its explanation; or a refusal with
//! its reason. It must not let the origin, code or the log see the link.

mod panel;

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use serde_json::json;

use super::Exchange;
use super::account::{Account, Answered};
use super::explain::{Ending, Inquiry, InquiryError, Walked, read};
use super::explanation::Explanation;
use super::failure::{Failure, Told};
use super::link::{self, Form, Presented};
use super::open::Arrival;
use super::trace::TraceSink;
use crate::context::Context;
use crate::decide::supposed::Supposed;
use crate::http::Body;
use crate::http::caching::make_private;
use crate::http::headers::{is_html, remove_conditions, remove_what_is_true_of_the_bytes};
use crate::http::path::normalise;
use crate::limits::PREVIEW_LIFE_MAX;
use crate::page::Charset;
use panel::PanelledBody;

/// A request whose link shows nothing.
struct Refused {
    failure: Failure,
    arrival: Arrival,
}

impl Exchange {
    /// The link that shows what an inquiry asks for, for so long.
    ///
    /// # Errors
    /// It names what is not there, or is to live too long.
    pub fn preview_link(&self, inquiry: &Inquiry, life: Duration) -> Result<String, InquiryError> {
        if life > PREVIEW_LIFE_MAX || life.is_zero() {
            return Err(InquiryError::Life);
        }
        let (url, supposed) = (inquiry.uri()?, self.supposed(inquiry)?);
        let supposed = Supposed { previews: true, ..supposed };
        Ok(link::seal(&self.visitors.load().keys, &url, &supposed, self.clock.now(), life))
    }

    /// Answers a request that shows a link.
    pub(super) async fn preview(&self, arrival: Arrival, presented: Presented) -> Response<Body> {
        let account = Account::open(&arrival);
        let (context, answered) = match self.open_preview(arrival, &presented) {
            Ok((context, arrival)) => {
                let answered = self.show(&context, arrival, presented.form).await;
                (Some(context), answered)
            }
            Err(refused) => {
                let Refused { failure, arrival } = *refused;
                let sites = &self.revision.load().sites;
                let told = Told::stranger(&arrival.request, sites);
                (None, Answered::failed(&failure, &told, &self.metrics))
            }
        };
        let mut response = account.close(context, answered, &self.metrics);
        for_nobody_else(response.headers_mut());
        response
    }

    /// Opens the exchange, as the link supposes.
    fn open_preview(
        &self,
        mut arrival: Arrival,
        presented: &Presented,
    ) -> Result<(Arc<Context>, Arrival), Box<Refused>> {
        let host = arrival.client.host.as_ref().map(|host| host.host().to_ascii_lowercase()).unwrap_or_default();
        let path = normalise(arrival.request.uri().path());
        match link::open(&self.visitors.load().keys, presented, &host, &path, self.clock.now()) {
            Ok(supposed) => arrival.supposed = supposed,
            Err(reason) => return Err(Box::new(Refused { failure: Failure::Preview(reason), arrival })),
        }
        // What is shown to nobody else is not counted with what others see.
        arrival.metrics = Arc::default();
        match self.open(&arrival) {
            Ok(context) => Ok((context, arrival)),
            Err(failure) => Err(Box::new(Refused { failure, arrival })),
        }
    }

    async fn show(&self, context: &Arc<Context>, mut arrival: Arrival, form: Form) -> Answered {
        let sink = TraceSink::explaining();
        arrival.trace = Some(sink.clone());
        sink.tell(|explanation| arrival.tell(explanation));
        let (method, started) = (arrival.request.method().clone(), arrival.started);
        // The page is shown whole, and text is laid behind it.
        let headers = arrival.request.headers_mut();
        remove_conditions(headers);
        headers.remove(header::RANGE);
        headers.remove(header::ACCEPT_ENCODING);
        let mut answered = self.walk(context, arrival).await.unwrap_or_else(|failure| {
            sink.tell(|explanation| explanation.failure = Some(failure.to_string()));
            Answered::failed(&failure, &Told::visitor(context), &self.metrics)
        });
        match form {
            Form::Json => {
                let Walked { explanation, .. } = read(answered, &sink, started).await;
                Answered::own(document(&explanation))
            }
            Form::Page => {
                if takes_panel(&answered.response, &method) {
                    let ending = Ending::of(&answered, started);
                    answered.response = panelled(answered.response, sink, ending);
                }
                answered
            }
        }
    }
}

/// Whether text can be laid behind an answer: a page in plain HTML whose charset has ASCII in it.
fn takes_panel(response: &Response<Body>, method: &Method) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok());
    let html = is_html(headers);
    let ascii = !matches!(Charset::settle(kind, &[], true), Some(Charset::Foreign(_)));
    html && ascii && *method != Method::HEAD && !headers.contains_key(header::CONTENT_ENCODING)
}

fn panelled(mut response: Response<Body>, sink: TraceSink, ending: Ending) -> Response<Body> {
    remove_what_is_true_of_the_bytes(response.headers_mut());
    response.map(|page| PanelledBody::wrap(page, sink, ending))
}

fn document(explanation: &Explanation) -> Response<Body> {
    let mut response = Response::new(Body::full(format!("{}\n", json!(explanation))));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Nobody keeps what a link shows, no search engine lists it, and what the page asks for is not told the link.
fn for_nobody_else(headers: &mut HeaderMap) {
    make_private(headers);
    for name in [header::ETAG, header::LAST_MODIFIED] {
        headers.remove(name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
}
