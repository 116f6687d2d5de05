//! Why a request is not served, and what its client is told.
//!
//! In: a reason. Out: the response that says so and ends the connection. It must not look at requests; `strict` and
//! `framing` do.

use http::header::{self, HeaderValue};
use http::{Response, StatusCode, Version};

use crate::http::Body;
use crate::http::framing::chunks::Malformed;

/// The methods named in `Allow` where one is refused: those in common use. Others are the origin's to judge.
pub const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// What is wrong with a request. RFC 9112 unless another is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Section 3.2.
    #[error("no Host")]
    NoHost,
    #[error("more than one Host")]
    Hosts,
    #[error("Host is not one host with a port or without")]
    InvalidHost,
    /// RFC 9113 section 8.3.1 for HTTP/2; for HTTP/1.1 stricter than section 3.2.2, which lets the target win.
    #[error("Host is not the host of the request's target")]
    HostMismatch,
    /// RFC 9110 section 4.2.4: user information misleads about the host.
    #[error("the target's authority is not one host with a port or without")]
    InvalidAuthority,
    #[error("the target's scheme is neither http nor https")]
    Scheme,
    /// Section 3.2: forms of the target that belong to other methods.
    #[error("the target is in a form that the method does not have")]
    TargetForm,
    #[error("the target has a fragment")]
    Fragment,
    /// RFC 9110 section 9.3.8: it would show what proxies add to the request.
    #[error("TRACE is not served")]
    Trace,
    /// For forward proxies.
    #[error("CONNECT is not served")]
    Connect,
    /// RFC 9220 section 3: of an extended CONNECT.
    #[error("a protocol that is not served")]
    Protocol,
    #[error("a version that is not served")]
    Version,
    /// Section 6.3: equal ones too, since somebody behind may read them as a list.
    #[error("more than one Content-Length")]
    Lengths,
    #[error("Content-Length is not a number of bytes")]
    InvalidLength,
    /// Section 6.1: what smuggling looks like.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    #[error("Transfer-Encoding is not chunked, once")]
    InvalidCoding,
    /// Section 6.1: a coding, properly said, which we do not undo.
    #[error("a transfer coding that is not served")]
    Coding,
    /// Section 7.1.
    #[error("a chunk's size line is malformed")]
    ChunkSize,
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// Section 7.1.2.
    #[error("a trailer line is malformed")]
    Trailer,
    /// Section 3 and 5: the library can't read it, and says so by itself.
    #[error("the request's head is malformed")]
    Malformed,
    /// Two readers saw different requests in the same bytes.
    #[error("where the request begins is not certain")]
    Boundary,
    /// RFC 9110 section 10.1.1: the one expectation that there is means `100-continue`.
    #[error("Expect is not 100-continue")]
    Expectation,
    /// Section 5: more than `limits.request_head` or `limits.headers`.
    #[error("the request's head is too large")]
    HeadTooLarge,
    /// Section 3: more than `limits.uri`.
    #[error("the request's target is too long")]
    UriTooLong,
    /// More than `limits.body`.
    #[error("the request's body is too long")]
    BodyTooLong,
    #[error("the request's head took too long")]
    HeadTooSlow,
    #[error("the request's body comes too slowly")]
    BodyTooSlow,
    /// The connection is cut off in mid-response: nobody is told.
    #[error("the response is taken too slowly")]
    ResponseTooSlow,
    /// More than `limits.connections_per_client`.
    #[error("too many connections from this address")]
    Connections,
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Size => Self::ChunkSize,
            Malformed::End => Self::ChunkEnd,
            Malformed::Trailer => Self::Trailer,
        }
    }
}

impl Refusal {
    /// The status with which it is told.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Trace | Self::Connect => StatusCode::METHOD_NOT_ALLOWED,
            Self::Coding | Self::Protocol => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooSlow | Self::BodyTooSlow | Self::ResponseTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Connections => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What it is called in metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoHost => "no_host",
            Self::Hosts => "hosts",
            Self::InvalidHost => "invalid_host",
            Self::HostMismatch => "host_mismatch",
            Self::InvalidAuthority => "invalid_authority",
            Self::Scheme => "scheme",
            Self::TargetForm => "target_form",
            Self::Fragment => "fragment",
            Self::Trace => "trace",
            Self::Connect => "connect",
            Self::Protocol => "protocol",
            Self::Version => "version",
            Self::Lengths => "lengths",
            Self::InvalidLength => "invalid_length",
            Self::LengthAndCoding => "length_and_coding",
            Self::InvalidCoding => "invalid_coding",
            Self::Coding => "coding",
            Self::ChunkSize => "chunk_size",
            Self::ChunkEnd => "chunk_end",
            Self::Trailer => "trailer",
            Self::Malformed => "malformed",
            Self::Boundary => "boundary",
            Self::Expectation => "expectation",
            Self::HeadTooLarge => "head_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::BodyTooLong => "body_too_long",
            Self::HeadTooSlow => "head_too_slow",
            Self::BodyTooSlow => "body_too_slow",
            Self::ResponseTooSlow => "response_too_slow",
            Self::Connections => "connections",
        }
    }

    /// The whole response in the bytes of HTTP/1.1, for a client whose request was never handed on.
    pub fn words(self) -> String {
        let (status, text) = (self.status(), format!("{self}\n"));
        let head = "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close";
        format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    }

    /// The response to a request of `version`. Up to HTTP/1.1 it ends the connection, because what follows may not be
    /// what it seems; an HTTP/2 stream ends by itself.
    pub fn response(self, version: Version) -> Response<Body> {
        let mut response = Response::new(Body::full(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status() == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, ALLOWED);
        }
        if version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
