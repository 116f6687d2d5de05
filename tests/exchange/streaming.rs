//! Streaming stays streaming: what leaves while the origin still waits, what is not read while the client does not, and
//! that a broken body looks broken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use inlay::http::{Body, BodyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::coding::{decoded_so_far, encoded};
use super::house::{Front, SOON, fed, in_turn, page, typed};

const LAID: &str = "\
rules:
  laid:
    match: { path: /** }
    inject:
      - { select: main, place: prepend, html: LAID }
";

/// A body that is read bit by bit.
struct Reading {
    body: Incoming,
    coding: &'static str,
    coded: Vec<u8>,
}

impl Reading {
    fn text(&self) -> String {
        String::from_utf8(decoded_so_far(self.coding, &self.coded)).expect("UTF-8")
    }

    /// Reads on until what came so far, decoded, is `text`.
    async fn until(&mut self, text: &str) {
        let reading = async {
            while self.text() != text {
                let frame = self.body.frame().await.expect("more of the page").expect("a whole frame");
                self.coded.extend_from_slice(&frame.into_data().unwrap_or_default());
            }
        };
        let in_time = tokio::time::timeout(SOON, reading).await.is_ok();
        assert!(in_time, "{}: `{text}` should be here, while the origin waits; it is `{}`", self.coding, self.text());
    }
}

#[tokio::test]
async fn what_is_there_leaves_while_the_origin_waits() {
    let types = ["text/html; charset=utf-8", "text/html"];
    for (content_type, coding) in types.into_iter().flat_map(|kind| ["", "gzip", "br", "zstd"].map(|c| (kind, c))) {
        let (origin, body) = fed();
        let front = Front::new(LAID, in_turn([typed(content_type, body)])).await;
        let response = front.begin("GET", "/", &[("accept-encoding", coding)], "").await;
        let mut reading = Reading { body: response.into_body(), coding, coded: Vec::new() };
        let mut text = String::new();
        for (piece, leaves) in [
            ("<main><p>first", "<main>LAID<p>first"),
            ("</p><p>second", "</p><p>second"),
            ("</p></main>", "</p></main>"),
        ] {
            origin.send(piece.into()).await.expect("the origin is read");
            text.push_str(leaves);
            reading.until(&text).await;
        }
        drop(origin);
        let rest = (&mut reading.body).collect().await.expect("a whole body");
        reading.coded.extend(rest.to_bytes());
        assert_eq!(reading.text(), text, "{content_type} {coding}");
    }
}

#[tokio::test]
async fn a_page_of_eight_megabytes_passes_with_its_slots() {
    let rules = "\
rules:
  laid:
    match: { path: /** }
    inject:
      - { select: li.offer, place: inner, template: \"{{ element.id }} now\" }
";
    let row = |number: usize| match number % 100 {
        0 => format!("<li class=offer id=o{number}>an offer</li>\n"),
        _ => format!("<li>{number} {}</li>\n", "plain words ".repeat(13)),
    };
    let rows: String = (0..52_000).map(row).collect();
    let html = format!("<html><body><ul>{rows}</ul></body></html>");
    assert!(html.len() > 8 << 20);
    let front = Front::new(rules, in_turn([page(html.clone())])).await;
    let offer = |number: usize| (format!("id=o{number}>an offer<"), format!("id=o{number}>o{number} now<"));
    let expected = (0..52_000).step_by(100).map(offer).fold(String::with_capacity(html.len()), |done, (from, to)| {
        let (before, _) = html[origin_length(&done)..].split_once(&from).expect("an offer");
        done + before + &to
    });
    let expected = expected.clone() + &html[origin_length(&expected)..];
    assert!(front.get("/").await.text() == expected, "the page differs outside its slots");
}

/// How much of the origin's page a prefix of the expected one stands for.
fn origin_length(prefix: &str) -> usize {
    let shown: usize = prefix.matches(" now<").count();
    let written: usize = (0..shown).map(|offer| format!("o{} now", offer * 100).len()).sum();
    prefix.len() - written + shown * "an offer".len()
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_origin_back() {
    for select in ["main", "p"] {
        let pulled = Arc::new(AtomicUsize::new(0));
        let counter = pulled.clone();
        let front = Front::new(&LAID.replace("main", select), move |_| {
            let counter = counter.clone();
            let piece = Bytes::from(format!("<p>{}</p>", "x".repeat(64 * 1024)));
            let endless = futures_util::stream::repeat_with(move || {
                counter.fetch_add(piece.len(), Ordering::Relaxed);
                Ok::<_, BodyError>(piece.clone())
            });
            typed("text/html; charset=utf-8", Body::stream(endless))
        })
        .await;
        let mut client = TcpStream::connect(front.address()).await.expect("a connection");
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut before = 0;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = pulled.load(Ordering::Relaxed);
            if now == before && now > 0 {
                break;
            }
            before = now;
        }
        assert_eq!(pulled.load(Ordering::Relaxed), before, "the origin is still being read");
        // What the sockets of two hops hold, and the page's budget.
        assert!(before < 64 << 20, "{before} bytes were taken from the origin");
        // And it goes on where the client does.
        let mut taken = vec![0; 16 << 20];
        client.read_exact(&mut taken).await.expect("more of the page");
        assert!(taken.windows(4).any(|bytes| bytes == b"</p>"));
    }
}

/// An origin of raw bytes: each connection gets `answer` after a request's head, and is closed.
async fn raw_origin(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    address
}

/// The bytes of the chunks after a head, as far as they came.
fn unchunked(message: &[u8]) -> Vec<u8> {
    let line_end = |from: usize| message[from..].windows(2).position(|two| two == b"\r\n").map(|at| from + at);
    let head = message.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let (mut at, mut body) = (head + 4, Vec::new());
    while let Some(end) = line_end(at) {
        let size = std::str::from_utf8(&message[at..end]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        body.extend_from_slice(&message[end + 2..(end + 2 + size).min(message.len())]);
        at = (end + 4 + size).min(message.len());
    }
    body
}

#[tokio::test]
async fn a_page_that_breaks_off_is_seen_to_be_broken() {
    let part = "<main><p>first";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n";
    let cut = encoded("gzip", part.repeat(100).as_bytes());
    let cut = &cut[..cut.len() - 12];
    let answers = [
        ("chunks", format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{part}\r\n", part.len()).into_bytes()),
        ("length", format!("{head}Content-Length: 100\r\n\r\n{part}").into_bytes()),
        (
            "gzip",
            [format!("{head}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", cut.len()).as_bytes(), cut].concat(),
        ),
    ];
    for (what, answer) in answers {
        let front = Front::facing(raw_origin(answer).await, "", &[("rules/a.yaml", LAID)]).await;
        for coding in ["identity", "gzip"] {
            let mut client = TcpStream::connect(front.address()).await.expect("a connection");
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n");
            client.write_all(request.as_bytes()).await.expect("sent");
            let mut seen = Vec::new();
            let read = tokio::time::timeout(SOON, client.read_to_end(&mut seen)).await;
            read.unwrap_or_else(|_| panic!("{what} {coding}: the connection should end")).expect("read");
            let text = String::from_utf8_lossy(&seen);
            assert!(text.starts_with("HTTP/1.1 200 "), "{what} {coding}: {text}");
            assert!(!seen.ends_with(b"0\r\n\r\n"), "{what} {coding}: half a page looks whole");
            // What had come leaves, also what a compressor still held.
            let plain = decoded_so_far(coding, &unchunked(&seen));
            let plain = String::from_utf8_lossy(&plain);
            assert!(plain.starts_with("<main>LAID<p>first"), "{what} {coding}: {plain}");
        }
    }
}

#[tokio::test]
async fn events_flow() {
    let (events, body) = fed();
    let front = Front::new(LAID, in_turn([typed("text/event-stream", body)])).await;
    let response = front.begin("GET", "/", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut reading = Reading { body: response.into_body(), coding: "", coded: Vec::new() };
    events.send("data: <main>\n\n".into()).await.expect("the origin is read");
    reading.until("data: <main>\n\n").await;
    events.send("data: two\n\n".into()).await.expect("the origin is read");
    reading.until("data: <main>\n\ndata: two\n\n").await;
}

#[tokio::test]
async fn websockets_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.expect("sent");
            }
        }
    });
    let front = Front::facing(origin, "", &[("rules/a.yaml", LAID)]).await;
    let url = format!("ws://{}/chat", front.address());
    let (mut socket, response) = tokio_tungstenite::connect_async(url).await.expect("a handshake");
    assert_eq!(response.status(), 101);
    for text in ["<main>".to_owned(), "two".repeat(50_000)] {
        socket.send(Message::text(text.clone())).await.expect("sent");
        assert_eq!(socket.next().await.expect("an echo").expect("whole"), Message::text(text));
    }
    socket.close(None).await.expect("closed");
}
