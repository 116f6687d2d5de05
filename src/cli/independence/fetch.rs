//! Asking the site for a page, with some cookies or none.
//!
//! In: a URL, cookies. Out: the whole answer, or why nothing can be said of it. It must not follow redirects, nor keep
//! cookies by itself.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Request, Uri};
use http_body_util::{BodyExt, Limited};

use super::compare::Answer;
use crate::http::Body;
use crate::http::client::{HttpClient, Needs, SendError, TrustError};
use crate::limits::{COMPARED_FETCH_WAIT, COMPARED_PAGE_BYTES};

/// A cookie's name and value.
pub type Pair = (String, String);

/// Why an answer is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("cannot make a client")]
    Client(#[from] TrustError),
    #[error("the page cannot be had")]
    Send(#[from] SendError),
    #[error("the page did not come within {} s", COMPARED_FETCH_WAIT.as_secs())]
    Slow,
    #[error("the page broke off or is larger than {COMPARED_PAGE_BYTES} bytes")]
    Body,
    #[error("the site answered {0}")]
    Status(http::StatusCode),
    #[error("the page came coded, though no coding was asked for")]
    Coded,
}

/// Asks for one page.
pub struct Site<'a> {
    client: HttpClient,
    url: &'a Uri,
}

impl<'a> Site<'a> {
    /// The site that has `url`.
    ///
    /// # Errors
    /// There is no client to be had.
    pub fn new(url: &'a Uri) -> Result<Self, FetchError> {
        Ok(Self { client: HttpClient::new(None)?, url })
    }

    /// The page, asked for with these cookies, and those that it sets.
    ///
    /// # Errors
    /// Nothing can be said of the page.
    pub async fn ask(&self, cookies: &[&Pair]) -> Result<(Answer, Vec<Pair>), FetchError> {
        let (head, body) = self.page(cookies).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let location = head.headers.get(header::LOCATION);
        let location = location.map(|line| String::from_utf8_lossy(line.as_bytes())).map(Cow::into_owned);
        Ok((Answer { status: head.status, location, text }, set_cookies(&head.headers)))
    }

    /// The page as it came, asked for with these cookies.
    ///
    /// # Errors
    /// Nothing can be said of the page.
    pub async fn page(&self, cookies: &[&Pair]) -> Result<(Parts, Bytes), FetchError> {
        tokio::time::timeout(COMPARED_FETCH_WAIT, self.asked(cookies)).await.unwrap_or(Err(FetchError::Slow))
    }

    async fn asked(&self, cookies: &[&Pair]) -> Result<(Parts, Bytes), FetchError> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers
            .insert(header::USER_AGENT, HeaderValue::from_static(concat!("inlay-check/", env!("CARGO_PKG_VERSION"))));
        let line: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Some(line) = HeaderValue::try_from(line.join("; ")).ok().filter(|line| !line.is_empty()) {
            headers.insert(header::COOKIE, line);
        }
        let (head, body) = self.client.send(request, Needs::Nothing).await?.into_parts();
        if head.status.is_server_error() || head.status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(FetchError::Status(head.status));
        }
        if head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(FetchError::Coded);
        }
        let body = Limited::new(body, COMPARED_PAGE_BYTES).collect().await.map_err(|_| FetchError::Body)?;
        Ok((head, body.to_bytes()))
    }
}

/// The cookies that a response sets; not those that it takes away.
fn set_cookies(headers: &HeaderMap) -> Vec<Pair> {
    let lines = headers.get_all(header::SET_COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let parsed = lines.filter_map(|line| cookie::Cookie::parse(line).ok());
    let kept = parsed.filter(|cookie| !cookie.value().is_empty() && !cookie.max_age().is_some_and(|age| age.is_zero()));
    kept.map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
}
