//! An origin that dies in mid-body gives a response that its client can tell from a whole one: over every way in which a body may
//! come, every way in which a client may get it, and whatever is done with it in between.
//!
//! Two cases nobody can tell, and they are asserted as well. A body that ends with the origin's connection (RFC 9112 section 6.3)
//! is whole by definition. And a client of HTTP/1.0, to which we know no length to send, gets one of that kind from us; only where
//! it is compressed does its coding miss its end.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use inlay::http::{Body, BodyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::house::{Front, SOON, serve_origin};

const BEGIN: &str = "<body><p>one</p>";
const RULES: &str = "rules: { a: { match: { path: /page }, inject: [{ select: p, place: append, html: X }] } }";

/// How the body comes from the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Counted,
    Chunked,
    UntilClosed,
    Http2,
}

/// By what the client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    KeepAlive,
    Http10,
    Http2,
}

/// What is done with the body on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Passed,
    Rewritten,
    /// Rewritten as well.
    Compressed,
}

/// What a client makes of what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Whole,
    Broken,
}

impl Way {
    fn path(self) -> &'static str {
        if self == Self::Passed { "/other" } else { "/page" }
    }

    fn accepted(self) -> &'static str {
        if self == Self::Compressed { "gzip" } else { "identity" }
    }
}

/// What can be told at best.
fn expected(from: From, by: By, way: Way) -> Seen {
    let is_delimited_by_us = by != By::Http10 || way == Way::Compressed || (from, way) == (From::Counted, Way::Passed);
    if from != From::UntilClosed && is_delimited_by_us { Seen::Broken } else { Seen::Whole }
}

/// An origin whose every body breaks off.
async fn dying(from: From) -> SocketAddr {
    let head = match from {
        From::Http2 => return dying_by_http2(),
        From::Counted => format!("Content-Length: 100000\r\n\r\n{BEGIN}"),
        From::Chunked => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{BEGIN}\r\n", BEGIN.len()),
        From::UntilClosed => format!("Connection: close\r\n\r\n{BEGIN}"),
    };
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{head}");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                until(&mut stream, "\r\n\r\n").await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

fn dying_by_http2() -> SocketAddr {
    let (address, trigger) = serve_origin(|_| {
        let begin = futures_util::stream::once(async { Ok(Bytes::from_static(BEGIN.as_bytes())) });
        let broken = futures_util::stream::once(async {
            tokio::task::yield_now().await;
            Err(BodyError::TooSlow)
        });
        let body = Body::stream(futures_util::StreamExt::chain(begin, broken));
        Response::builder().header("content-type", "text/html; charset=utf-8").body(body).expect("a response")
    });
    // It serves until the process ends.
    std::mem::forget(trigger);
    address
}

/// Reads until `mark` has come, or the end.
async fn until(stream: &mut TcpStream, mark: &str) -> Vec<u8> {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(mark) {
        let mut bytes = [0; 4096];
        match tokio::time::timeout(SOON, stream.read(&mut bytes)).await.expect("an end in time") {
            Ok(0) | Err(_) => break,
            Ok(length) => read.extend(&bytes[..length]),
        }
    }
    read
}

async fn asked_by_http1(address: SocketAddr, by: By, way: Way) -> Seen {
    let version = if by == By::Http10 { "1.0" } else { "1.1" };
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET {} HTTP/{version}\r\nHost: a\r\nAccept-Encoding: {}\r\n\r\n", way.path(), way.accepted());
    stream.write_all(head.as_bytes()).await.expect("sent");
    let read = until(&mut stream, "\r\n0\r\n\r\n").await;
    let at = read.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&read[..at]).to_ascii_lowercase();
    let body = &read[at + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let is_whole = match length {
        Some(length) => body.len() == length,
        None if head.contains("transfer-encoding: chunked") => body.ends_with(b"\r\n0\r\n\r\n"),
        None => way != Way::Compressed || is_whole_gzip(body),
    };
    if way != Way::Compressed {
        assert!(String::from_utf8_lossy(body).contains("<p>one"), "what came is passed on: {by:?}, {way:?}");
    }
    if is_whole { Seen::Whole } else { Seen::Broken }
}

fn is_whole_gzip(bytes: &[u8]) -> bool {
    std::io::copy(&mut flate2::read::GzDecoder::new(bytes), &mut std::io::sink()).is_ok()
}

async fn asked_by_http2(address: SocketAddr, way: Way) -> Seen {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("a greeting");
    tokio::spawn(connection);
    let request = Request::get(format!("http://a{}", way.path())).header("accept-encoding", way.accepted());
    let response = sender.send_request(request.body(Body::empty()).expect("a request")).await.expect("a head");
    let body = tokio::time::timeout(SOON, response.into_body().collect()).await.expect("an end in time");
    if body.is_ok() { Seen::Whole } else { Seen::Broken }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_from_a_whole_one() {
    for from in [From::Counted, From::Chunked, From::UntilClosed, From::Http2] {
        let protocol = if from == From::Http2 { "http2" } else { "http1" };
        let origin = dying(from).await;
        let deployment = format!(
            "origins: {{ dying: {{ urls: ['http://{origin}'], protocol: {protocol} }} }}\n\
             routes: [{{ path: '/**', origin: dying }}]\n"
        );
        let front = Front::facing(origin, &deployment, &[("rules/a.yaml", RULES)]).await;
        for by in [By::KeepAlive, By::Http10, By::Http2] {
            for way in [Way::Passed, Way::Rewritten, Way::Compressed] {
                let seen = match by {
                    By::KeepAlive | By::Http10 => asked_by_http1(front.address(), by, way).await,
                    By::Http2 => asked_by_http2(front.address(), way).await,
                };
                assert_eq!(seen, expected(from, by, way), "{from:?}, {by:?}, {way:?}");
            }
        }
    }
}
