//! The request of one call, made of phrases over its arguments.
//!
//! In: a definition, and arguments. Out: a [`Wire`], which can be sent any number of times. Arguments cannot lead it elsewhere: they
//! are escaped as components of the URL, and what comes out is held against the definition. It must not send.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use url::Url;

use super::ask::{Arguments, Forwarded};
use super::auth::{Sight, value_of};
use super::definition::{Definition, Format};
use super::failure::RequestError;
use crate::http::Body;
use crate::limits;
use crate::scope::language::Escape;

/// A request, ready but for its proof.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a request says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub arguments: &'a Arguments,
    pub forwarded: &'a Forwarded,
    /// The type that is asked for; `None`: as the source's format has it.
    pub accept: Option<&'static str>,
}

impl Wire {
    /// The request that says this. What its author writes counts before what is forwarded.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn of(definition: &Definition, said: Said<'_>) -> Result<Self, RequestError> {
        let Said { arguments, forwarded, accept } = said;
        let url = url(definition, arguments)?;
        let headers = usual(accept.unwrap_or_else(|| accepted(definition.format)));
        let mut wire = Self { method: definition.method.clone(), url, headers, body: Bytes::new() };
        wire.forward(forwarded);
        if let Some(payload) = &definition.body {
            wire.body = payload.phrase.say(arguments, escape_in(&payload.content_type))?.into();
            wire.set(header::CONTENT_TYPE, &payload.content_type, Sight::Open)?;
        }
        for (name, phrase) in &definition.headers {
            let value = phrase.say(arguments, Escape::Field)?;
            // What was configured may be a key.
            wire.set(name.clone(), value.trim(), Sight::Secret)?;
        }
        Ok(wire)
    }

    /// Adds what a visitor's request says. It may be a secret.
    fn forward(&mut self, forwarded: &Forwarded) {
        for (name, _) in forwarded.iter() {
            self.headers.remove(name);
        }
        for (name, value) in forwarded.iter() {
            let mut value = value.clone();
            value.set_sensitive(true);
            self.headers.append(name.clone(), value);
        }
    }

    /// Sets a field.
    pub fn set(&mut self, name: HeaderName, value: &str, sight: Sight) -> Result<(), RequestError> {
        match value_of(value, sight) {
            Some(value) => {
                self.headers.insert(name, value);
                Ok(())
            }
            None => Err(RequestError::Field(name)),
        }
    }

    /// The request as it is sent.
    pub fn request(&self) -> Result<Request<Body>, RequestError> {
        let uri: Uri = self.url.as_str().parse().map_err(|_| RequestError::Url)?;
        let body = if self.body.is_empty() { Body::empty() } else { Body::full(self.body.clone()) };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        if !self.body.is_empty() {
            request.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        Ok(request)
    }
}

fn accepted(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Xml => "application/xml, text/xml",
        Format::Text => "text/*, */*;q=0.5",
        Format::Told => "application/json, */*;q=0.5",
    }
}

fn usual(accept: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (header::ACCEPT, HeaderValue::from_static(accept)),
        (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br")),
        (header::USER_AGENT, HeaderValue::from_static("inlay")),
    ])
}

fn url(definition: &Definition, arguments: &Arguments) -> Result<Url, RequestError> {
    let said = definition.url.say(arguments, Escape::Component)?;
    let said = said.trim();
    if said.len() > limits::SOURCE_URL_BYTES {
        return Err(RequestError::TooLong);
    }
    if has_dots(said) {
        return Err(RequestError::Dots);
    }
    let url = Url::parse(said).map_err(|_| RequestError::Url)?;
    let base = &definition.base;
    match url.origin() == base.origin() && url.username().is_empty() && url.password().is_none() {
        true => Ok(url),
        false => Err(RequestError::Elsewhere),
    }
}

/// Whether a segment of the path is `.` or `..`, in whatever spelling: such a path is another than the one that is written.
fn has_dots(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(segment.as_str(), "." | "..")
    })
}

/// How values are printed into a body.
fn escape_in(content_type: &str) -> Escape {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Escape::Component,
        json if json.ends_with("/json") || json.ends_with("+json") => Escape::RawText,
        markup if markup.ends_with("xml") || markup == "text/html" => Escape::Html,
        _ => Escape::Field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_seen_in_every_spelling() {
        for dots in
            ["https://a/x/../y", "https://a/x/.", "https://a/%2e%2E/y", "https://a/x\\..\\y", "https://a/.%2e?q"]
        {
            assert!(has_dots(dots), "{dots}");
        }
        for none in ["https://a/x.y/..z", "https://a/x?q=../..", "https://a/...", "https://a/x#/../"] {
            assert!(!has_dots(none), "{none}");
        }
    }

    #[test]
    fn values_are_escaped_as_the_body_is_read() {
        for (content_type, escape) in [
            ("application/json", Escape::RawText),
            ("application/ld+json; charset=utf-8", Escape::RawText),
            ("application/x-www-form-urlencoded", Escape::Component),
            ("application/soap+xml", Escape::Html),
            ("text/plain", Escape::Field),
        ] {
            assert_eq!(escape_in(content_type), escape, "{content_type}");
        }
    }
}
