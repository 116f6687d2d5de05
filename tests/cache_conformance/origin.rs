//! The origin of the cases: bare sockets, so that it can say what no library would.
//!
//! In: the cases that are being played, by their key. Out: what each step scripts, and a record of what was asked. The
//! step is told by the request's `Case-Step`; every answer says with `Answers-Step` which step it answered, whereby a stored one is
//! known. It must not judge.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::script::{Case, Check, Ending, Reply, Step};
use super::time::{Time, date, dated};

/// How long a slow answer takes: enough for requests of the same moment to meet, on a busy machine too.
const SLOW: Duration = Duration::from_millis(500);

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The step that it belongs to, from 1.
    pub step: usize,
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub at: Timestamp,
    /// What was answered, dates written out.
    pub sent: Vec<(String, String)>,
    pub status: u16,
}

impl Seen {
    /// A header of the request; several lines joined.
    pub fn header(&self, name: &str) -> Option<String> {
        joined(&self.headers, name)
    }
}

/// All lines of one field, joined.
pub fn joined(fields: &[(String, String)], name: &str) -> Option<String> {
    let lines: Vec<&str> =
        fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

struct Play {
    case: Case,
    seen: Vec<Seen>,
}

/// The cases being played.
#[derive(Clone)]
pub struct Origin {
    plays: Arc<Mutex<HashMap<String, Play>>>,
    time: Time,
    pub address: SocketAddr,
}

impl Origin {
    /// Listens at `address` until the test ends.
    pub async fn listen(address: SocketAddr, time: Time) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let origin = Self { plays: Arc::default(), time, address };
        let serving = origin.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let origin = serving.clone();
                // Whoever breaks off breaks off: the case will tell.
                tokio::spawn(async move { origin.converse(stream).await.unwrap_or_default() });
            }
        });
        origin
    }

    pub fn play(&self, key: &str, case: &Case) {
        let play = Play { case: case.clone(), seen: vec![] };
        self.plays.lock().expect("no panic").insert(key.to_owned(), play);
    }

    pub fn seen(&self, key: &str) -> Vec<Seen> {
        self.plays.lock().expect("no panic").get(key).map(|play| play.seen.clone()).unwrap_or_default()
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = vec![];
        while let Some(request) = request(&mut stream, &mut buffer).await? {
            let Some((bytes, ending)) = self.answer(&request).await else {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await?;
                continue;
            };
            if ending != Ending::Gone {
                stream.write_all(&bytes).await?;
            }
            if ending != Ending::Whole {
                return stream.shutdown().await;
            }
        }
        Ok(())
    }

    /// The bytes of the answer, and how the connection goes on. None if no such case is played.
    async fn answer(&self, request: &Request) -> Option<(Vec<u8>, Ending)> {
        let key = request.path.split('/').nth(1)?.split('?').next()?;
        let step: usize = joined(&request.headers, "case-step").and_then(|step| step.parse().ok()).unwrap_or(1);
        let reply = self.plays.lock().expect("no panic").get(key)?.case.steps.get(step - 1)?.reply.clone();
        self.time.pass(reply.pause).await;
        if reply.slow {
            tokio::time::sleep(SLOW).await;
        }
        let at = self.time.now();
        let mut plays = self.plays.lock().expect("no panic");
        let play = plays.get_mut(key)?;
        let unchanged = play.case.steps.get(step - 1).is_some_and(validates)
            && play.seen.iter().rev().find(|seen| seen.step < step).is_some_and(|last| matches(request, last));
        let conditional =
            ["if-none-match", "if-modified-since"].iter().any(|name| joined(&request.headers, name).is_some());
        let status = match reply.to_condition.filter(|_| conditional) {
            Some(status) => status,
            None if unchanged => 304,
            None => reply.status,
        };
        let mut sent: Vec<_> = reply.headers.iter().map(|(name, value)| (name.clone(), dated(value, at))).collect();
        if reply.dated && joined(&sent, "date").is_none() {
            sent.push(("Date".to_owned(), date(at)));
        }
        sent.push(("Answers-Step".to_owned(), step.to_string()));
        let bytes = bytes(&reply, status, &sent, key, request.method == "HEAD");
        let (method, headers) = (request.method.clone(), request.headers.clone());
        play.seen.push(Seen { step, method, headers, at, sent, status });
        Some((bytes, reply.ending))
    }
}

/// Whether the origin should find the step's request conditional, and true.
fn validates(step: &Step) -> bool {
    step.checks.iter().any(|line| matches!(line.check, Check::ValidatedByEtag | Check::ValidatedByDate))
}

fn matches(request: &Request, last: &Seen) -> bool {
    let same = |ours: &str, theirs: &str| {
        joined(&last.sent, ours).is_some_and(|had| joined(&request.headers, theirs).is_some_and(|has| has == had))
    };
    same("etag", "if-none-match") || same("last-modified", "if-modified-since")
}

fn bytes(reply: &Reply, status: u16, sent: &[(String, String)], key: &str, head_only: bool) -> Vec<u8> {
    let mut text = String::new();
    for (interim, fields) in &reply.interim {
        text += &format!("HTTP/1.1 {interim} Interim\r\n{}\r\n", written(fields));
    }
    text += &format!("HTTP/1.1 {status} Scripted\r\n{}", written(sent));
    let bodiless = matches!(status, 204 | 304);
    let body = if bodiless { "" } else { reply.body.as_deref().unwrap_or(key) };
    if joined(sent, "content-type").is_none() && status != 304 {
        text += "Content-Type: text/plain\r\n";
    }
    if joined(sent, "content-length").is_none() && !bodiless {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    if !head_only {
        text += if reply.ending == Ending::Cut { &body[..body.len() / 2] } else { body };
    }
    text.into_bytes()
}

fn written(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
}

/// The next request of a connection; its body is read and forgotten. None at the connection's end.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let Some(head) = until(stream, buffer, b"\r\n\r\n").await? else { return Ok(None) };
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let length = joined(&headers, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if joined(&headers, "transfer-encoding").is_some() {
        until(stream, buffer, b"0\r\n\r\n").await?;
    }
    while buffer.len() < length && stream.read_buf(buffer).await? > 0 {}
    buffer.drain(..length.min(buffer.len()));
    Ok(Some(Request { method, path, headers }))
}

/// What comes up to and with `end`.
async fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            return Ok(Some(buffer.drain(..at + end.len()).collect()));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
