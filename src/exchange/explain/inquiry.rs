//! What somebody wants explained, or shown: a request that nobody sent, and what is to be supposed of it.
//!
//! In: names and times as people write them, from the command line or the admin port. Out: the request, and what is supposed,
//! by names that exist. It must not ask anything.

use std::collections::BTreeMap;

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::decide::supposed::Supposed;
use crate::http::Body;
use crate::http::peer::{Peer, Security};
use crate::revision::{Revision, Site};
use crate::rule::schedule::Moment;

/// A request that nobody sent. Its JSON is the body of `POST /api/v1/explain`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// As a visitor would ask for it: `https://www.example.com/shop?q=rain`.
    pub url: String,
    /// GET by default.
    #[serde(default)]
    pub method: String,
    /// Fields by name and value, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub suppose: Supposing,
}

/// What is to be supposed, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supposing {
    /// A moment; without an offset it is the site's local time.
    pub at: Option<String>,
    /// Whether the visitor is in an audience.
    pub audiences: BTreeMap<String, bool>,
    /// Rules that apply wherever their `match` fits.
    pub rules: Vec<String>,
    /// By rule: whether the visitor is within its share.
    pub shares: BTreeMap<String, bool>,
    /// Whether what is in state `preview` counts as live.
    pub previews: bool,
}

/// Why an inquiry can't be followed, in words for whoever made it.
#[derive(Debug, Error)]
pub enum InquiryError {
    #[error("it is not what is asked for here: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("`{0}` is no URL of a page; write the whole of it, such as `https://www.example.com/shop`")]
    Url(String),
    #[error("`{0}` is no method")]
    Method(String),
    #[error("`{0}` is no header field")]
    Header(String),
    #[error("`{0}` is no moment; write such as `2026-12-20T10:00` or `2026-12-20T10:00+01:00`")]
    Moment(String),
    #[error("no site of the deployment has the host `{0}`")]
    Host(String),
    #[error("there is no {kind} `{name}`; {known}")]
    Unknown { kind: &'static str, name: String, known: String },
    #[error("a preview link is good for a week at most, and for a second at least")]
    Life,
    #[error("rule `{0}` has no share")]
    NoShare(String),
}

impl Inquiry {
    /// The URL, with its parts.
    ///
    /// # Errors
    /// It is none of a website.
    pub fn uri(&self) -> Result<Uri, InquiryError> {
        let uri: Option<Uri> = self.url.parse().ok();
        let usable = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        uri.filter(usable).ok_or_else(|| InquiryError::Url(self.url.clone()))
    }

    /// The request, as if it had come over a connection to this machine.
    ///
    /// # Errors
    /// The URL, the method or a field is none.
    pub fn request(&self) -> Result<Request<Body>, InquiryError> {
        let uri = self.uri()?;
        let mut request = Request::new(Body::empty());
        let method = if self.method.is_empty() { "GET" } else { &self.method };
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| InquiryError::Method(method.to_owned()))?;
        let host = uri.authority().map(|authority| HeaderValue::try_from(authority.as_str()));
        let host = host.and_then(Result::ok).ok_or_else(|| InquiryError::Url(self.url.clone()))?;
        request.headers_mut().insert(header::HOST, host);
        for (name, value) in &self.headers {
            let wrong = || InquiryError::Header(format!("{name}: {value}"));
            let field = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
            request.headers_mut().append(field, HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?);
        }
        *request.uri_mut() = Uri::from(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        let security = if uri.scheme() == Some(&Scheme::HTTPS) { Security::Tls } else { Security::Plain };
        request.extensions_mut().insert(Peer { security, ..Peer::in_process() });
        Ok(request)
    }
}

impl Supposing {
    /// What is supposed, of the names that `revision` has and in the time of `site`.
    ///
    /// # Errors
    /// A name that nobody defines, or a moment that is none.
    pub fn supposed(&self, revision: &Revision, site: &Site) -> Result<Supposed, InquiryError> {
        let at = self.at.as_ref().map(|text| {
            let moment = Moment::parse(text).ok_or_else(|| InquiryError::Moment(text.clone()))?;
            Ok::<_, InquiryError>(moment.at(&site.zone))
        });
        for name in self.audiences.keys() {
            let known: Vec<&str> = revision.audiences.keys().map(|name| &**name).collect();
            must_be("audience", name, &known)?;
        }
        let rules: Vec<&str> = revision.book.rules().iter().map(|rule| &*rule.name).collect();
        for name in self.rules.iter().chain(self.shares.keys()) {
            must_be("rule", name, &rules)?;
        }
        let shared = |name: &str| revision.book.rules().iter().any(|rule| *rule.name == *name && rule.share.is_some());
        if let Some(name) = self.shares.keys().find(|name| !shared(name)) {
            return Err(InquiryError::NoShare(name.clone()));
        }
        Ok(Supposed {
            at: at.transpose()?,
            audiences: self.audiences.clone(),
            rules: self.rules.iter().cloned().collect(),
            shares: self.shares.clone(),
            previews: self.previews,
        })
    }
}

fn must_be(kind: &'static str, name: &str, known: &[&str]) -> Result<(), InquiryError> {
    if known.contains(&name) {
        return Ok(());
    }
    let nearest = known.iter().map(|other| (strsim::osa_distance(name, other), *other)).min();
    let known = match nearest {
        None => format!("no {kind} is defined"),
        Some((distance, nearest)) if distance <= 2 => format!("did you mean `{nearest}`?"),
        Some(_) => format!("there are: {}", known.join(", ")),
    };
    Err(InquiryError::Unknown { kind, name: name.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inquiry_becomes_the_request_that_a_visitor_would_send() {
        let inquiry = Inquiry {
            url: "https://shop.example:8443/a?q=1".to_owned(),
            headers: vec![("cookie".to_owned(), "tier=gold".to_owned())],
            ..Inquiry::default()
        };
        let request = inquiry.request().expect("a request");
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::GET, "/a?q=1"));
        assert_eq!(request.headers()["host"], "shop.example:8443");
        assert_eq!(request.extensions().get::<Peer>().map(|peer| peer.security), Some(Security::Tls));
    }

    #[test]
    fn what_is_no_request_is_told() {
        let told = |inquiry: Inquiry| inquiry.request().expect_err("wrong").to_string();
        assert!(told(Inquiry { url: "/a".to_owned(), ..Inquiry::default() }).contains("write the whole"));
        let url = || "http://shop.example/".to_owned();
        assert!(told(Inquiry { url: url(), method: "G T".to_owned(), ..Inquiry::default() }).contains("no method"));
        let headers = vec![("a b".to_owned(), "c".to_owned())];
        assert!(told(Inquiry { url: url(), headers, ..Inquiry::default() }).contains("`a b: c` is no header"));
    }
}
