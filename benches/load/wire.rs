//! The client's side of one keep-alive HTTP/1.1 connection, with as little work as can be: the load must cost less than
//! what it measures.
//!
//! In: a request as bytes. Out: the response's body and how many bytes crossed the wire. It reads what HTTP servers send to such
//! requests, and fails on everything else.

use std::io::Read;
use std::net::SocketAddr;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// The coding that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
}

/// A connection, with a response's bytes while it is read.
pub struct Connection {
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

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(256 * 1024), at: 0, body: Vec::new() })
    }

    /// One exchange. The body is as it came, compressed or not.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
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
    }
    Ok(())
}
