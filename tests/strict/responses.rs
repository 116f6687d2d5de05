//! Responses: `expect:` is `502`, `cut` (the head leaves, the end is marked as missing) or `whole` (with each `sees:` in what the
//! client gets, and no `never:`), `bare` (a head alone) or `either`; `method:` is that of the request, GET unless said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::Case;
use crate::house::{Setup, get, raw, read_until};

#[tokio::test]
async fn nothing_malformed_passes_as_whole() {
    let cases = Case::all("responses", "bytes");
    assert!(cases.len() > 25, "only {} cases", cases.len());
    let runs =
        cases.iter().map(|case| async move { run(case).await.map(|problem| format!("{}: {problem}", case.name)) });
    let problems: Vec<String> = futures_util::future::join_all(runs).await.into_iter().flatten().collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What is wrong, if anything is.
async fn run(case: &Case) -> Option<String> {
    let proxy = Setup::of(origin(case.bytes(), case.said("then") == Some("close")).await).proxy();
    let method = case.said("method").unwrap_or("GET");
    let asked = format!("{method} /first HTTP/1.1\r\nHost: public.example\r\nConnection: close\r\n\r\n");
    let first = tokio::time::timeout(Duration::from_secs(10), raw(proxy.address, &asked)).await;
    let Ok(first) = first else { return Some("no answer".into()) };
    let status = first.get(9..12).unwrap_or_default();
    let is_whole =
        first.ends_with("\r\n0\r\n\r\n") || !first.contains("transfer-encoding: chunked") && has_its_length(&first);
    let missing = case.all_said("sees").find(|line| !first.contains(*line));
    let unwanted = case.all_said("never").find(|line| first.to_ascii_lowercase().contains(*line));
    let problem = match case.said("expect").unwrap() {
        _ if unwanted.is_some() => Some(format!("{unwanted:?} is in {first:?}")),
        "either" => None,
        "bare" => (status == "502" || !first.ends_with("\r\n\r\n")).then(|| format!("not bare: {first:?}")),
        "502" => (status != "502").then(|| format!("answered with {first:?}")),
        "cut" => (status == "502" || is_whole).then(|| format!("not cut: {first:?}")),
        "whole" if status == "502" || !is_whole => Some(format!("not whole: {first:?}")),
        "whole" => missing.map(|line| format!("{line:?} is not in {first:?}")),
        other => panic!("{}: {other} is nothing to expect", case.name),
    };
    // Time for what the origin sent too much to arrive.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = get(proxy.address, "/second", "").await;
    let is_clean = second.starts_with("HTTP/1.1 200 ") && second.ends_with("\r\n\r\nsecond");
    let problem = problem.or_else(|| (!is_clean).then(|| format!("the next request got {second:?}")));
    if !matches!(case.said("expect"), Some("502" | "cut")) {
        return problem;
    }
    let again = get(proxy.address, "/first", "").await;
    problem.or_else(|| (!again.ends_with("\r\n\r\nsecond")).then(|| format!("it was kept: {again:?}")))
}

fn has_its_length(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).map(|rest| rest.split("\r\n").next().unwrap());
    length.is_none_or(|length| length.parse() == Ok(body.len()))
}

/// Answers the first request with `bytes` and, on whichever connection they come, the others with themselves.
async fn origin(bytes: Vec<u8>, closes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (bytes, asked) = (Arc::new(bytes), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (bytes, asked) = (Arc::clone(&bytes), Arc::clone(&asked));
            tokio::spawn(async move {
                while read_until(&mut stream, "\r\n\r\n").await.contains("\r\n\r\n") {
                    if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                        let _ = stream.write_all(&bytes).await;
                        if closes {
                            return;
                        }
                    } else {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond").await;
                    }
                }
            });
        }
    });
    address
}
