//! HTTP on one connection that we opened.
//!
//! In: a stream with the protocol that was agreed on. Out: what sends requests over it, and what drives it. It must not decide
//! who uses it.

use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, Version};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::Body;
use super::dial::{Dialled, Spoken};
use super::framing::{Asked, Followed, Wanted};
use super::interim::Watched;
use crate::limits;

/// A connection that was greeted, and what must run for it to live.
pub enum Open {
    Http1(Http1, BoxFuture<'static, ()>),
    Http2(http2::SendRequest<Body>, BoxFuture<'static, ()>),
}

/// What sends a request over a connection.
pub enum Sender {
    Http1(Http1),
    Http2(http2::SendRequest<Body>),
}

/// What sends requests over a connection of HTTP/1.1, one after the other.
pub struct Http1 {
    sender: http1::SendRequest<Body>,
    asked: Asked,
}

/// Greets the server.
///
/// # Errors
/// hyper's, where the connection breaks at once.
pub async fn greet(dialled: Dialled) -> hyper::Result<Open> {
    match dialled.spoken {
        Spoken::Http1 => {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(limits::RESPONSE_HEAD_BYTES).max_headers(limits::RESPONSE_HEADERS);
            let (stream, asked) = Followed::new(dialled.stream);
            let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
            Ok(Open::Http1(Http1 { sender, asked }, Box::pin(async move { told(connection.with_upgrades().await) })))
        }
        Spoken::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .adaptive_window(true)
                .max_header_list_size(u32::try_from(limits::RESPONSE_HEAD_BYTES).unwrap_or(u32::MAX))
                .keep_alive_interval(limits::ORIGIN_PING)
                .keep_alive_timeout(limits::ORIGIN_PING_WAIT);
            let (sender, connection) = builder.handshake(TokioIo::new(Watched::new(dialled.stream))).await?;
            Ok(Open::Http2(sender, Box::pin(async move { told(connection.await) })))
        }
    }
}

fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a server ended");
    }
}

impl Sender {
    /// Sends. `request` has an absolute URL; a `Host` stands above that of the URL.
    ///
    /// # Errors
    /// hyper's, with the request where nothing of it was sent.
    pub async fn send(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1(http1) => {
                address_http1(&mut request);
                frame_http1(&mut request);
                http1.asked.wants(if request.method() == Method::HEAD { Wanted::Head } else { Wanted::Response });
                http1.sender.try_send_request(request).await
            }
            Self::Http2(sender) => {
                address_http2(&mut request);
                sender.try_send_request(request).await
            }
        }
    }
}

impl Http1 {
    /// Whether a request may be sent at once.
    pub fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// hyper's, where none can be any more.
    pub async fn ready(&mut self) -> hyper::Result<()> {
        self.sender.ready().await
    }
}

/// The target in origin form, and `Host` (RFC 9112 section 3.2.1). A request that was addressed already stays as it is.
fn address_http1<B>(request: &mut Request<B>) {
    *request.version_mut() = Version::HTTP_11;
    if let Some(host) = host(request.uri()).filter(|_| !request.headers().contains_key(header::HOST)) {
        request.headers_mut().insert(header::HOST, host);
    }
    let target = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(target);
}

/// Has a body of unknown length sent in chunks whatever the method is: hyper takes such a body of `GET` or `HEAD` for none, and
/// what the client sent would be lost.
fn frame_http1<B: HttpBody>(request: &mut Request<B>) {
    let body = request.body();
    let unknown = !body.is_end_stream() && body.size_hint().exact().is_none();
    if unknown && !request.headers().contains_key(header::CONTENT_LENGTH) {
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// The host as `:authority`, which replaces `Host` (RFC 9113 section 8.3.1).
fn address_http2<B>(request: &mut Request<B>) {
    *request.version_mut() = Version::HTTP_2;
    // Of an attempt over HTTP/1.
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    let host = request.headers_mut().remove(header::HOST).or_else(|| host(request.uri()));
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    if let Some(authority) = authority {
        parts.authority = Some(authority);
        parts.scheme.get_or_insert(Scheme::HTTP);
    }
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

/// The host and the port of a URL as `Host` has them: without a port that the scheme implies.
fn host(url: &Uri) -> Option<HeaderValue> {
    let implied = if url.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let host = url.host()?;
    let text = match url.port_u16().filter(|port| *port != implied) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_stands_where_the_version_wants_it() {
        let request = |url: &str, host: Option<&str>| {
            let mut request = Request::get(url).body(()).unwrap();
            if let Some(host) = host {
                request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            request
        };
        for (url, host, one, two) in [
            ("http://a:80/x?y", None, ("a", "/x?y"), "http://a/x?y"),
            ("https://a:8443/", None, ("a:8443", "/"), "https://a:8443/"),
            ("https://10.0.0.5:8443/x", Some("public.example"), ("public.example", "/x"), "https://public.example/x"),
        ] {
            let mut http1 = request(url, host);
            address_http1(&mut http1);
            assert_eq!((http1.headers()[header::HOST].to_str().unwrap(), http1.uri().to_string().as_str()), one);
            let mut http2 = request(url, host);
            address_http2(&mut http2);
            assert_eq!(http2.uri().to_string(), two);
            assert!(!http2.headers().contains_key(header::HOST));
        }
    }
}
