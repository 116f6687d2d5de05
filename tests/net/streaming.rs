//! What must flow: events, tunnels, halves of bodies, and the knowledge that a body was cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use http_body_util::BodyExt;
use inlay::http::{Body, BodyError};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::house::{Setup, get, h2, raw_origin, read_until, serve};

fn channel_body() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok::<_, BodyError>(piece), receiver))
    });
    (sender, Body::stream(pieces))
}

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let (events, body) = channel_body();
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let origin = serve(None, move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::builder().header("content-type", "text/event-stream").body(body).unwrap() }
    });
    let proxy = Setup::of(origin.address).proxy();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // The head comes before any event.
    read_until(&mut stream, "\r\n\r\n").await;
    for event in ["data: one\n\n", "data: two\n\n"] {
        events.send(event.into()).await.unwrap();
        let seen = tokio::time::timeout(Duration::from_secs(5), read_until(&mut stream, event)).await;
        seen.expect("the event should arrive while nothing else is sent");
    }
}

#[tokio::test]
async fn a_request_is_answered_while_it_is_still_being_sent() {
    let origin = serve(None, |request: Request<Body>| async move { Response::new(request.into_body()) });
    let proxy = Setup::of(origin.address).proxy();
    let (pieces, body) = channel_body();
    let request = Request::post("http://a/").body(body).unwrap();
    let mut echoed = h2(proxy.address).await.send_request(request).await.unwrap().into_body();
    for piece in ["one", "two"] {
        pieces.send(piece.into()).await.unwrap();
        assert_eq!(echoed.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(pieces);
    let rest = echoed.collect().await.unwrap();
    assert_eq!(rest.to_bytes(), "");
}

#[tokio::test]
async fn websockets_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let proxy = Setup::of(origin).proxy();
    let url = format!("ws://{}/chat", proxy.address);
    let (mut socket, response) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(response.status(), 101);
    for text in ["one".to_owned(), "two".repeat(50_000)] {
        socket.send(Message::text(text.clone())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let proxy = Setup::of(raw_origin("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await).proxy();
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\nno").await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to_be_broken() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    for answer in [chunked, counted] {
        let proxy = Setup::of(raw_origin(answer).await).proxy();
        let seen = get(proxy.address, "/", "").await;
        assert!(seen.contains("hello") && !seen.contains("0\r\n\r\n"), "{seen}");
        let request = Request::get("http://a/").body(Body::empty()).unwrap();
        let response = h2(proxy.address).await.send_request(request).await.unwrap();
        response.into_body().collect().await.expect_err("a stream that is reset");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_breaks_off_for_the_origin() {
    let (told, mut tell) = mpsc::channel(1);
    let origin = serve(None, move |request: Request<Body>| {
        let told = told.clone();
        async move {
            told.send(request.into_body().collect().await.is_err()).await.unwrap();
            Response::new(Body::empty())
        }
    });
    let proxy = Setup::of(origin.address).proxy();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    assert!(tell.recv().await.unwrap(), "the origin took half an upload for a whole one");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_origin_back() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let origin = serve(None, move |_| {
        let counter = Arc::clone(&counter);
        let pieces = futures_util::stream::repeat_with(move || {
            counter.fetch_add(64 * 1024, Ordering::Relaxed);
            Ok::<_, BodyError>(Bytes::from(vec![b'x'; 64 * 1024]))
        });
        async move { Response::new(Body::stream(pieces)) }
    });
    let proxy = Setup::of(origin.address).proxy();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut before = usize::MAX;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = sent.load(Ordering::Relaxed);
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    // What the sockets of two hops hold, and no more: an unbounded buffer would have gone on.
    assert_eq!(sent.load(Ordering::Relaxed), before);
    assert!(before < 64 << 20, "{before} bytes were taken from the origin");
}
