//! Where tests are played: the real exchange before an origin of our own, which answers what the test says.
//!
//! In: settings and rules, then one test after the other. Out: the page that leaves, with its explanation. It must not ask any other
//! origin, unless a test names one for its page.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use thiserror::Error;

use super::TestError;
use crate::app::Standalone;
use crate::cli::independence::fetch::{FetchError, Site};
use crate::clock::Clock;
use crate::config::testing::{Arriving, Page, TestCase};
use crate::config::{Rules, Settings};
use crate::content::source::House;
use crate::content::source::fakes::{Fakes, Seen};
use crate::decide::supposed::Supposed;
use crate::exchange::Exchange;
use crate::exchange::explain::{Inquiry, InquiryError, Walked};
use crate::http::Body;
use crate::http::client::Names;
use crate::http::cookies::Transport;
use crate::origin::{OriginSettings, ServerUrl};
use crate::server::{ListenerSettings, Server};
use crate::shutdown::{Trigger, shutdown};
use crate::visitor::VisitorId;

/// A stage that is set.
pub struct Stage {
    inlay: Standalone,
    answer: Arc<Mutex<Answer>>,
    /// What sources answer.
    fakes: Fakes,
    /// The origin ends with this.
    _origin: Trigger,
}

/// What came of a test.
pub struct Played {
    pub walked: Walked,
    /// What sources were asked.
    pub asked: Seen,
}

/// What the origin answers now.
#[derive(Clone, Debug, Default)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    html: Bytes,
}

/// Why a test could not be played.
#[derive(Debug, Error)]
pub enum PlayError {
    #[error(transparent)]
    Request(#[from] InquiryError),
    #[error("its page cannot be had of the origin")]
    Page(#[from] FetchError),
    #[error("no site of the deployment has the host `{0}`")]
    Host(String),
    #[error("there was no answer: {0}")]
    Failed(String),
}

impl Stage {
    /// Opens the origin, and puts the exchange of these settings before it. Nothing is kept between tests.
    ///
    /// # Errors
    /// There is no port, or certificate authorities can't be read.
    pub fn set(mut settings: Settings, rules: Rules) -> Result<Self, TestError> {
        let answer = Arc::<Mutex<Answer>>::default();
        let (address, trigger) = serve(answer.clone())?;
        let here: Uri = format!("http://{address}").parse().expect("invariant: an address makes a URL");
        for origin in &mut settings.origins {
            *origin = OriginSettings::at(origin.name.clone(), vec![ServerUrl::Http(here.clone())]);
        }
        (settings.cache.responses.bytes, settings.cache.pages) = (0, 0);
        let (clock, fakes) = (Clock::system(), Fakes::default());
        let sources = House::new(clock.clone(), Names::platform()).faked(fakes.clone());
        let inlay = Standalone::among(&settings, rules, &clock, sources)?;
        Ok(Self { inlay, answer, fakes, _origin: trigger })
    }

    /// The exchange that tests go through.
    pub fn exchange(&self) -> &Exchange {
        &self.inlay.exchange
    }

    /// Plays one test; one at a time.
    ///
    /// # Errors
    /// Its request or its page can't be had.
    pub async fn play(&self, case: &TestCase) -> Result<Played, PlayError> {
        let answer = answer(case).await?;
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        self.fakes.set(case.fakes.clone());
        let request = self.request(case)?;
        let walked = self.exchange().explain(request, self.supposed(case)?).await;
        match &walked.explanation.failure {
            Some(failure) => Err(PlayError::Failed(failure.clone())),
            None => Ok(Played { walked, asked: self.fakes.seen() }),
        }
    }

    fn request(&self, case: &TestCase) -> Result<Request<Body>, PlayError> {
        let inquiry = Inquiry { url: case.url.to_string(), method: case.method.to_string(), ..Inquiry::default() };
        let mut request = inquiry.request()?;
        request.headers_mut().extend(case.headers.iter().cloned());
        if case.visitor == Arriving::Returning {
            let visitors = self.exchange().visitors.load();
            let cookie = visitors.keys.set_cookie(&VisitorId::random(), Transport::Any, Clock::system().now());
            let cookie = cookie.as_ref().and_then(|line| line.to_str().ok()?.split(';').next());
            if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
                request.headers_mut().append(header::COOKIE, cookie);
            }
        }
        Ok(request)
    }

    fn supposed(&self, case: &TestCase) -> Result<Supposed, PlayError> {
        let host = case.url.host().unwrap_or_default().to_ascii_lowercase();
        let revision = self.exchange().revision.load();
        let site = revision.sites.of_host(&host).ok_or(PlayError::Host(host))?;
        Ok(Supposed {
            at: case.at.as_ref().map(|at| at.at(&site.zone)),
            audiences: case.audiences.clone(),
            shares: case.shares.clone(),
            previews: case.previews,
            ..Supposed::default()
        })
    }
}

/// What the origin is to answer to a test.
async fn answer(case: &TestCase) -> Result<Answer, FetchError> {
    match &case.page {
        Page::Given { status, headers, html } => {
            let html_type = HeaderValue::from_static("text/html; charset=utf-8");
            let mut all = HeaderMap::new();
            all.insert(header::CONTENT_TYPE, html_type);
            headers.iter().for_each(|(name, value)| drop(all.insert(name, value.clone())));
            Ok(Answer { status: *status, headers: all, html: html.clone() })
        }
        Page::Origin(origin) => {
            let (head, html) = Site::new(&page_of(origin, &case.url))?.page(&[]).await?;
            let mut headers = head.headers;
            // They are true of the way on which it came.
            for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
                headers.remove(name);
            }
            Ok(Answer { status: head.status, headers, html })
        }
    }
}

/// The origin's URL of what a test asks for; one with a path of its own is taken as it is.
fn page_of(origin: &Uri, asked: &Uri) -> Uri {
    if origin.path() != "/" {
        return origin.clone();
    }
    let mut parts = origin.clone().into_parts();
    parts.path_and_query = Some(asked.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).unwrap_or_else(|_| origin.clone())
}

/// Serves what stands in `answer`, on a port of the system's choice.
fn serve(answer: Arc<Mutex<Answer>>) -> Result<(SocketAddr, Trigger), TestError> {
    let server = Server::bind(vec![ListenerSettings::plain(SocketAddr::from(([127, 0, 0, 1], 0)))])?;
    let address = server.addresses()[0];
    let (trigger, handle) = shutdown();
    let respond = move |_: Request<Body>| {
        let now = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move { respond(now) }
    };
    tokio::spawn(server.run(respond, handle));
    Ok((address, trigger))
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::full(answer.html));
    *response.status_mut() = answer.status;
    let fields = answer.headers.iter().filter(|(name, _)| **name != HeaderName::from_static("keep-alive"));
    for (name, value) in fields {
        response.headers_mut().append(name, value.clone());
    }
    response
}
