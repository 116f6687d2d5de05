//! How connections end: drained, cut, idle, or given up.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use inlay::http::{Body, BodyError};
use inlay::shutdown::Drained;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::house::{Setup, echo, get, h2, read_until, serve, text};

fn slow() -> impl Fn(Request<Body>) -> futures_util::future::BoxFuture<'static, Response<Body>> + Clone {
    |_| {
        let pieces = futures_util::stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            (number < 5).then(|| (Ok::<_, BodyError>(Bytes::from(format!("piece {number};"))), number + 1))
        });
        Box::pin(async move { Response::new(Body::stream(pieces)) })
    }
}

#[tokio::test]
async fn a_drain_lets_what_is_in_flight_end() {
    let server = serve(None, slow());
    let address = server.address;
    let mut one = TcpStream::connect(address).await.unwrap();
    one.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut one, "piece 0;").await;
    let request = Request::get("http://a/").body(Body::empty()).unwrap();
    let two = h2(address).await.send_request(request).await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    tokio::task::yield_now().await;

    // Less than what closes a connection that does not take the hint.
    let drained = tokio::spawn(server.trigger.drain(Duration::from_secs(3)));
    let mut rest = String::new();
    one.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("piece 4;") && rest.ends_with("0\r\n\r\n"), "{rest}");
    assert!(text(two).await.ends_with("piece 4;"));
    assert_eq!(idle.read(&mut [0; 9]).await.unwrap_or(0), 0, "an idle connection should be closed");
    assert_eq!(drained.await.unwrap(), Drained::Whole);
    TcpStream::connect(address).await.expect_err("nobody should listen any more");
}

#[tokio::test]
async fn a_drain_is_bounded() {
    let server = serve(None, |_| async { Response::new(Body::stream(futures_util::stream::pending())) });
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(server.trigger.drain(Duration::from_millis(200)).await, Drained::Cut { left: 1 });
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest).await;
    assert!(!rest.ends_with("0\r\n\r\n"), "a cut body must not look whole");
}

#[tokio::test]
async fn a_tunnel_holds_the_drain_up_until_it_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        std::future::pending::<()>().await;
    });
    let proxy = Setup::of(origin).proxy();
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/", proxy.address)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(proxy.trigger.drain(Duration::from_millis(200)).await, Drained::Cut { left: 1 });
    drop(socket);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_is_let_go() {
    let server = echo();
    for greeting in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow", "PRI * HTTP/2.0\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let started = Instant::now();
        // It may say 408 before it closes.
        let _ = stream.read_to_end(&mut Vec::new()).await;
        assert!(started.elapsed() <= inlay::limits::IDLE_WAIT + inlay::limits::CLOSE_WAIT, "{greeting:?}");
        assert!(started.elapsed() >= Duration::from_secs(1), "{greeting:?} {:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_is_let_go() {
    let server = echo();
    let mut sender = h2(server.address).await;
    let ask = || Request::get("http://a/").body(Body::empty()).unwrap();
    text(sender.send_request(ask()).await.unwrap()).await;
    tokio::time::sleep(inlay::limits::IDLE_WAIT + inlay::limits::CLOSE_WAIT + Duration::from_secs(1)).await;
    sender.ready().await.expect_err("the connection should be gone");
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Setup::of(listener.local_addr().unwrap()).proxy();
    let answer = get(proxy.address, "/", "").await;
    assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("http_response_timeout"), "{answer}");
}
