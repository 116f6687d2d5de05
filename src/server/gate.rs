//! What a listener answers or adds by itself, whatever the service behind it does: the way to HTTPS, HSTS, and who a client
//! proved to be.
//!
//! In: a request on its way to the service. Out: an answer of the gate's own, or the service's with what the listener
//! adds. It must not know sites, rules or origins.

use std::future::Future;
use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode};

use super::refusal::ALLOWED;
use super::tls::ClientCertificate;
use crate::acme::Challenges;
use crate::http::Body;
use crate::http::alike::remove_alike;
use crate::http::forwards::{Forwards, take_one};
use crate::http::peer::{self, Peer, TrustedProxies};
use crate::http::security::HttpsPort;

/// What one listener's gate does. The default lets everything through as it is.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Sends those who come without TLS to the same URL with it.
    pub redirect: Option<HttpsPort>,
    /// Said on every response that leaves over TLS and says nothing of that itself.
    pub hsts: Option<HeaderValue>,
    /// Where the origin is told of a client's certificate.
    pub client_header: Option<HeaderName>,
    /// Headers that no client may send, because on some listener they tell of certificates.
    pub reserved: Arc<[HeaderName]>,
    /// What certificate authorities ask; answered before anybody is sent to HTTPS.
    pub challenges: Option<Challenges>,
    /// Who tells the truth about the scheme with which a client came.
    pub trusted: TrustedProxies,
}

impl Gate {
    /// Serves one request.
    pub async fn serve<S, F>(self: Arc<Self>, mut request: Request<Body>, service: S) -> Response<Body>
    where
        S: Fn(Request<Body>) -> F,
        F: Future<Output = Response<Body>>,
    {
        let over_tls = self.security(&request) == Some(peer::Security::Tls);
        if let Some(answer) = self.challenges.as_ref().and_then(|asked| asked.answer(request.uri().path())) {
            return Response::new(Body::full(answer));
        }
        if let Some(answer) = self.redirect.and_then(|port| self.to_https(port, &mut request)) {
            return answer;
        }
        self.tell_of_client(&mut request);
        let mut response = match take_one(&mut request) {
            Forwards::On => service(request).await,
            Forwards::Last => options(),
        };
        if let (Some(hsts), true) = (&self.hsts, over_tls) {
            response.headers_mut().entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
        }
        response
    }

    fn security(&self, request: &Request<Body>) -> Option<peer::Security> {
        request.extensions().get::<Peer>().map(|peer| peer.security)
    }

    /// The way to HTTPS; `None` for those who came by it, perhaps to a trusted proxy before us.
    fn to_https(&self, port: HttpsPort, request: &mut Request<Body>) -> Option<Response<Body>> {
        let (head, body) = std::mem::take(request).into_parts();
        let from = head.extensions.get::<Peer>().copied().unwrap_or_else(Peer::in_process);
        let client = self.trusted.client(&from, &head);
        let target = head.uri.path_and_query().cloned();
        *request = Request::from_parts(head, body);
        (client.scheme != Scheme::HTTPS).then(|| redirect(port, client.host.as_ref(), target.as_ref()))
    }

    /// Takes out what a client may not say of itself, and says what it proved.
    fn tell_of_client(&self, request: &mut Request<Body>) {
        let certificate = request.extensions_mut().remove::<ClientCertificate>();
        let headers = request.headers_mut();
        for name in self.reserved.iter() {
            remove_alike(headers, name);
        }
        if let (Some(name), Some(certificate)) = (&self.client_header, certificate) {
            headers.insert(name, certificate.value().clone());
        }
    }
}

/// What we say of ourselves (RFC 9110 section 9.3.7).
fn options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::ALLOW, ALLOWED);
    response
}

/// 308, so that the method and the body stay (RFC 9110 section 15.4.9).
fn redirect(port: HttpsPort, host: Option<&Authority>, target: Option<&PathAndQuery>) -> Response<Body> {
    let path = target.map_or("/", |target| if target.as_str() == "*" { "/" } else { target.as_str() });
    let location = host.map(|host| match port.0 {
        None => format!("https://{}{path}", host.host()),
        Some(port) => format!("https://{}:{port}{path}", host.host()),
    });
    let location = location.and_then(|location| HeaderValue::try_from(location).ok());
    let mut response = Response::new(Body::empty());
    match location {
        Some(location) => {
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
        }
        // HTTP/1.0 without a host: there is no URL to send it to.
        None => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    #[test]
    fn what_tells_of_certificates_can_be_neither_forged_nor_taken_out() {
        let mut request = Request::builder()
            .header("client-cert", ":forged:")
            .header("client_cert", ":forged:")
            .body(Body::empty())
            .unwrap();
        let name = HeaderName::from_static("client-cert");
        let gate = Gate { client_header: Some(name.clone()), reserved: [name].into(), ..Gate::default() };
        gate.tell_of_client(&mut request);
        assert!(!request.headers().contains_key("client-cert") && !request.headers().contains_key("client_cert"));
        request.extensions_mut().insert(ClientCertificate::new(&vec![1, 2, 3].into()));
        gate.tell_of_client(&mut request);
        assert_eq!(request.headers()["client-cert"], ":AQID:");
    }

    #[test]
    fn the_way_to_https_keeps_the_target() {
        let location = |port, host: &str, target: &str| {
            let host = host.parse().unwrap();
            let response = redirect(HttpsPort(port), Some(&host), Some(&target.parse().unwrap()));
            assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
            response.headers()["location"].to_str().unwrap().to_owned()
        };
        assert_eq!(location(None, "a.example:80", "/x%2f?q=1&q=2"), "https://a.example/x%2f?q=1&q=2");
        assert_eq!(location(NonZeroU16::new(8443), "[::1]:80", "/"), "https://[::1]:8443/");
        assert_eq!(location(None, "a.example", "*"), "https://a.example/");
        assert_eq!(redirect(HttpsPort(None), None, None).status(), StatusCode::BAD_REQUEST);
    }
}
