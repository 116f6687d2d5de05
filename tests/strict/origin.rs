//! An origin that keeps the bytes it gets, and judges what was forwarded to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What two readers could read differently in a request's head.
pub fn ambiguity(request: &[u8]) -> Option<&'static str> {
    let head = head_of(request)?;
    let lines: Vec<&str> = head.split("\r\n").collect();
    let count = |name: &str| lines.iter().filter(|line| line.to_ascii_lowercase().starts_with(name)).count();
    let target = lines[0].split(' ').nth(1).unwrap_or_default();
    [
        (count("host:") != 1, "not one Host"),
        (count("content-length:") > 1, "two lengths"),
        (count("content-length:") + count("transfer-encoding:") > 1, "a length and a coding"),
        (lines.iter().any(|line| line.contains(['\r', '\n', '\0'])), "a bare CR, LF or NUL"),
        (lines.iter().any(|line| line.starts_with([' ', '\t'])), "a folded line"),
        (
            lines[1..].iter().any(|line| line.split(':').next().unwrap().ends_with([' ', '\t'])),
            "a space before a colon",
        ),
        (!lines[0].ends_with(" HTTP/1.1") || lines[0].split(' ').count() != 3, "a request line in other parts"),
        (target.contains('#') || !target.starts_with(['/', '*']), "a target in another form"),
    ]
    .into_iter()
    .find_map(|(holds, what)| holds.then_some(what))
}

/// The bytes of each connection to the origin.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<Vec<u8>>>>);

impl Captured {
    /// All of them, as text.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The requests that came whole.
    pub fn whole(&self) -> Vec<Vec<u8>> {
        let connections = self.0.lock().unwrap();
        connections.iter().flat_map(|bytes| requests_in(bytes)).collect()
    }
}

/// Answers each whole request with 200 and two bytes.
pub async fn capturing_origin() -> (SocketAddr, Captured) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let captured = Captured::default();
    let all = captured.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = {
                let mut connections = all.0.lock().unwrap();
                connections.push(Vec::new());
                connections.len() - 1
            };
            tokio::spawn(capture(stream, all.clone(), number));
        }
    });
    (address, captured)
}

async fn capture(mut stream: TcpStream, all: Captured, number: usize) {
    let (mut buffer, mut answered) = ([0; 4096], 0);
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let whole = {
            let mut connections = all.0.lock().unwrap();
            connections[number].extend(&buffer[..length]);
            requests_in(&connections[number]).len()
        };
        for _ in answered..whole {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
        answered = whole;
    }
}

fn head_of(request: &[u8]) -> Option<String> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(String::from_utf8_lossy(&request[..end]).into_owned())
}

/// Splits what hyper wrote: its own framing, so that this reader may be simple. The last may be cut off and is then left out.
fn requests_in(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    while let Some(head) = head_of(bytes) {
        let lower = head.to_ascii_lowercase();
        let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let length =
            lower.split("\r\ncontent-length: ").nth(1).map(|rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let end = if lower.contains("transfer-encoding: chunked") {
            chunked_end(&bytes[body..])
        } else {
            Some(length.unwrap_or(0))
        };
        let Some(request) = end.and_then(|end| bytes.get(..body + end)) else { break };
        requests.push(request.to_vec());
        bytes = &bytes[body + end.unwrap()..];
    }
    requests
}

fn chunked_end(body: &[u8]) -> Option<usize> {
    let mut place = 0;
    loop {
        let line = body[place..].windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[place..place + line]).unwrap(), 16).unwrap();
        place += line + 2;
        if size == 0 {
            let trailers = &body[place..];
            if trailers.starts_with(b"\r\n") {
                return Some(place + 2);
            }
            return trailers.windows(4).position(|window| window == b"\r\n\r\n").map(|end| place + end + 4);
        }
        place += size + 2;
        if place > body.len() {
            return None;
        }
    }
}
