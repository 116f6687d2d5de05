//! The client's side of one keep-alive connection, with as little work as can be: the load must cost less than what it
//! measures.
//!
//! In: what a visitor asks. Out: the response's body. It reads what HTTP servers send to such requests, and fails on everything
//! else.

use std::io::Read;
use std::net::SocketAddr;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;
use crate::subject::Asking;

/// The version that a connection speaks; both without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// With prior knowledge.
    Http2,
}

/// The coding that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Brotli,
}

impl Coding {
    /// What `Accept-Encoding` says; nothing where none is accepted.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

/// A connection of either protocol, with one exchange at a time.
pub enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// A request, made ready for a protocol.
#[derive(Clone, Debug)]
pub enum Prepared {
    Http1(Bytes),
    Http2(Box<Request<Empty<Bytes>>>),
}

impl Prepared {
    pub fn new(asking: &Asking, protocol: Protocol) -> Result<Self, Failure> {
        let Asking { path, coding, cookie } = asking;
        Ok(match protocol {
            Protocol::Http1 => {
                let accepted = coding.name().map(|name| format!("accept-encoding: {name}\r\n")).unwrap_or_default();
                let head =
                    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: load\r\naccept: text/html\r\n");
                Self::Http1(format!("{head}{accepted}cookie: {cookie}\r\n\r\n").into())
            }
            Protocol::Http2 => {
                let request = Request::get(format!("http://localhost{path}"))
                    .header(header::USER_AGENT, "load")
                    .header(header::ACCEPT, "text/html")
                    .header(header::COOKIE, cookie);
                let request = coding
                    .name()
                    .into_iter()
                    .fold(request, |request, name| request.header(header::ACCEPT_ENCODING, name));
                Self::Http2(Box::new(request.body(Empty::new())?))
            }
        })
    }
}

impl Connection {
    pub async fn open(address: SocketAddr, protocol: Protocol) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(match protocol {
            Protocol::Http1 => Self::Http1(Http1::new(stream)),
            Protocol::Http2 => Self::Http2(Http2::open(stream).await?),
        })
    }

    /// One exchange. The body is as it came, compressed or not.
    pub async fn exchange(&mut self, request: &Prepared) -> Result<&[u8], Failure> {
        match (self, request) {
            (Self::Http1(connection), Prepared::Http1(request)) => connection.exchange(request).await,
            (Self::Http2(connection), Prepared::Http2(request)) => connection.exchange((**request).clone()).await,
            _ => Err("a request for another protocol".into()),
        }
    }
}

/// An HTTP/2 connection; hyper's, because its framing and flow control are more than a few lines.
pub struct Http2 {
    sender: SendRequest<Empty<Bytes>>,
    body: Vec<u8>,
}

impl Http2 {
    /// Windows in which the whole page fits, as browsers have them.
    const WINDOW: u32 = 1 << 20;

    async fn open(stream: TcpStream) -> Result<Self, Failure> {
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(Self::WINDOW)
            .initial_connection_window_size(Self::WINDOW)
            .handshake(TokioIo::new(stream))
            .await?;
        // If it breaks, the exchange says so.
        tokio::spawn(connection);
        Ok(Self { sender, body: Vec::new() })
    }

    async fn exchange(&mut self, request: Request<Empty<Bytes>>) -> Result<&[u8], Failure> {
        self.body.clear();
        self.sender.ready().await?;
        let mut response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("not 200 but {}", response.status()).into());
        }
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame?.into_data() {
                self.body.extend_from_slice(&data);
            }
        }
        Ok(&self.body)
    }
}

/// An HTTP/1.1 connection, with a response's bytes while it is read.
pub struct Http1 {
    stream: TcpStream,
    /// What came and was not consumed, from `at`.
    buffer: Vec<u8>,
    at: usize,
    /// The body of the last response, without its framing.
    body: Vec<u8>,
}

/// How a body says where it ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl Http1 {
    fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::with_capacity(256 * 1024), at: 0, body: Vec::new() }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
        self.buffer.clear();
        self.at = 0;
        self.body.clear();
        self.stream.write_all(request).await?;
        match self.head().await? {
            Framing::Length(length) => self.take(length).await?,
            Framing::Chunked => while self.chunk().await? > 0 {},
        }
        if self.at != self.buffer.len() {
            return Err("bytes follow the response".into());
        }
        Ok(&self.body)
    }

    async fn head(&mut self) -> Result<Framing, Failure> {
        let end = self.until(b"\r\n\r\n").await?;
        let head = std::str::from_utf8(&self.buffer[self.at..end])?;
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("not 200 but {}", head.lines().next().unwrap_or_default()).into());
        }
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let mut framing = None;
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("content-length") {
                framing = Some(Framing::Length(value.parse()?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked" {
                framing = Some(Framing::Chunked);
            }
        }
        self.at = end;
        framing.ok_or_else(|| "neither a length nor chunks".into())
    }

    /// One chunk; how long it is. The last has none.
    async fn chunk(&mut self) -> Result<usize, Failure> {
        let end = self.until(b"\r\n").await?;
        let line = std::str::from_utf8(&self.buffer[self.at..end - 2])?;
        let length = usize::from_str_radix(line, 16)?;
        self.at = end;
        self.take(length).await?;
        self.have(2).await?;
        self.at += 2;
        Ok(length)
    }

    async fn take(&mut self, length: usize) -> Result<(), Failure> {
        self.have(length).await?;
        self.body.extend_from_slice(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(())
    }

    /// Reads until `mark` has come; where it ends.
    async fn until(&mut self, mark: &[u8]) -> Result<usize, Failure> {
        loop {
            if let Some(found) = self.buffer[self.at..].windows(mark.len()).position(|window| window == mark) {
                return Ok(self.at + found + mark.len());
            }
            self.more().await?;
        }
    }

    async fn have(&mut self, length: usize) -> Result<(), Failure> {
        while self.buffer.len() - self.at < length {
            self.more().await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// A body without its coding.
pub fn decoded(body: &[u8], coding: Coding, into: &mut Vec<u8>) -> Result<(), Failure> {
    into.clear();
    match coding {
        Coding::Identity => into.extend_from_slice(body),
        Coding::Gzip => {
            GzDecoder::new(body).read_to_end(into)?;
        }
        Coding::Brotli => {
            brotli::Decompressor::new(body, 4096).read_to_end(into)?;
        }
    }
    Ok(())
}
