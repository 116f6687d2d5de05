//! A request, as the cache sees it.
//!
//! In: a request that is about to be sent to an origin. Out: what of it matters to the cache, or why it goes by the cache. It
//! must not look anything up.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Uri, Version};

use super::asserted::{Asserted, SetCookie};
use crate::http::annotations::Forwarded;
use crate::http::{Body, cookies, headers};
use crate::origin::policy::RequestDirectives;
use crate::origin::policy::condition;

/// What the cache has to know of a request. Its head is as the origin gets it, but for what concerns one hop.
#[derive(Clone, Debug)]
pub struct Asking {
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub directives: RequestDirectives,
    /// The values of the cookies that matter, where the route says which do.
    pub keyed_cookies: Option<Box<[Option<Box<str>>]>>,
    /// What rules wrote into it.
    pub written: Box<[u8]>,
    /// It carries cookies that may matter.
    pub has_cookies: bool,
    pub has_credentials: bool,
    /// What becomes of cookies that the answer sets.
    pub set_cookie: SetCookie,
}

impl Asking {
    /// Reads a request, and takes its head over if the cache has a say. Where somebody asserts on which cookies the origin's answers depend, the others are taken out, so that
    /// nobody's can shape what others get.
    ///
    /// # Errors
    /// Why the cache has nothing to do with it.
    pub fn of(request: &mut Request<Body>, asserted: &Asserted, written: &[u8]) -> Result<Self, Forwarded> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Forwarded::Method);
        }
        let headers = request.headers();
        let has_body = !http_body::Body::is_end_stream(request.body());
        if has_body || headers::upgrade(headers).is_some() || condition::is_for_the_origin(headers) {
            return Err(Forwarded::Bypass);
        }
        let directives = RequestDirectives::of(headers);
        if directives.no_store {
            return Err(Forwarded::Request);
        }
        let keyed_cookies = asserted.cookies.as_ref().map(|names| key_cookies(request.headers_mut(), names));
        // The request goes no further as it is: it is answered, or made anew of this.
        let headers = std::mem::take(request.headers_mut());
        let has_cookies = keyed_cookies.is_none() && headers.contains_key(header::COOKIE);
        let has_credentials = headers.contains_key(header::AUTHORIZATION);
        Ok(Self {
            method: request.method().clone(),
            uri: std::mem::take(request.uri_mut()),
            version: request.version(),
            headers,
            directives,
            keyed_cookies,
            written: written.into(),
            has_cookies,
            has_credentials,
            set_cookie: asserted.set_cookie,
        })
    }

    /// The same request once more, without a body.
    pub fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// The same for the whole response, whatever the client has.
    #[must_use]
    pub fn without_conditions(mut self) -> Self {
        headers::remove_conditions(&mut self.headers);
        self
    }

    /// Whether it asks for less than the whole response, so that the answer may be of no use to others.
    pub fn is_partial(&self) -> bool {
        self.headers.contains_key(header::RANGE) || condition::is_conditional(&self.headers)
    }

    /// Whether it may wait for the answer to another one, and others for its own.
    pub fn may_collapse(&self) -> bool {
        self.method == Method::GET && !self.is_partial() && !self.directives.no_cache
    }

    /// The same where something is stored that only has to be confirmed: then its conditions give way to ours.
    pub fn may_collapse_to_confirm(&self) -> bool {
        self.method == Method::GET && !self.directives.no_cache
    }
}

/// Leaves only the cookies called `names` in the request, and gives their values.
fn key_cookies(request: &mut HeaderMap, names: &[Arc<str>]) -> Box<[Option<Box<str>>]> {
    let value = |name: &str| {
        let mut pairs = cookies::cookies(request);
        pairs.find(|(other, _)| *other == *name).map(|(_, value)| Box::from(&*value))
    };
    let values: Box<[Option<Box<str>>]> = names.iter().map(|name| value(name)).collect();
    if request.contains_key(header::COOKIE) {
        let pairs = names.iter().zip(&values).filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        let line = pairs.collect::<Vec<_>>().join("; ");
        request.remove(header::COOKIE);
        if !line.is_empty()
            && let Ok(line) = HeaderValue::from_bytes(line.as_bytes())
        {
            request.insert(header::COOKIE, line);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cookies_that_matter_are_left() {
        let names: Vec<Arc<str>> = vec!["session".into(), "tier".into()];
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; session=x; b=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("session=y"));
        assert_eq!(*key_cookies(&mut headers, &names), [Some("x".into()), None]);
        assert_eq!(headers[header::COOKIE], "session=x");
        assert_eq!(*key_cookies(&mut headers, &[]), []);
        assert!(headers.is_empty());
    }
}
