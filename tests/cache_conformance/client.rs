//! The client of the cases: one connection, one request, everything that came back.
//!
//! In: an address and a request. Out: the answer with its interim responses, or why there is none. It must not judge.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::origin::joined;

/// What must come at all comes within this time; it bounds a failure, it measures nothing.
const SOON: Duration = Duration::from_secs(20);

/// An answer; its status is 0 where the connection ended before there was one.
#[derive(Debug, Default)]
pub struct Answer {
    pub interim: Vec<u16>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body; none if it broke off.
    pub body: Option<String>,
}

impl Answer {
    /// All lines of a header, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        joined(&self.headers, name)
    }

    /// The step whose answer of the origin this is. None for an answer that the origin never gave.
    pub fn step(&self) -> Option<usize> {
        self.header("answers-step")?.parse().ok()
    }
}

/// What every client sends, unless the case says otherwise: unknown directives must not matter.
const USUAL: &[(&str, &str)] = &[
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("cache-control", "none-of-your-business"),
    ("pragma", "none-either"),
    ("user-agent", "conformance"),
];

/// Sends one request on a connection of its own.
pub async fn send(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<Answer, String> {
    tokio::time::timeout(SOON, exchange(to, method, path, headers, body)).await.map_err(|_| "no answer in time")?
}

async fn exchange(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<Answer, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(to).await.map_err(|error| said(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| said(&error))?;
    tokio::spawn(connection);
    let mut request = request(to, method, path, headers, body)?;
    let interim = Arc::new(Mutex::new(vec![]));
    let noted = Arc::clone(&interim);
    hyper::ext::on_informational(&mut request, move |response| {
        noted.lock().expect("no panic").push(response.status().as_u16());
    });
    let response = match sender.send_request(request).await {
        Ok(response) => response,
        // It broke off before its head was out.
        Err(error) if error.is_incomplete_message() => return Ok(Answer::default()),
        Err(error) => return Err(said(&error)),
    };
    let (head, body) = response.into_parts();
    let fields = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let headers = fields.collect();
    let body = body.collect().await.ok().map(|body| text(&body.to_bytes()));
    let interim = std::mem::take(&mut *interim.lock().expect("no panic"));
    Ok(Answer { interim, status: head.status.as_u16(), headers, body })
}

fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<Request<Full<Bytes>>, String> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let mut request = Request::builder().method(method).uri(path).body(body).map_err(|error| error.to_string())?;
    let fields = request.headers_mut();
    let usual = USUAL.iter().filter(|(name, _)| joined(headers, name).is_none());
    for (name, value) in usual {
        fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in headers.iter().chain([&("host".to_owned(), to.to_string())]) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        fields.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|error| error.to_string())?);
    }
    Ok(request)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
