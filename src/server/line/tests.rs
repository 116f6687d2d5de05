//! A line over a stream in memory: what rests goes on as if it had not, and what must not rest does not.

use std::sync::atomic::AtomicUsize;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::http::Body;
use crate::http::activity::Activity;
use crate::server::counted::Counted;
use crate::server::http2::Pieces;
use crate::server::terms::Terms;

const BODY_BYTES: usize = 1000;

fn protocol() -> Protocol {
    Protocol::new(&Arc::new(Terms::default()))
}

fn answer() -> Response<Pieces<Counted>> {
    let in_use = Arc::new(Activity::begin().enter());
    Response::new(Pieces::new(Counted::new(Body::full("x".repeat(BODY_BYTES)), in_use)))
}

/// Drives `line` until nothing more happens at once.
async fn drive<S: Serves>(line: &mut Line<'_, DuplexStream, S>) -> Option<Result<Turn, Failure>> {
    tokio::select! {
        biased;
        turn = line.run() => Some(turn),
        () = tokio::time::sleep(std::time::Duration::from_millis(1)) => None,
    }
}

async fn read(client: &mut DuplexStream) -> String {
    let mut all = vec![0; 16 * 1024];
    let read = client.read(&mut all).await.expect("read");
    String::from_utf8_lossy(&all[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_silent_is_served_on() {
    let (protocol, served) = (protocol(), AtomicUsize::new(0));
    let service = service_fn(|request: Request<Incoming>| {
        served.fetch_add(1, Ordering::Relaxed);
        assert_eq!(request.uri().path(), "/asked");
        async { Ok::<_, h2::Error>(answer()) }
    });
    let (mut client, stream) = duplex(64 * 1024);
    let mut line = Line::new(stream, &protocol, &service);
    // Not before anything was said, either.
    assert!(line.rest(Spoken::Nothing));
    for round in 1..=3 {
        assert!(drive(&mut line).await.is_none());
        client.write_all(b"GET /asked HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
        assert!(matches!(drive(&mut line).await, Some(Ok(Turn::Woken))), "round {round}");
        assert!(drive(&mut line).await.is_none());
        let response = read(&mut client).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("xxx"), "{response}");
        assert_eq!(served.load(Ordering::Relaxed), round);
        assert!(line.rest(Spoken::Http1));
        assert!(line.rest(Spoken::Http1), "to rest twice is to rest");
    }
    line.close();
    assert!(matches!(drive(&mut line).await, Some(Ok(Turn::Ended))));
    assert_eq!(read(&mut client).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_has_not_taken_keeps_the_library() {
    let protocol = protocol();
    let service = service_fn(|_: Request<Incoming>| async { Ok::<_, h2::Error>(answer()) });
    let (mut client, stream) = duplex(BODY_BYTES / 2);
    let mut line = Line::new(stream, &protocol, &service);
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
    assert!(drive(&mut line).await.is_none());
    assert!(!line.rest(Spoken::Http1));
    let mut taken = String::new();
    while !taken.ends_with(&"x".repeat(BODY_BYTES)) {
        taken += &read(&mut client).await;
        assert!(drive(&mut line).await.is_none());
    }
    assert!(line.rest(Spoken::Http1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_or_turns_to_http2_is_let_go() {
    let protocol = protocol();
    let service = service_fn(|_: Request<Incoming>| async { Ok::<_, h2::Error>(answer()) });
    for last in [&b""[..], crate::server::framing::PREFACE] {
        let (mut client, stream) = duplex(64 * 1024);
        let mut line = Line::new(stream, &protocol, &service);
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
        assert!(drive(&mut line).await.is_none());
        read(&mut client).await;
        assert!(line.rest(Spoken::Http1));
        client.write_all(last).await.expect("sent");
        client.shutdown().await.expect("shut down");
        assert!(matches!(drive(&mut line).await, Some(Ok(Turn::Woken))));
        assert!(matches!(drive(&mut line).await, Some(Ok(Turn::Ended) | Err(_))));
        drop(line);
        let answered = read(&mut client).await;
        assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 4"), "{answered}");
    }
}
