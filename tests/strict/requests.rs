//! Requests: `expect:` is `refused`, `refused STATUS` (closed, and not served beyond the `before:` first ones), `forwarded`
//! (`requests:` of them, one unless said, with each `sees:` among the bytes at the origin and no `never:`, in any case) or
//! `either`. `each:` makes a case for each of some bytes.

use std::time::Duration;

use futures_util::StreamExt;
use http::Request;
use inlay::http::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Case;
use crate::house::{Setup, h2};
use crate::origin::{Captured, ambiguity, capturing_origin};

/// Longer than any answer takes, shorter than a connection that is told to end may be idle.
const PATIENCE: Duration = Duration::from_secs(4);
/// Cases that run at once: more would make each other late on a busy machine.
const AT_ONCE: usize = 64;
/// How long a case that may end either way is watched.
const GLANCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn nothing_ambiguous_is_forwarded() {
    let cases = Case::all("requests", "bytes");
    assert!(cases.len() > 80, "only {} cases", cases.len());
    let all = [Arrival::Whole, Arrival::InPieces];
    let ways =
        |case| all.iter().take(if Case::said(case, "each").is_some() { 1 } else { 2 }).map(move |way| (case, *way));
    let runs = cases.iter().flat_map(ways).map(|(case, arrival)| async move {
        let (captured, answer) = run(case, arrival).await;
        let told = format!("{:?}\n  answer {:?}", captured.text(), String::from_utf8_lossy(&answer.bytes));
        case.judge(&captured, &answer).map(|problem| format!("{} ({arrival:?}): {problem}\n  origin {told}", case.name))
    });
    let runs = futures_util::stream::iter(runs).buffer_unordered(AT_ONCE);
    let problems: Vec<String> = runs.filter_map(std::future::ready).collect().await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn http2_is_held_to_the_same_and_only_the_stream_ends() {
    let (origin, captured) = capturing_origin().await;
    let proxy = Setup::of(origin).proxy();
    let mut sender = h2(proxy.address).await;
    for (request, status) in [
        (Request::get("http://a/").header("host", "b"), 400),
        (Request::get("http://a,b/"), 400),
        (Request::get("ftp://a/"), 400),
        (Request::builder().method("TRACE").uri("http://a/"), 405),
        (Request::get("http://a/good").header("host", "a"), 200),
    ] {
        let response = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(!response.headers().contains_key("connection"));
    }
    assert_eq!(captured.whole().len(), 1, "{}", captured.text());
}

/// How a request's bytes come.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Whole,
    /// In [`PIECES`], each by itself.
    InPieces,
}

/// So many that most are of one to five bytes.
const PIECES: usize = 30;

async fn send(stream: &mut TcpStream, bytes: &[u8], arrival: Arrival) -> std::io::Result<()> {
    let size = match arrival {
        Arrival::Whole => bytes.len(),
        Arrival::InPieces => bytes.len().div_ceil(PIECES),
    };
    stream.set_nodelay(true)?;
    for piece in bytes.chunks(size) {
        stream.write_all(piece).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// What came back to the client.
struct Answer {
    bytes: Vec<u8>,
    closed: bool,
}

impl Answer {
    fn statuses(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split("HTTP/1.1 ").skip(1).map(|answer| answer.chars().take(3).collect()).collect()
    }
}

async fn run(case: &Case, arrival: Arrival) -> (Captured, Answer) {
    let (origin, captured) = capturing_origin().await;
    let proxy = Setup::of(origin).proxy();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    // The proxy may close before it has read all.
    let _ = send(&mut stream, &case.bytes(), arrival).await;
    let expected = case.said("expect").unwrap();
    let enough = |answer: &Answer| expected == "forwarded" && answer.statuses().len() >= case.number("requests", 1);
    let patience = if expected == "either" { GLANCE } else { PATIENCE };
    let mut answer = Answer { bytes: Vec::new(), closed: false };
    let reading = async {
        let mut buffer = [0; 4096];
        while !enough(&answer) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => {
                    answer.closed = true;
                    return;
                }
                Ok(length) => answer.bytes.extend(&buffer[..length]),
            }
        }
    };
    let _ = tokio::time::timeout(patience, reading).await;
    (captured, answer)
}

impl Case {
    /// What is wrong, if anything is.
    fn judge(&self, captured: &Captured, answer: &Answer) -> Option<String> {
        let whole = captured.whole();
        if let Some(ambiguous) = whole.iter().find_map(|request| ambiguity(request)) {
            return Some(format!("{ambiguous} was forwarded"));
        }
        let text = captured.text();
        match self.said("expect").unwrap().split_once(' ').unwrap_or((self.said("expect").unwrap(), "")) {
            ("either", _) => None,
            ("forwarded", _) => {
                let requests = self.number("requests", 1);
                let missing = self.all_said("sees").find(|line| !text.contains(*line));
                let lower = text.to_ascii_lowercase();
                let unwanted = self.all_said("never").find(|line| lower.contains(*line));
                match missing {
                    _ if whole.len() != requests => Some(format!("{} requests were forwarded", whole.len())),
                    Some(line) => Some(format!("the origin did not see {line:?}")),
                    None if unwanted.is_some() => Some(format!("the origin saw {unwanted:?}")),
                    None if answer.statuses().iter().any(|status| status != "200") => Some("it was refused".into()),
                    None => None,
                }
            }
            ("refused", status) => {
                let before = self.number("before", 0);
                let last = answer.statuses().into_iter().skip(before).last();
                match last {
                    _ if whole.len() != before => Some(format!("{} requests were forwarded", whole.len())),
                    _ if !answer.closed => Some("the connection is still open".into()),
                    Some(last) if !last.starts_with(['4', '5']) => Some(format!("it was answered with {last}")),
                    last if !status.is_empty() && last.as_deref() != Some(status) => {
                        Some(format!("not {status}: {last:?}"))
                    }
                    _ => None,
                }
            }
            (other, _) => panic!("{}: {other} is nothing to expect", self.name),
        }
    }
}
